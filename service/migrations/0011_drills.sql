-- Drills: what the worker's own test tasks write, so that their effects can be counted from outside. The tasks exist
-- only with `ENVIRONMENT=test`; in production these tables stay empty.

-- The one effect of a task. Whatever happens to its worker, there is one row.
create table worker_side_effects (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  task_id uuid not null,
  correlation_id uuid not null,
  effect_key text not null check (length(effect_key) between 1 and 40),
  created_at timestamptz not null default clock_timestamp(),
  constraint one_effect_per_task unique (tenant_id, task_id)
);

-- Every attempt that began, also those that failed or were killed: written and committed before anything else.
create table r4_task_attempts (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  task_id uuid not null,
  scenario text not null,
  attempt_no int not null check (attempt_no > 0),
  worker_pid bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (task_id, attempt_no)
);

-- A task that stands between its committed effect and its acknowledgement: now is the time to kill its worker.
create table r4_crash_barriers (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  task_id uuid not null,
  scenario text not null,
  attempt_no int not null check (attempt_no > 0),
  worker_pid bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (task_id, attempt_no)
);

alter table worker_side_effects enable row level security;
alter table worker_side_effects force row level security;
create policy tenant_only on worker_side_effects
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

alter table r4_task_attempts enable row level security;
alter table r4_task_attempts force row level security;
create policy tenant_only on r4_task_attempts
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

alter table r4_crash_barriers enable row level security;
alter table r4_crash_barriers force row level security;
create policy tenant_only on r4_crash_barriers
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));

-- Facts: written once, never changed, never deleted by the service.
grant select, insert on worker_side_effects, r4_task_attempts, r4_crash_barriers to app_rw;
grant select on worker_side_effects, r4_task_attempts, r4_crash_barriers to app_ro;
