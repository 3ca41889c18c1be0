-- Connections to the database, and those of them that wait for a lock.
select count(*) filter (where state = 'active')::int as active_connections,
       count(*) filter (where state = 'active' and wait_event_type = 'Lock')::int as waiting_connections
  from pg_stat_activity
 where backend_type = 'client backend'
