-- How requests ended, as their user sees them.
select status, provider_attempted, was_cached, count(*)::int as row_count, sum(cost_cents)::bigint as cost_cents
  from llm_api_calls
 group by status, provider_attempted, was_cached
 order by status, provider_attempted, was_cached
