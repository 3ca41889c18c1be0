-- Every backend that was opened over the network: as whom, and from which socket.
select usename as role, host(client_addr) || ':' || client_port as peer, datname as database
  from pg_stat_activity
 where client_addr is not null
 order by peer
