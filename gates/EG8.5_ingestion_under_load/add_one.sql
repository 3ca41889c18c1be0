-- A row with a key nobody sent, in the middle of the window.
insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                                event_timestamp, created_at, revenue_cents, currency, raw_payload, correlation_id)
select tenant_id, 'nobody-sent-this', vendor, event_type, 'pi_nobody', channel,
       event_timestamp, created_at, 77, currency, raw_payload, correlation_id
  from attribution_events where tenant_id = :t::uuid and revenue_cents = 111 order by created_at limit 1
