-- A worker that keeps what it was asked beside what it answered.
update tasks set result = result || jsonb_build_object('asked', :prompt::text)
 where id = (select id from tasks where tenant_id = :t::uuid and name = 'llm.explanation' order by enqueued_at, id limit 1)
