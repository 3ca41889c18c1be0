-- The rule that keeps one job for each call is taken away, and the job is stored again.
alter table budget_optimization_jobs drop constraint budget_optimization_jobs_api_call_id_key;
insert into budget_optimization_jobs (tenant_id, user_id, api_call_id, recommendations, status, cost_cents)
select tenant_id, user_id, api_call_id, recommendations, status, cost_cents
  from budget_optimization_jobs where tenant_id = :t::uuid
