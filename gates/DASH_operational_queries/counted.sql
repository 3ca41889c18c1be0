-- For each of the users: what was asked for them, and what the books hold of it.
select u.id as user_id,
       (select count(*)::int from tasks
         where tenant_id = :t::uuid and name like 'llm.%' and args ->> 'user_id' = u.id::text) as dispatches,
       (select count(*)::int from llm_api_calls where tenant_id = :t::uuid and user_id = u.id) as ledger_rows,
       (select count(*)::int from llm_call_audit where tenant_id = :t::uuid and user_id = u.id) as audit_rows,
       (select coalesce(sum(provider_calls), 0)::int from llm_api_calls
         where tenant_id = :t::uuid and user_id = u.id) as provider_calls,
       (select coalesce(sum(cost_cents), 0)::bigint from llm_api_calls
         where tenant_id = :t::uuid and user_id = u.id) as cost_cents
  from unnest(:users::uuid[]) with ordinality as u (id, place)
 order by u.place
