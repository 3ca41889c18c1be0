-- Every relation that has a tenant, in every schema that is not the server's own: what protects it, and what the service's
-- role has rights to. `tenants` calls its tenant `id`; everything else `tenant_id`.
select format('%I.%I', n.nspname, c.relname) as relation, a.attname as col,
       case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind,
       c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
       coalesce((select jsonb_agg(p.polname order by p.polname) from pg_policy p where p.polrelid = c.oid), '[]') as policies,
       exists (select from pg_policy p where p.polrelid = c.oid and c.relowner = any (p.polroles)) as owner_rule,
       exists (select from pg_attribute u
                where u.attrelid = c.oid and u.attname = 'user_id' and not u.attisdropped) as per_user,
       has_table_privilege('app_user', c.oid, 'select') as selects,
       has_table_privilege('app_user', c.oid, 'insert') as inserts,
       has_table_privilege('app_user', c.oid, 'update') as updates
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
   and a.attname = case when c.oid = 'public.tenants'::regclass then 'id' else 'tenant_id' end
 where n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
   and c.relkind in ('r', 'p', 'v', 'm', 'f')
 order by 1
