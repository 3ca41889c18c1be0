-- Receipts of the providers since the bell rang last, each held against the books: the call that was made for that tenant
-- and request, to that provider's model.
select r ->> 'party' as party, r ->> 'boundary_id' as boundary_id, r ->> 'tenant_id' as tenant_id, r ->> 'request_id' as request_id,
       exists (select from llm_api_calls l
                where l.tenant_id::text = r ->> 'tenant_id' and l.request_id::text = r ->> 'request_id' and l.provider_attempted
                  and l.chosen_provider = r ->> 'party' and l.chosen_model = r ->> 'model') as booked
  from jsonb_array_elements(:openai::jsonb || :anthropic::jsonb) r
 where (r ->> 'at')::timestamptz > (select max((b ->> 'at')::timestamptz) from jsonb_array_elements(:rung::jsonb) b)
 order by (r ->> 'at')::timestamptz
