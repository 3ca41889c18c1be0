-- What the window's events asked for, and what came of it. Asking is part of the event's own transaction, so the window
-- by the database's clock holds for both.
with asked as (
  select state from tasks
   where tenant_id = :t::uuid and enqueued_at between :from::timestamptz and :to::timestamptz
)
select (select count(*)::int from asked) as enqueued,
       (select count(*)::int from asked where state in ('succeeded', 'failed')) as ended,
       (select count(*)::int from asked where state = 'failed') as failed,
       (select coalesce(sum(requests), 0)::int from attribution_recompute_jobs
         where tenant_id = :t::uuid and status = 'succeeded'
           and created_at between :from::timestamptz and :to::timestamptz) as requests
