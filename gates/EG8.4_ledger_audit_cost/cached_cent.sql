-- The rule that only an answer of the provider costs anything is taken away, and a cached one is billed a cent.
alter table llm_api_calls drop constraint paid_for_an_answer_only;
update llm_api_calls set cost_cents = 1
 where id = (select id from llm_api_calls where tenant_id = :t::uuid and was_cached order by created_at, id limit 1)
