-- Two sums that must be one.
select (select coalesce(sum(cost_cents), 0)::bigint from llm_api_calls) as api_cost_cents,
       (select coalesce(sum(total_cost_cents), 0)::bigint from llm_monthly_costs) as monthly_rollup_cost_cents
