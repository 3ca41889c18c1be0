-- A queue with nothing in it has nothing to wait for. `greatest` passes over nulls, so the first form of this function
-- answered 0 where it meant null, and the lanes of an idle worker asked again at once, for ever.
create or replace function next_task_in_ms(p_queue text) returns bigint
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select greatest(0, ceil(extract(epoch from next.at - clock_timestamp()) * 1000))::bigint
      from (select least(
             (select min(run_at) from tasks where queue = p_queue and state = 'pending'),
             (select min(lease_until) from tasks where queue = p_queue and state = 'running')) as at) as next
     where next.at is not null
  $$;
