-- One acknowledged event vanishes; its allocations go with it.
delete from attribution_events
 where id = (select id from attribution_events where tenant_id = :t::uuid and revenue_cents = 111
              order by created_at limit 1)
