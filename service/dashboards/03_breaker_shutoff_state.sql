-- What keeps calls from being made. A breaker is its tenant's: it has no user. A shutoff is a user's, hour by hour.
select 'breaker' as state_type, tenant_id, null::uuid as user_id, provider as state_key, state as state_value,
       failure_count, opened_at, updated_at
  from llm_breaker_state
union all
select 'hourly_shutoff', tenant_id, user_id,
       to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), is_shutoff::text,
       null, null, updated_at
  from llm_hourly_shutoff_state
 order by state_type, state_key, user_id;
