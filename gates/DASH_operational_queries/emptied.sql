-- The books lose everything that this tenant's users were answered.
set local session_replication_role = replica;
delete from llm_call_audit where tenant_id = :t::uuid;
delete from llm_api_calls where tenant_id = :t::uuid;
delete from llm_monthly_costs where tenant_id = :t::uuid
