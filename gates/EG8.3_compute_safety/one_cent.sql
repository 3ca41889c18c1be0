-- One channel of one record gets a cent that nobody paid.
update bayesian_inferences
   set channels = jsonb_set(channels, '{0,revenue_cents}', to_jsonb((channels -> 0 ->> 'revenue_cents')::bigint + 1))
 where id in (select id from bayesian_inferences where tenant_id = :t::uuid limit 1)
