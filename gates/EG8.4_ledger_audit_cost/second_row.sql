-- The rule that keeps a request to one row is taken away, and a cached answer is booked a second time.
alter table llm_api_calls drop constraint one_row_per_request;
insert into llm_api_calls
select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).*
  from llm_api_calls c
 where c.id = (select id from llm_api_calls where tenant_id = :t::uuid and was_cached order by created_at desc, id limit 1)
