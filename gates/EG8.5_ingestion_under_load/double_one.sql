-- The rule that keeps keys unique is taken away, and one event stored a second time under its own key.
alter table attribution_events drop constraint one_event_per_key;
insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                                event_timestamp, created_at, revenue_cents, currency, raw_payload, correlation_id)
select tenant_id, idempotency_key, vendor, event_type, external_event_id || '_again', channel,
       event_timestamp, created_at, revenue_cents, currency, raw_payload, correlation_id
  from attribution_events where tenant_id = :t::uuid and revenue_cents = 111 order by created_at limit 1
