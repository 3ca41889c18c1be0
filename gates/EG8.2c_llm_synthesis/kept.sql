-- What is kept of answers beside the books.
select 'investigation' as what, i.id, l.request_id, i.status, i.cost_cents as cents, i.query, i.result ->> 'findings' as text
  from investigations i
  join llm_api_calls l on l.id = i.api_call_id
 where i.tenant_id = :t::uuid
union all
select 'job', j.id, l.request_id, j.status, j.cost_cents, null, j.recommendations ->> 'text'
  from budget_optimization_jobs j
  join llm_api_calls l on l.id = j.api_call_id
 where j.tenant_id = :t::uuid
