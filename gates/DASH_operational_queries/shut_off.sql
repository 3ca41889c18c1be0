-- Somebody is shut off for the rest of this hour, as spending would have done it.
insert into llm_hourly_shutoff_state
  (tenant_id, user_id, hour, total_cost_cents, total_calls, is_shutoff, reason, disabled_until)
select :t::uuid, :user::uuid, h, 500, 25, true, 'hourly_threshold_exceeded', h + interval '1 hour'
  from date_trunc('hour', clock_timestamp(), 'UTC') h
