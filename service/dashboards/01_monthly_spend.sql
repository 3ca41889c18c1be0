-- What a user's answers came to, month by month. Run in the user's context; row security does the rest.
select tenant_id, user_id, month, total_cost_cents, total_calls
  from llm_monthly_costs
 order by month desc, tenant_id, user_id;
