-- One more answer on the books, which no provider has a receipt of; and its line of the audit.
with copied as (
  insert into llm_api_calls
  select (jsonb_populate_record(null::llm_api_calls, to_jsonb(l) || jsonb_build_object(
            'id', gen_random_uuid(), 'request_id', gen_random_uuid()))).*
    from llm_api_calls l where l.tenant_id = :t::uuid and l.status = 'success' limit 1
  returning *
)
insert into llm_call_audit (tenant_id, user_id, api_call_id, request_id, endpoint, requested_model, resolved_model,
                            estimated_cost_cents, decision, reason, input_tokens, output_tokens, cost_cents,
                            prompt_fingerprint)
select tenant_id, user_id, id, request_id, endpoint, requested_model, chosen_model, 0, 'ALLOW', 'success', input_tokens,
       output_tokens, cost_cents, prompt_fingerprint
  from copied
