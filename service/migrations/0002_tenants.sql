-- Tenants: who may send us webhooks, and the secrets their vendors sign with.

create table tenants (
  id uuid primary key,
  -- Only the digest of the key is kept. The key has 128 random bits or more, so a plain digest cannot be searched.
  api_key_hash bytea not null unique check (octet_length(api_key_hash) = 32),
  -- The vendors' secrets are needed in clear text to check a signature, so they are encrypted, not hashed. The key
  -- is the service's own setting and is never stored here: a copy of this database opens nothing.
  shopify_webhook_secret_ciphertext bytea not null,
  stripe_webhook_secret_ciphertext bytea not null,
  paypal_webhook_secret_ciphertext bytea not null,
  woocommerce_webhook_secret_ciphertext bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

-- Nobody but the owner, and through it the functions below, reaches this table. Row security is forced all the same:
-- a grant given by mistake then still shows nothing.
alter table tenants enable row level security;
alter table tenants force row level security;
create policy owner_only on tenants to migration_owner using (true) with check (true);

-- An operator's door: makes a tenant, or gives it new keys. Run as migration_owner; nobody else may.
create function seed_tenant(
  id uuid, api_key text, shopify text, stripe text, paypal text, woocommerce text, box_key text
) returns uuid
  language sql set search_path = public, pg_temp
  as $$
    insert into tenants as t (
      id, api_key_hash, shopify_webhook_secret_ciphertext, stripe_webhook_secret_ciphertext,
      paypal_webhook_secret_ciphertext, woocommerce_webhook_secret_ciphertext
    )
    values (
      seed_tenant.id,
      sha256(convert_to(api_key, 'UTF8')),
      pgp_sym_encrypt(shopify, box_key, 'cipher-algo=aes256'),
      pgp_sym_encrypt(stripe, box_key, 'cipher-algo=aes256'),
      pgp_sym_encrypt(paypal, box_key, 'cipher-algo=aes256'),
      pgp_sym_encrypt(woocommerce, box_key, 'cipher-algo=aes256')
    )
    on conflict on constraint tenants_pkey do update set
      api_key_hash = excluded.api_key_hash,
      shopify_webhook_secret_ciphertext = excluded.shopify_webhook_secret_ciphertext,
      stripe_webhook_secret_ciphertext = excluded.stripe_webhook_secret_ciphertext,
      paypal_webhook_secret_ciphertext = excluded.paypal_webhook_secret_ciphertext,
      woocommerce_webhook_secret_ciphertext = excluded.woocommerce_webhook_secret_ciphertext,
      updated_at = clock_timestamp()
    returning t.id
  $$;

revoke all on function seed_tenant(uuid, text, text, text, text, text, text) from public;

-- The service's way in: the digest of a presented key, and the vendor whose signature is to be checked. No row for
-- an unknown key. A ciphertext that the key does not open is an error, not "no row": it is our fault, not the caller's.
create function find_tenant(p_api_key_hash bytea, p_vendor text, p_box_key text)
  returns table (tenant_id uuid, webhook_secret text)
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select t.id, pgp_sym_decrypt(
      case p_vendor
        when 'shopify' then t.shopify_webhook_secret_ciphertext
        when 'stripe' then t.stripe_webhook_secret_ciphertext
        when 'paypal' then t.paypal_webhook_secret_ciphertext
        when 'woocommerce' then t.woocommerce_webhook_secret_ciphertext
      end, p_box_key)
      from tenants t
     where t.api_key_hash = p_api_key_hash
  $$;

revoke all on function find_tenant(bytea, text, text) from public;
grant execute on function find_tenant(bytea, text, text) to app_rw;

-- For readiness: does the service's key open what is stored? True as long as there is nothing to open.
create function secrets_open(p_box_key text) returns boolean
  language plpgsql stable security definer set search_path = public, pg_temp
  as $$
  begin
    perform pgp_sym_decrypt(t.stripe_webhook_secret_ciphertext, p_box_key)
       from (select stripe_webhook_secret_ciphertext from tenants limit 1) t;
    return true;
  exception when external_routine_invocation_exception or external_routine_exception then
    return false;
  end
  $$;

revoke all on function secrets_open(text) from public;
grant execute on function secrets_open(text) to app_rw;
