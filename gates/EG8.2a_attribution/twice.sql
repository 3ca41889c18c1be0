-- The rules that keep payments and keys unique are taken away, and one event is stored again.
alter table attribution_events drop constraint one_event_per_payment;
alter table attribution_events drop constraint one_event_per_key;
insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                                event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
select tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
       event_timestamp, revenue_cents, currency, raw_payload, correlation_id
  from attribution_events where tenant_id = :a::uuid and vendor = 'woocommerce'
