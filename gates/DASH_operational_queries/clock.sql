-- The hour and the month by the database's clock, and how long this hour still is.
select to_char(h, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as hour,
       to_char(date_trunc('month', h), 'YYYY-MM-DD') as month,
       extract(epoch from h + interval '1 hour' - (clock_timestamp() at time zone 'UTC'))::int as left_s
  from date_trunc('hour', clock_timestamp() at time zone 'UTC') h
