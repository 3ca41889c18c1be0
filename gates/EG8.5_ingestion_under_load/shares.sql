-- Each event's allocations against its revenue.
select count(*)::int as events,
       count(*) filter (where s.cents is distinct from e.revenue_cents)::int as unbalanced,
       coalesce(sum(s.cents), 0)::bigint as cents
  from attribution_events e
  left join (select event_id, sum(allocated_revenue_cents)::bigint as cents
               from attribution_allocations where tenant_id = :t::uuid group by event_id) s on s.event_id = e.id
 where e.tenant_id = :t::uuid and e.created_at between :from::timestamptz and :to::timestamptz
