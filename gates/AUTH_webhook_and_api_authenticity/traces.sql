-- What bears the ids of requests that were refused, and of those that were accepted, wherever a webhook leaves something.
select (select count(*)::int from attribution_events where correlation_id = any (:refused::uuid[])) as refused_events,
       (select count(*)::int from dead_events where correlation_id = any (:refused::uuid[])) as refused_dead,
       (select count(*)::int from tasks where correlation_id = any (:refused::uuid[])) as refused_tasks,
       (select count(*)::int from dead_events where correlation_id = any (:accepted::uuid[])) as dead,
       e.events, e.cents
  from (select count(*)::int as events, coalesce(sum(revenue_cents), 0)::bigint as cents
          from attribution_events
         where correlation_id = any (:accepted::uuid[]) and tenant_id = :a::uuid) e
