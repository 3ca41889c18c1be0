-- A question on the books: its row, its lines of the audit, and what became of the money that was promised for it.
select l.status, l.block_reason, l.failure_reason, l.provider_attempted, l.cost_cents, l.complexity_bucket, l.requested_model,
       l.chosen_tier, l.chosen_provider, l.chosen_model, l.routing_reason, a.lines, a.decision, a.reason, r.state as promise,
       extract(epoch from l.ended_at)::float8 as ended_s
  from llm_api_calls l
  cross join lateral (select count(*)::int as lines, min(decision) as decision, min(reason) as reason
                        from llm_call_audit where api_call_id = l.id) a
  left join llm_budget_reservations r on r.api_call_id = l.id
 where l.request_id = :id::uuid
