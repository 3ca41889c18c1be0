-- One row of each tenant in every table that the service may read, the parents first. Everything is over and done with:
-- nothing waits for a worker, no money is promised.
insert into tasks (id, queue, name, tenant_id, state, attempts, started_at, ended_at)
select md5('task ' || t)::uuid, 'llm', 'llm.route', t, 'succeeded', 1, now(), now()
  from unnest(array[:a, :b]::uuid[]) t;

insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                                event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
select t, 'k', 'stripe', 'payment_intent.succeeded', 'pi_1', 'unknown', now(), 101, 'USD', '{}', gen_random_uuid()
  from unnest(array[:a, :b]::uuid[]) t;

insert into attribution_allocations (tenant_id, event_id, model_version, channel_code, allocated_revenue_cents)
select tenant_id, id, '1.0.0', 'direct', revenue_cents
  from attribution_events where tenant_id = any (array[:a, :b]::uuid[]);

insert into bayesian_inferences (tenant_id, task_id, correlation_id, status, window_start, window_end, total_cents, channels)
select t, gen_random_uuid(), gen_random_uuid(), 'no_data', now() - interval '1 day', now(), 0, '[]'
  from unnest(array[:a, :b]::uuid[]) t;

insert into dead_events (tenant_id, idempotency_key, source, error_type, error_message, raw_payload, correlation_id)
select t, 'k', 'stripe', 'schema_validation', 'no amount', '{"idempotency_key": "k"}', gen_random_uuid()
  from unnest(array[:a, :b]::uuid[]) t;

insert into pii_audit_findings (tenant_id, table_name, column_name, record_id, key)
select t, 'dead_events', 'raw_payload', t::text, 'email' from unnest(array[:a, :b]::uuid[]) t;

insert into r4_crash_barriers (tenant_id, task_id, scenario, attempt_no, worker_pid)
select t, gen_random_uuid(), 's', 1, 1 from unnest(array[:a, :b]::uuid[]) t;
insert into r4_task_attempts (tenant_id, task_id, scenario, attempt_no, worker_pid)
select t, gen_random_uuid(), 's', 1, 1 from unnest(array[:a, :b]::uuid[]) t;
insert into worker_side_effects (tenant_id, task_id, correlation_id, effect_key)
select t, gen_random_uuid(), gen_random_uuid(), 'e' from unnest(array[:a, :b]::uuid[]) t;

insert into reconciliation_runs (tenant_id, state)
select t, 'completed' from unnest(array[:a, :b]::uuid[]) t;

-- What the guests of the api are told of.
insert into revenue_ledger (tenant_id, transaction_id, state, amount_cents, currency, verification_source,
                            verification_timestamp, claimed_total_cents, verified_total_cents)
values (:a::uuid, 'pi_1', 'captured', 70007, 'USD', 'stripe', now(), 70007, 70007),
       (:b::uuid, 'pi_1', 'captured', 30003, 'USD', 'stripe', now(), 30003, 30003);

insert into revenue_cache_entries (tenant_id) select unnest(array[:a, :b]::uuid[]);

-- What a tenant's user has alone; the breaker is the tenant's.
insert into llm_api_calls (tenant_id, user_id, request_id, endpoint, task_id, correlation_id, status, block_reason,
                           cache_key, cache_watermark, prompt_fingerprint, complexity_score, complexity_bucket,
                           requested_model, chosen_tier, chosen_provider, chosen_model, policy_id, policy_version,
                           routing_reason, ended_at)
select t, :u::uuid, gen_random_uuid(), 'route', md5('task ' || t)::uuid, gen_random_uuid(), 'blocked', 'r',
       'k', 0, repeat('0', 64), 0.1, 1, 'm', 't', 'p', 'm', 's', '1', 'r', now()
  from unnest(array[:a, :b]::uuid[]) t;

insert into llm_call_audit (tenant_id, user_id, api_call_id, request_id, endpoint, requested_model, resolved_model,
                            estimated_cost_cents, decision, reason, input_tokens, output_tokens, cost_cents,
                            prompt_fingerprint)
select tenant_id, user_id, id, request_id, endpoint, 'm', 'm', 0, 'BLOCK', 'r', 0, 0, 0, prompt_fingerprint
  from llm_api_calls where tenant_id = any (array[:a, :b]::uuid[]);

insert into llm_budget_reservations (tenant_id, user_id, api_call_id, month, reserved_cents, state, ended_at)
select tenant_id, user_id, id, date_trunc('month', now()), 0, 'blocked', now()
  from llm_api_calls where tenant_id = any (array[:a, :b]::uuid[]);

insert into budget_optimization_jobs (tenant_id, user_id, api_call_id, recommendations, status, cost_cents)
select tenant_id, user_id, id, '{}', 'completed', 0
  from llm_api_calls where tenant_id = any (array[:a, :b]::uuid[]);
insert into investigations (tenant_id, user_id, api_call_id, query, status, result, cost_cents)
select tenant_id, user_id, id, 'q', 'completed', '{}', 0
  from llm_api_calls where tenant_id = any (array[:a, :b]::uuid[]);

insert into llm_budget_caps (tenant_id, user_id, cap_cents)
select t, :u::uuid, 1 from unnest(array[:a, :b]::uuid[]) t;
insert into llm_hourly_shutoff_state (tenant_id, user_id, hour)
select t, :u::uuid, date_trunc('hour', now()) from unnest(array[:a, :b]::uuid[]) t;
insert into llm_monthly_budget_state (tenant_id, user_id, month, cap_cents)
select t, :u::uuid, date_trunc('month', now()), 1 from unnest(array[:a, :b]::uuid[]) t;
insert into llm_monthly_costs (tenant_id, user_id, month, total_cost_cents, total_calls)
select t, :u::uuid, date_trunc('month', now()), 0, 0 from unnest(array[:a, :b]::uuid[]) t;
insert into llm_semantic_cache (tenant_id, user_id, endpoint, cache_key, watermark, output_text)
select t, :u::uuid, 'route', repeat('0', 64), 0, 'o' from unnest(array[:a, :b]::uuid[]) t;
insert into llm_breaker_state (tenant_id, provider)
select t, 'openai' from unnest(array[:a, :b]::uuid[]) t
