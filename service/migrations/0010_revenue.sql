-- Revenue as the platforms say it, now: the accounts that a tenant has connected, and the last answer about them.

-- An account of a tenant at a platform, with the key that reads it. Like the webhook secrets, the key is encrypted with
-- the service's own, which is never stored here.
create table platform_connections (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  platform text not null check (platform in ('stripe')),
  account text not null check (account ~ '^[A-Za-z0-9_]{1,64}$'),
  api_key_ciphertext bytea not null,
  is_active boolean not null default true,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint one_connection_per_account unique (tenant_id, platform, account)
);

alter table platform_connections enable row level security;
alter table platform_connections force row level security;
create policy owner_only on platform_connections to migration_owner using (true) with check (true);

-- An operator's door: connects an account, gives it a new key, or switches it off and on again. Run as migration_owner.
create function connect_platform(
  p_tenant uuid, p_platform text, p_account text, p_api_key text, p_box_key text, p_is_active boolean default true
) returns uuid
  language sql set search_path = public, pg_temp
  as $$
    insert into platform_connections as c (tenant_id, platform, account, api_key_ciphertext, is_active)
    values (p_tenant, p_platform, p_account, pgp_sym_encrypt(p_api_key, p_box_key, 'cipher-algo=aes256'), p_is_active)
    on conflict on constraint one_connection_per_account do update set
      api_key_ciphertext = excluded.api_key_ciphertext,
      is_active = excluded.is_active,
      updated_at = clock_timestamp()
    returning c.id
  $$;

revoke all on function connect_platform(uuid, text, text, text, text, boolean) from public;

-- The service's way in: the active accounts of the tenant whose context this is, and their keys.
create function active_connections(p_box_key text) returns table (platform text, account text, api_key text)
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select c.platform, c.account, pgp_sym_decrypt(c.api_key_ciphertext, p_box_key)
      from platform_connections c
     where c.tenant_id = current_tenant() and c.is_active
     order by c.platform, c.account
  $$;

revoke all on function active_connections(text) from public;
grant execute on function active_connections(text) to app_rw;

-- The last answer, or the last failure: at most one row per tenant, shared by every process of the API.
create table revenue_cache_entries (
  tenant_id uuid primary key references tenants (id),
  -- What the platforms said, and when; null before they ever said anything.
  answer jsonb,
  fetched_at timestamptz,
  -- Until when nobody asks them again, because they did not answer.
  cooldown_until timestamptz,
  check ((answer is null) = (fetched_at is null))
);

alter table revenue_cache_entries enable row level security;
alter table revenue_cache_entries force row level security;
create policy tenant_only on revenue_cache_entries
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on revenue_cache_entries to app_rw;
