-- What provision and migrate left behind, seen by the superuser. One row.
select pg_encoding_to_char(d.encoding) as encoding,
       (select count(*)::int from schema_migrations) as applied,
       (select max(known)::int from schema_migrations) as known,
       (select string_agg(distinct installed_by::text, ', ') from schema_migrations) as ran_as,
       (select count(*)::int
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          join pg_roles r on r.oid = c.relowner
         where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
           and c.relkind in ('r', 'p', 'v', 'm', 'S')
           and r.rolname <> case n.nspname when 'matviews' then 'matview_owner' else 'migration_owner' end) as foreign_objects,
       o.rolsuper as owner_is_super,
       o.rolcreaterole as owner_makes_roles,
       o.rolbypassrls as owner_bypasses,
       current_setting('max_connections')::int as max_connections
  from pg_database d, pg_roles o
 where d.datname = current_database() and o.rolname = 'migration_owner'
