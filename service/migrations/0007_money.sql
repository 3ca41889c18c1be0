-- Money as it was verified: what platforms claim to have earned, held against what was captured.
--
--   idle ──claim──▶ running ──▶ completed
--                      └──────▶ failed

-- One row per request to reconcile. Its id is what the caller was told, so a request that left no row would be a lie
-- that anyone can find.
create table reconciliation_runs (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  -- `idle`: asked for, and no worker has begun.
  state text not null default 'idle' check (state in ('idle', 'running', 'failed', 'completed')),
  -- When its state last changed.
  last_run_at timestamptz not null default clock_timestamp(),
  -- Who asked, and, once it is completed, what was found. Ids and counts only.
  run_metadata jsonb not null default '{}' check (jsonb_typeof(run_metadata) = 'object'),
  task_id uuid references tasks (id),
  requested_at timestamptz not null default clock_timestamp()
);
-- The status of a tenant is that of its latest run.
create index reconciliation_runs_latest on reconciliation_runs (tenant_id, requested_at desc);

alter table reconciliation_runs enable row level security;
alter table reconciliation_runs force row level security;
-- The service reads its tenant's runs. It writes none: they are made and moved by the functions below.
create policy tenant_only on reconciliation_runs for select to app_rw, app_ro
  using (tenant_id = (select current_tenant()));
create policy owner_only on reconciliation_runs to migration_owner using (true) with check (true);
grant select on reconciliation_runs to app_rw, app_ro;

-- One row per payment that somebody claims a share of. A fact: inserted once, never changed.
create table revenue_ledger (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  -- The payment's own id at the vendor that captured it (`pi_…`).
  transaction_id text not null check (length(transaction_id) between 1 and 100),
  order_id text check (length(order_id) between 1 and 100),
  -- `claimed`: platforms say there was such a payment, and nobody captured one.
  state text not null check (state in ('claimed', 'authorized', 'captured', 'refunded', 'chargeback')),
  -- What was verified to have moved, and whose word that is. Nobody's word verifies what is only claimed.
  amount_cents bigint not null check (amount_cents between 0 and 999999999999),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  verification_source text check (verification_source ~ '^[a-z][a-z0-9_]{0,39}$'),
  verification_timestamp timestamptz,
  -- The sum of what all platforms claim of this payment. The bound keeps the arithmetic below inside 64 bits.
  claimed_total_cents bigint not null check (claimed_total_cents between 0 and 99999999999999),
  verified_total_cents bigint not null check (verified_total_cents between 0 and 999999999999),
  -- Computed here, in whole cents, so that no caller can write a row that contradicts itself. What is claimed beyond
  -- what was verified is a ghost …
  ghost_revenue_cents bigint not null
    generated always as (greatest(0, claimed_total_cents - verified_total_cents)) stored,
  -- … and the ghost in ten-thousandths of what was verified, rounded down. Where nothing was, all of it is a ghost.
  discrepancy_bps bigint not null
    generated always as (
      case
        when verified_total_cents > 0
          then greatest(0, claimed_total_cents - verified_total_cents) * 10000 / verified_total_cents
        when claimed_total_cents > 0 then 10000
        else 0
      end
    ) stored,
  -- The run that wrote it; none when it came another way.
  reconciliation_run_id uuid references reconciliation_runs (id),
  created_at timestamptz not null default clock_timestamp(),
  -- Two tenants may well have a payment of the same name: the rule is each tenant's own.
  constraint one_entry_per_transaction unique (tenant_id, transaction_id),
  constraint verified_by_somebody check (
    (state = 'claimed') = (verification_source is null)
    and (verification_source is null) = (verification_timestamp is null)
    and (state <> 'claimed' or verified_total_cents = 0)
  )
);
-- The APIs sum a tenant's entries by who verified them.
create index revenue_ledger_by_source on revenue_ledger (tenant_id, verification_source);

alter table revenue_ledger enable row level security;
alter table revenue_ledger force row level security;
create policy tenant_only on revenue_ledger
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert on revenue_ledger to app_rw;
grant select on revenue_ledger to app_ro;

-- The grants above stop the service. This stops everybody, the owner too.
create function ledger_is_immutable() returns trigger
  language plpgsql set search_path = public, pg_temp
  as $$
  begin
    raise exception 'an entry of the revenue ledger is never changed' using errcode = 'object_not_in_prerequisite_state';
  end
  $$;
create trigger no_change before update or delete on revenue_ledger
  for each row execute function ledger_is_immutable();
create trigger no_truncation before truncate on revenue_ledger
  for each statement execute function ledger_is_immutable();

-- Asks for a tenant's money to be reconciled: the run and its task are one, or neither is. Returns the run's id.
create function request_reconciliation(p_tenant uuid, p_args jsonb, p_metadata jsonb, p_correlation uuid) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_run uuid;
    v_task uuid;
  begin
    perform require_context(p_tenant);
    insert into reconciliation_runs (tenant_id, run_metadata) values (p_tenant, p_metadata) returning id into v_run;
    v_task := put_task('maintenance', 'reconciliation.run', p_tenant, p_args || jsonb_build_object('run_id', v_run),
                       p_correlation, null, v_run, interval '0');
    update reconciliation_runs set task_id = v_task where id = v_run;
    return v_run;
  end
  $$;

-- The run follows its task, in the same transaction, so that the two never tell different stories: also when the task
-- is given up because its worker died of it.
create function run_follows_task() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    update reconciliation_runs
       set state = case new.state
                     when 'running' then 'running'
                     when 'succeeded' then 'completed'
                     when 'failed' then 'failed'
                     else state
                   end,
           run_metadata = run_metadata || coalesce(new.result, '{}'),
           last_run_at = clock_timestamp()
     where id = new.effect_id;
    return null;
  end
  $$;
create trigger run_follows_task after update of state on tasks
  for each row when (new.name = 'reconciliation.run' and new.effect_id is not null
                     and new.state is distinct from old.state)
  execute function run_follows_task();

revoke all on function ledger_is_immutable() from public;
revoke all on function request_reconciliation(uuid, jsonb, jsonb, uuid) from public;
revoke all on function run_follows_task() from public;
grant execute on function request_reconciliation(uuid, jsonb, jsonb, uuid) to app_rw;
