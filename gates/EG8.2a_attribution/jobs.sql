-- What each tenant's events asked for: how many of them a recompute has answered, and whether a refresh that began after
-- the last recompute has ended well. A refresh is for all tenants, so it bears nobody's name.
select t.id as tenant_id,
       (select count(*)::int from attribution_events e where e.tenant_id = t.id) as events,
       coalesce(sum(j.requests) filter (where j.status = 'succeeded'), 0)::int as answered,
       count(*) filter (where j.status = 'failed')::int as failed,
       exists (select from matview_refresh_jobs r
                where r.status = 'succeeded' and r.started_at > max(j.finished_at)) as refreshed
  from unnest(:tenants::uuid[]) as t (id)
  left join attribution_recompute_jobs j on j.tenant_id = t.id
 group by t.id
