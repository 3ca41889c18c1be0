-- A paid request is settled once more, and everywhere a cent dearer.
update llm_api_calls set cost_cents = cost_cents + 1
 where id = (select id from llm_api_calls where tenant_id = :t::uuid and cost_cents > 0 order by created_at, id limit 1);
update llm_monthly_costs set total_cost_cents = total_cost_cents + 1 where tenant_id = :t::uuid;
update llm_monthly_budget_state set spent_cents = spent_cents + 1 where tenant_id = :t::uuid
