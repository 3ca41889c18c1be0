-- What each of the books of a tenant came to, in cents and in calls, and what is left in the air.
select (select coalesce(sum(cost_cents), 0)::bigint from llm_api_calls where tenant_id = :t::uuid) as ledger,
       (select coalesce(sum(cost_cents), 0)::bigint from llm_call_audit where tenant_id = :t::uuid) as audit,
       (select coalesce(sum(total_cost_cents), 0)::bigint from llm_monthly_costs where tenant_id = :t::uuid) as month,
       (select coalesce(sum((model.value ->> 'cost_cents')::bigint), 0)::bigint
          from llm_monthly_costs, jsonb_each(model_breakdown) model where tenant_id = :t::uuid) as by_model,
       (select coalesce(sum(total_cost_cents), 0)::bigint from llm_hourly_shutoff_state where tenant_id = :t::uuid) as hour,
       (select coalesce(sum(spent_cents), 0)::bigint from llm_monthly_budget_state where tenant_id = :t::uuid) as spent,
       (select coalesce(sum(settled_cents), 0)::bigint from llm_budget_reservations where tenant_id = :t::uuid) as settled,
       (select count(*)::int from llm_api_calls
         where tenant_id = :t::uuid and status = 'success' and not was_cached) as paid_calls,
       (select coalesce(sum(total_calls), 0)::int from llm_monthly_costs where tenant_id = :t::uuid) as month_calls,
       (select coalesce(sum((model.value ->> 'calls')::int), 0)::int
          from llm_monthly_costs, jsonb_each(model_breakdown) model where tenant_id = :t::uuid) as by_model_calls,
       (select coalesce(sum(total_calls), 0)::int from llm_hourly_shutoff_state where tenant_id = :t::uuid) as hour_calls,
       (select coalesce(sum(hit_count), 0)::int from llm_semantic_cache where tenant_id = :t::uuid) as cache_hits,
       (select coalesce(sum(reserved_cents), 0)::bigint from llm_monthly_budget_state where tenant_id = :t::uuid) as reserved,
       (select count(*)::int from llm_budget_reservations where tenant_id = :t::uuid and state = 'reserved') as open,
       (select count(*)::int from llm_api_calls where tenant_id = :t::uuid and status = 'pending') as pending,
       (select count(*)::int from llm_prompts where tenant_id = :t::uuid) as prompts
