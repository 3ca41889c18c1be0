-- How many rows the tenants of these walks have left, table by table.
select 'attribution_events' as table_name, count(*)::int as row_count from attribution_events where tenant_id = any(:tenants::uuid[])
union all select 'dead_events', count(*)::int from dead_events where tenant_id = any(:tenants::uuid[])
union all select 'attribution_recompute_jobs', count(*)::int from attribution_recompute_jobs where tenant_id = any(:tenants::uuid[])
union all select 'revenue_ledger', count(*)::int from revenue_ledger where tenant_id = any(:tenants::uuid[])
union all select 'reconciliation_runs', count(*)::int from reconciliation_runs where tenant_id = any(:tenants::uuid[])
union all select 'llm_api_calls', count(*)::int from llm_api_calls where tenant_id = any(:tenants::uuid[])
union all select 'llm_call_audit', count(*)::int from llm_call_audit where tenant_id = any(:tenants::uuid[])
