-- One row for every request of a tenant, by its id and its endpoint: what the ledger says of it, what the audit says, and
-- what was promised for it. `asked` is how this gate asked for it; a request that is asked for and not booked has no rows.
with asked as (
  select * from jsonb_to_recordset(:asked::jsonb) q (asked text, request_id uuid, endpoint text)
),
ledger as (
  select c.request_id, c.endpoint,
         count(*)::int as ledger_rows,
         min(c.id::text) as call_id,
         min(c.created_at) as created_at,
         string_agg(distinct c.status, ' ') as status,
         string_agg(distinct coalesce(c.block_reason, c.failure_reason), ' ') as reason,
         bool_or(c.was_cached) as cached,
         bool_or(c.provider_attempted) as attempted,
         sum(c.provider_calls)::int as provider_calls,
         sum(c.input_tokens)::bigint as tokens_in,
         sum(c.output_tokens)::bigint as tokens_out,
         sum(c.cost_cents)::bigint as cost_cents,
         sum(c.budget_settled_cents)::bigint as noted_cents,
         string_agg(distinct c.chosen_provider || ':' || c.chosen_model, ' ') as model,
         string_agg(distinct c.prompt_fingerprint, ' ') as fingerprint,
         string_agg(r.state, ' ') as promise,
         coalesce(sum(r.settled_cents), 0)::bigint as settled_cents
    from llm_api_calls c
    left join llm_budget_reservations r on r.api_call_id = c.id
   where c.tenant_id = :t::uuid
   group by c.request_id, c.endpoint
),
audit as (
  select request_id, endpoint,
         count(*)::int as audit_rows,
         string_agg(distinct decision, ' ') as decision,
         sum(input_tokens)::bigint as audited_in,
         sum(output_tokens)::bigint as audited_out,
         sum(cost_cents)::bigint as audited_cents,
         string_agg(distinct resolved_model, ' ') as audited_model,
         string_agg(distinct prompt_fingerprint, ' ') as audited_fingerprint
    from llm_call_audit
   where tenant_id = :t::uuid
   group by request_id, endpoint
)
select request_id, endpoint, asked,
       coalesce(ledger_rows, 0) as ledger_rows, coalesce(audit_rows, 0) as audit_rows,
       call_id, status, reason, cached, attempted, provider_calls, tokens_in, tokens_out, cost_cents, noted_cents, model,
       fingerprint, promise, settled_cents,
       decision, audited_in, audited_out, audited_cents, audited_model, audited_fingerprint
  from asked
  full join ledger using (request_id, endpoint)
  full join audit using (request_id, endpoint)
 order by created_at, request_id, endpoint
