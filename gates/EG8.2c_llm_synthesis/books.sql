-- The tenant's calls as the books tell of them, each with its task and its line of the audit.
select l.request_id, l.endpoint, l.status, l.provider_attempted, l.provider_calls, l.was_cached, l.input_tokens,
       l.output_tokens, l.cost_cents, l.chosen_tier as tier, l.chosen_provider as provider, l.chosen_model as model,
       l.routing_reason as reason, l.task_id, t.name as task, t.queue,
       (select count(*)::int from llm_prompts p where p.task_id = l.task_id) as prompts,
       (select count(*)::int from llm_call_audit a where a.api_call_id = l.id) as audited,
       (select sum(a.cost_cents)::bigint from llm_call_audit a where a.api_call_id = l.id) as audited_cents
  from llm_api_calls l
  join tasks t on t.id = l.task_id
 where l.tenant_id = :t::uuid
 order by l.endpoint
