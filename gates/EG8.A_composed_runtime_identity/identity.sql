-- Who am I, what may I do, and what is mine? One row, asked as the service itself asks.
with recursive mine as (
  select oid from pg_roles where rolname = current_user
  union
  select m.roleid from pg_auth_members m join mine on m.member = mine.oid
),
-- Every kind of object, and not only those somebody thought of: what `drop owned` would go by.
owned as (
  select case when d.dbid in (0, (select oid from pg_database where datname = current_database()))
              then pg_describe_object(d.classid, d.objid, d.objsubid)
              else 'something in database ' || (select datname from pg_database where oid = d.dbid) end as what
    from pg_shdepend d
   where d.refclassid = 'pg_authid'::regclass and d.refobjid in (select oid from mine) and d.deptype = 'o'
)
select current_user, session_user, current_database() as database, clock_timestamp() as seen_at,
       to_jsonb(r) - 'oid' - 'rolpassword' as attributes,
       coalesce((select jsonb_agg(g.rolname order by g.rolname)
                   from pg_roles g where g.oid in (select oid from mine) and g.rolname <> current_user), '[]') as member_of,
       coalesce((select jsonb_agg(g.rolname order by g.rolname)
                   from pg_roles g where g.oid in (select oid from mine) and g.rolname <> current_user
                    and (g.rolsuper or g.rolbypassrls or g.rolcreaterole or g.rolcreatedb or g.rolreplication)), '[]') as powerful,
       coalesce((select jsonb_agg(what order by what) from owned), '[]') as owns
  from pg_roles r where r.rolname = current_user
