//! The catalogue as a witness: what exists, who owns it, who may do what. Never by number: a policy that was dropped
//! and made again is the same policy.

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection};

/// Schemas that are the server's own.
const OWN: &str = "n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'";

/// A part of the catalogue and the query that lists it, one text a line.
///
/// Rights are spelt out with their defaults filled in, sorted: granting and revoking leaves a spelt-out default
/// behind, which is the same right.
const PARTS: &[(&str, &str)] = &[
    (
        "relations",
        "select format('%s.%s %s owner=%s rls=%s force=%s options=%s', n.nspname, c.relname, c.relkind,
            pg_get_userbyid(c.relowner), c.relrowsecurity, c.relforcerowsecurity, c.reloptions)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where {own} and c.relkind <> 't'",
    ),
    (
        "columns",
        "select format('%s.%s.%s %s not_null=%s default=%s rights=%s', n.nspname, c.relname, a.attname,
            format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl)
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
         where {own} and a.attnum > 0 and not a.attisdropped",
    ),
    (
        "constraints",
        "select format('%s.%s %s', n.nspname, k.conname, pg_get_constraintdef(k.oid))
         from pg_constraint k join pg_namespace n on n.oid = k.connamespace where {own}",
    ),
    (
        "definitions",
        "select format('%s %s', c.oid::regclass, case when c.relkind = 'i' then pg_get_indexdef(c.oid) else pg_get_viewdef(c.oid) end)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where {own} and c.relkind in ('i', 'v', 'm')",
    ),
    (
        "triggers",
        "select format('%s %s %s', t.tgrelid::regclass, t.tgenabled, pg_get_triggerdef(t.oid))
         from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
         where {own} and not t.tgisinternal",
    ),
    (
        "policies",
        "select format('%s %s %s permissive=%s to=%s using=%s check=%s', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive,
            (select string_agg(case r when 0 then 'public' else pg_get_userbyid(r) end, ',' order by 1) from unnest(p.polroles) r),
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) from pg_policy p",
    ),
    (
        "functions",
        "select format('%s owner=%s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner),
            case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) else p.prosrc end)
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {own}",
    ),
    (
        "roles",
        "select format('%s super=%s inherit=%s create_role=%s create_db=%s login=%s replication=%s bypass=%s limit=%s in=%s', r.rolname,
            r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconnlimit,
            (select string_agg(pg_get_userbyid(m.roleid) || case when m.admin_option then '*' else '' end, ',' order by 1)
             from pg_auth_members m where m.member = r.oid)) from pg_roles r",
    ),
    (
        "database",
        "select format('%s owner=%s encoding=%s collate=%s ctype=%s connect=%s limit=%s template=%s', d.datname, pg_get_userbyid(d.datdba),
            d.encoding, d.datcollate, d.datctype, d.datallowconn, d.datconnlimit, d.datistemplate)
         from pg_database d where d.datname = current_database()",
    ),
    (
        "settings",
        "select format('%s %s %s', (select datname from pg_database d where d.oid = s.setdatabase),
            (select rolname from pg_roles r where r.oid = s.setrole), s.setconfig) from pg_db_role_setting s",
    ),
    (
        "rights",
        "select format('%s %s: %s may %s%s', o.kind, o.name, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end,
            a.privilege_type, case when a.is_grantable then '*' else '' end)
         from (select 'relation' as kind, c.oid::regclass::text as name,
                coalesce(c.relacl, acldefault(case when c.relkind = 'S' then 's' else 'r' end::\"char\", c.relowner)) as acl
               from pg_class c join pg_namespace n on n.oid = c.relnamespace where {own} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
               union all
               select 'function', p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
               from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {own}
               union all
               select 'schema', n.nspname, coalesce(n.nspacl, acldefault('n', n.nspowner)) from pg_namespace n where {own}
               union all
               select 'database', d.datname, coalesce(d.datacl, acldefault('d', d.datdba)) from pg_database d
               where d.datname = current_database()) o,
              aclexplode(o.acl) a",
    ),
    (
        "schemas",
        "select format('%s owner=%s', n.nspname, pg_get_userbyid(n.nspowner)) from pg_namespace n where {own}",
    ),
];

/// Each part of the catalogue as one digest.
pub(super) async fn fingerprint(connection: &mut PgConnection) -> Result<Value, sqlx::Error> {
    let mut parts = Map::new();
    for (part, lines) in PARTS {
        let digest = format!(
            "select encode(sha256(convert_to(coalesce(string_agg(line, chr(10) order by line collate \"C\"), ''), 'UTF8')), 'hex')
               from ({}) part(line)",
            lines.replace("{own}", OWN)
        );
        let digest: String = sqlx::query_scalar(AssertSqlSafe(digest))
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
        parts.insert((*part).to_owned(), digest.into());
    }
    Ok(parts.into())
}
