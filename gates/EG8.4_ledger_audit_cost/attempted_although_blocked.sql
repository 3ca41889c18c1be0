-- A request that was stopped is said to have reached its provider after all.
alter table llm_api_calls drop constraint blocked_before_it_was_attempted;
update llm_api_calls set provider_attempted = true, provider_calls = 1
 where id = (select id from llm_api_calls where tenant_id = :t::uuid and status = 'blocked' order by created_at, id limit 1)
