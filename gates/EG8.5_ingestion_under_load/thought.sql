-- What the books say of the tenant's questions in the window, held against the provider's receipts (a list, as it gave
-- them out), request by request; the window by the database's clock.
with booked as (
  select l.id, l.request_id::text as request_id, l.status, l.was_cached,
         (l.created_at between :from::timestamptz and :to::timestamptz) as in_window
    from llm_api_calls l
   where l.tenant_id = :t::uuid
), heard as (
  select r ->> 'request_id' as request_id,
         ((r ->> 'at')::timestamptz between :from::timestamptz and :to::timestamptz) as in_window
    from jsonb_array_elements(:receipts::jsonb) as r
   where r ->> 'status' = '200'
)
select (select count(*)::int from booked where in_window) as asked,
       (select count(*)::int from booked where in_window and status = 'success') as answered,
       (select count(*)::int from heard where in_window) as heard,
       (select count(*)::int from booked b
         where status = 'success' and not was_cached
           and (select count(*) from heard h where h.request_id = b.request_id) <> 1) as unheard,
       (select count(*)::int from heard h
         where not exists (select from booked b where b.request_id = h.request_id and b.status = 'success')) as unbooked,
       (select count(*)::int from booked b
         where (select count(*) from llm_call_audit a where a.api_call_id = b.id) <> 1) as unaudited,
       (select count(*)::int from booked b join llm_call_audit a on a.api_call_id = b.id where b.in_window) as audited,
       (select coalesce(sum(reserved_cents), 0)::int from llm_monthly_budget_state where tenant_id = :t::uuid) as reserved_cents
