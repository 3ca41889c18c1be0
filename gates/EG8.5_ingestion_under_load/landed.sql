-- What landed, class by class, and whether anything personal was kept: under the keys such data goes by, and by value
-- in any column.
with canonical as (
  select * from attribution_events
   where tenant_id = :t::uuid and created_at between :from::timestamptz and :to::timestamptz
), dead as (
  select * from dead_events
   where tenant_id = :t::uuid and ingested_at between :from::timestamptz and :to::timestamptz
), kept as (
  select 'canonical' as place, raw_payload, canonical::text as whole from canonical
  union all
  select 'dead', raw_payload, dead::text from dead
), personal as (
  select kept.place
    from kept, jsonb_path_query(kept.raw_payload, '$.** ? (@.type() == "object").keyvalue().key') as k(key)
   where lower(k.key #>> '{}') in ('email', 'email_address', 'phone', 'phone_number', 'ssn', 'social_security_number',
                                   'ip', 'ip_address', 'first_name', 'last_name', 'full_name', 'address',
                                   'street_address', 'billing_address', 'shipping_address', 'receipt_email',
                                   'customer_email', 'customer_phone')
)
select (select count(*)::int from canonical where revenue_cents = 101) as replay,
       (select count(*)::int from canonical where revenue_cents = 111) as unique_rows,
       (select count(*)::int from dead where error_type = 'schema_validation') as malformed,
       (select count(*)::int from dead where error_type = 'pii_violation') as pii,
       (select count(*)::int from personal where place = 'canonical') as keys_in_canonical,
       (select count(*)::int from personal where place = 'dead') as keys_in_dead,
       (select count(*)::int from kept where whole like '%@example.test%') as by_value
