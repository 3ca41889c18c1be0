-- Channel by channel and currency by currency: what a tenant's events were shared out as, and what the view shows of it.
select channel_code, currency, shares.cents as shared, shown.cents as shown
  from (
         select a.channel_code, e.currency, sum(a.allocated_revenue_cents)::bigint as cents
           from attribution_allocations a
           join attribution_events e on e.id = a.event_id
          group by 1, 2
       ) shares
  full join (
         select channel_code, currency, sum(total_cents)::bigint as cents from mv_channel_performance group by 1, 2
       ) shown using (channel_code, currency)
