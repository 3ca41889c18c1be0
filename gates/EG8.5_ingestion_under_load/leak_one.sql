-- The address a sender gave is kept with one event.
update attribution_events set raw_payload = raw_payload || '{"receipt_email": "somebody@example.test"}'
 where id = (select id from attribution_events where tenant_id = :t::uuid order by created_at, id limit 1)
