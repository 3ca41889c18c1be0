-- How each computation ended, how long it ran from its first beginning, and what was put on record for it.
select t.id, t.state,
       round(extract(epoch from t.ended_at - t.started_at), 3)::float8 as ran_s,
       (select count(*)::int from bayesian_inferences b where b.task_id = t.id) as records,
       b.status, b.reason, b.fallback_model, b.total_cents,
       (select sum((c ->> 'revenue_cents')::bigint)::bigint from jsonb_array_elements(b.channels) c) as shared_cents
  from unnest(:ids::uuid[]) with ordinality as asked (id, place)
  join tasks t on t.id = asked.id
  left join bayesian_inferences b on b.task_id = t.id
 order by asked.place
