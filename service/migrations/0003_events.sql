-- What was taken in: canonical events, and beside them what could not be taken.

-- The closed list of marketing channels. `unknown` is a channel: an event that nothing claims is still money.
create table channel_taxonomy (
  code text primary key
);
insert into channel_taxonomy (code)
values ('unknown'), ('direct'), ('email'), ('facebook_brand'), ('facebook_paid'), ('google_display_paid'),
       ('google_search_paid'), ('organic'), ('referral'), ('tiktok_paid');
grant select on channel_taxonomy to app_rw, app_ro;

-- One row per payment, once and for ever. There is no column that would have to change later (no processing state, no
-- retry count): the row is a fact, and nobody but the owner can update or delete one.
create table attribution_events (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  -- The client's own key, or one made of the payment's id.
  idempotency_key text not null check (length(idempotency_key) between 1 and 200),
  vendor text not null check (vendor in ('shopify', 'stripe', 'paypal', 'woocommerce')),
  event_type text not null check (length(event_type) <= 100),
  -- The vendor's id of the payment itself (`pi_…`), which is signed; the client's key is not.
  external_event_id text not null check (length(external_event_id) between 1 and 100),
  channel text not null references channel_taxonomy (code),
  campaign_id text check (length(campaign_id) <= 100),
  -- When it happened, by the vendor's clock, and when it was written, by ours.
  event_timestamp timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  -- Integer cents: hundredths of the currency's unit, for every currency, so that one column holds one measure. No
  -- floating point number comes near money in this database.
  revenue_cents bigint not null check (revenue_cents between 0 and 999999999999),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- An allowlist of plain fields, made by the service. Never the vendor's body.
  raw_payload jsonb not null,
  correlation_id uuid not null,
  -- A repeated request is the same event …
  constraint one_event_per_key unique (tenant_id, idempotency_key),
  -- … and so is the same payment under a fresh key: the key is a header that nobody signed.
  constraint one_event_per_payment unique (tenant_id, vendor, event_type, external_event_id)
);
-- The recompute reads one tenant's day; the load gate reads one tenant's window by the database's clock.
create index attribution_events_by_day on attribution_events (tenant_id, event_timestamp);
create index attribution_events_by_arrival on attribution_events (tenant_id, created_at);

alter table attribution_events enable row level security;
alter table attribution_events force row level security;
-- `(select …)` makes the context a constant of the query instead of a call per row.
create policy tenant_only on attribution_events
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert on attribution_events to app_rw;
grant select on attribution_events to app_ro;

-- What is kept of a body is a list of plain values, whoever writes the row: a vendor's body, or a part of one, cannot
-- be stored by mistake. The condition stands in the triggers, so that a row which keeps it costs no function call.
create function payload_holds_more() returns trigger
  language plpgsql set search_path = public, pg_temp
  as $$
  begin
    raise exception 'the payload of a row of % holds more than is kept', tg_table_name using errcode = 'check_violation';
  end
  $$;
revoke all on function payload_holds_more() from public;

create trigger payload_is_a_list before insert on attribution_events for each row
  when (new.raw_payload - array['event_type', 'event_timestamp', 'currency', 'vendor', 'utm_source', 'utm_medium',
                                'external_event_id', 'campaign_id', 'idempotency_key', 'channel'] <> '{}'
        or jsonb_path_exists(new.raw_payload, 'strict $.* ? (@.type() == "object" || @.type() == "array")'))
  execute function payload_holds_more();

-- Signed, so somebody meant it, but malformed, or bearing personal data, or contradicting an event that is there.
create table dead_events (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  idempotency_key text not null check (length(idempotency_key) between 1 and 200),
  source text not null check (source in ('shopify', 'stripe', 'paypal', 'woocommerce')),
  error_type text not null check (error_type in ('schema_validation', 'pii_violation', 'idempotency_conflict')),
  error_message text not null,
  event_type text,
  external_event_id text,
  -- What may be kept of the body: its digest, its length, and an allowlist of technical fields, each only when its
  -- value looks like a code. Everything else of the body is gone, whatever its key was called.
  raw_payload jsonb not null,
  correlation_id uuid not null,
  remediation_status text not null default 'pending'
    check (remediation_status in ('pending', 'in_progress', 'resolved', 'abandoned')),
  ingested_at timestamptz not null default clock_timestamp(),
  -- Readers outside look the key up in the payload; keep the two the same.
  constraint key_in_payload check (raw_payload ->> 'idempotency_key' is not distinct from idempotency_key),
  -- A vendor that repeats a bad body until it gets 200 makes one letter, not a hundred. Another reason is another
  -- letter: a conflict says how much money waits, and must not vanish behind an older complaint under the same key.
  constraint one_letter_per_key_and_reason unique (tenant_id, idempotency_key, error_type)
);
create index dead_events_by_arrival on dead_events (tenant_id, ingested_at);

alter table dead_events enable row level security;
alter table dead_events force row level security;
create policy tenant_only on dead_events
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
create trigger payload_is_a_list before insert on dead_events for each row
  when (new.raw_payload - array['event_type', 'event_timestamp', 'currency', 'vendor', 'utm_source', 'utm_medium',
                                'external_event_id', 'campaign_id', 'idempotency_key', 'amount', 'amount_cents',
                                'status', 'notification_id', 'body_sha256', 'body_bytes'] <> '{}'
        or jsonb_path_exists(new.raw_payload, 'strict $.* ? (@.type() == "object" || @.type() == "array")'))
  execute function payload_holds_more();
grant select, insert on dead_events to app_rw;
grant select on dead_events to app_ro;
