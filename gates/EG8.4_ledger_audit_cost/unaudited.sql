-- What makes the audit append-only is taken away, and the line of a cached answer is gone.
alter table llm_call_audit disable trigger no_change;
delete from llm_call_audit
 where api_call_id = (select id from llm_api_calls where tenant_id = :t::uuid and was_cached order by created_at, id limit 1)
