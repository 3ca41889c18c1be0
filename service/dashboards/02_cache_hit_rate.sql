-- How many requests were answered with what was there, endpoint by endpoint.
select endpoint,
       count(*) as total_calls,
       count(*) filter (where was_cached) as cache_hits,
       round(100.0 * count(*) filter (where was_cached) / count(*), 2) as cache_hit_rate_pct
  from llm_api_calls
 group by endpoint
 order by endpoint;
