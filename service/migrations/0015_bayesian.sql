-- Inferences: how much of a tenant's revenue each channel brings in, and how sure that is; or what stands in for it when
-- finding out took too long.

-- One row per task, and a fact: written in the transaction that acknowledges the task, never changed, never deleted by
-- the service. A later inference is another row.
create table bayesian_inferences (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  -- A task that is handed out again must not leave a second row.
  task_id uuid not null constraint one_inference_per_task unique,
  correlation_id uuid not null,
  -- `no_data`: nothing was paid in the window, and that is an answer.
  status text not null check (status in ('computed', 'fallback', 'no_data')),
  reason text check (reason in ('bayesian_soft_time_limit_exceeded', 'bayesian_hard_time_limit_exceeded')),
  fallback_model text check (fallback_model in ('deterministic_last_touch')),
  fallback_lookback_days int check (fallback_lookback_days > 0),
  -- The events it is made of: of this time, and of one currency, because amounts of different currencies are never
  -- added up. Those of any other currency are counted.
  window_start timestamptz not null,
  window_end timestamptz not null,
  currency text check (currency ~ '^[A-Z]{3}$'),
  other_events bigint not null default 0 check (other_events >= 0),
  -- What the channels come to, in whole cents.
  total_cents bigint not null check (total_cents >= 0),
  -- By channel: what was seen, `events` and `revenue_cents`, and of a posterior what it says. The shares of a posterior
  -- are probabilities, not money, so they may be floating point; no amount is ever made of them.
  channels jsonb not null check (jsonb_typeof(channels) = 'array'),
  -- Of a posterior how it was found: seed, chains, draws, divergences.
  sampling jsonb,
  created_at timestamptz not null default clock_timestamp(),
  check (window_start < window_end),
  constraint a_fallback_says_why
    check (num_nulls(reason, fallback_model, fallback_lookback_days) = case status when 'fallback' then 0 else 3 end),
  constraint a_posterior_says_how check ((status = 'computed') = (sampling is not null)),
  constraint a_currency_where_there_is_money check ((currency is null) = (channels = '[]'))
);
-- Readers want a tenant's latest.
create index bayesian_inferences_latest on bayesian_inferences (tenant_id, created_at);

alter table bayesian_inferences enable row level security;
alter table bayesian_inferences force row level security;
create policy tenant_only on bayesian_inferences
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert on bayesian_inferences to app_rw;
grant select on bayesian_inferences to app_ro;
