-- Whose rows may be seen. Everything that isolates tenants from one another stands on the one function below.

-- A caller says on whose behalf it works with `set_config('app.current_tenant_id', <uuid>, true)`: for this
-- transaction only, so that a pooled connection carries nothing over to whoever uses it next.
--
-- The setting may be absent (a fresh session), empty (what remains of it after the transaction that set it) or
-- garbage (a fault of the caller). All three mean "nobody": null, which equals no tenant. A plain cast would raise
-- an error in the last two cases, and an error in a policy is an outage where "no rows" was meant.
create function current_tenant() returns uuid
  language sql stable parallel safe
  return case
    when current_setting('app.current_tenant_id', true)
         ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    then current_setting('app.current_tenant_id', true)::uuid
  end;

revoke all on function current_tenant() from public;
grant execute on function current_tenant() to app_rw, app_ro;

-- The groups may look names up in this schema and make nothing in it. `app_user` has what the groups have, nothing
-- of its own: the grants below, table by table, are the whole of what the service may do. There are no default
-- privileges, so that a new table is closed until a migration opens it.
revoke all on schema public from public;
grant usage on schema public to app_rw, app_ro;
