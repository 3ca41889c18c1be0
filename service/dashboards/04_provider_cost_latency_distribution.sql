-- What each model costs and how long it takes. Requests that reached no provider have no latency.
select chosen_provider as provider,
       chosen_model as model,
       status,
       count(*) as call_count,
       sum(cost_cents)::bigint as total_cost_cents,
       min(latency_ms) as min_latency_ms,
       round(avg(latency_ms), 2) as avg_latency_ms,
       max(latency_ms) as max_latency_ms
  from llm_api_calls
 group by chosen_provider, chosen_model, status
 order by chosen_provider, chosen_model, status;
