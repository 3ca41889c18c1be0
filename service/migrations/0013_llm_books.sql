-- The books of the LLM layer: what was asked, what was decided about it, what it cost. Everything that spends money goes
-- through the functions at the end, in this order, and nobody writes these tables otherwise:
--
--   claim ─▶ replay? ─▶ kill switch ─▶ hourly shutoff ─▶ monthly reservation ─▶ cache ─▶ breaker ══▶ the provider
--                │            └──────────────┴──────────────────┴── block        └─ hit     └─ block     ├─ settle
--                └─ what is there                                                                        └─ fail

-- On whose behalf within the tenant; read as safely as `current_tenant()`, and for the same reasons.
create function current_user_id() returns uuid
  language sql stable parallel safe
  return case
    when current_setting('app.current_user_id', true)
         ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    then current_setting('app.current_user_id', true)::uuid
  end;

revoke all on function current_user_id() from public;
grant execute on function current_user_id() to app_rw, app_ro;

-- One row per request: claimed first, ended once.
create table llm_api_calls (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  -- The caller's own id of the request. A second request of the same id is the first one, told again.
  request_id uuid not null,
  endpoint text not null check (endpoint in ('route', 'explanation', 'investigation', 'budget_optimization')),
  -- The task that claimed it. When that task is handed out again, the claim is still its own.
  task_id uuid not null references tasks (id),
  correlation_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'success', 'blocked', 'failed')),
  block_reason text,
  failure_reason text,
  provider_attempted boolean not null default false,
  -- How often we set out to call the provider: more than once only when a worker died, or lost its database, meanwhile.
  provider_calls int not null default 0,
  was_cached boolean not null default false,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cost_cents bigint not null default 0,
  latency_ms bigint,
  budget_reservation_cents bigint not null default 0,
  budget_settled_cents bigint not null default 0,
  cache_key text not null,
  cache_watermark bigint not null,
  -- Of the prompt itself there is only this digest.
  prompt_fingerprint text not null check (prompt_fingerprint ~ '^[0-9a-f]{64}$'),
  complexity_score numeric(7, 6) not null check (complexity_score between 0 and 1),
  complexity_bucket int not null check (complexity_bucket between 1 and 10),
  -- What the policy would have chosen with the budget at rest, and what was chosen.
  requested_model text not null,
  chosen_tier text not null,
  chosen_provider text not null,
  chosen_model text not null,
  policy_id text not null,
  policy_version text not null,
  routing_reason text not null,
  response_metadata_ref jsonb,
  reasoning_trace_ref jsonb,
  distillation_eligible boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  constraint one_row_per_request unique (tenant_id, request_id, endpoint),
  constraint ended_when_over check ((status = 'pending') = (ended_at is null)),
  constraint blocked_for_a_reason check ((status = 'blocked') = (block_reason is not null)),
  constraint failed_for_a_reason check ((status = 'failed') = (failure_reason is not null)),
  constraint blocked_before_it_was_attempted check (status <> 'blocked' or not provider_attempted),
  constraint cached_before_it_was_attempted check (not was_cached or (status = 'success' and not provider_attempted)),
  constraint paid_for_an_answer_only check (
    cost_cents = 0 or (cost_cents > 0 and status = 'success' and provider_attempted)
  ),
  constraint called_when_attempted check (provider_attempted = (provider_calls > 0))
);
create index llm_api_calls_pending on llm_api_calls (task_id) where status = 'pending';

-- One row per claimed request, written when it ends: what was decided, and why.
create table llm_call_audit (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  api_call_id uuid not null unique references llm_api_calls (id),
  request_id uuid not null,
  endpoint text not null,
  requested_model text not null,
  resolved_model text not null,
  estimated_cost_cents bigint not null,
  cap_cents bigint,
  -- `ALLOW`: it was let through, whatever came of it. `FALLBACK`: let through, to a cheaper model than it asked for.
  decision text not null check (decision in ('ALLOW', 'BLOCK', 'FALLBACK')),
  reason text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cost_cents bigint not null,
  prompt_fingerprint text not null,
  created_at timestamptz not null default clock_timestamp()
);

-- The grants below stop the service. This stops everybody, the owner too.
create function audit_is_append_only() returns trigger
  language plpgsql set search_path = public, pg_temp
  as $$
  begin
    raise exception 'a row of the LLM audit is never changed' using errcode = 'object_not_in_prerequisite_state';
  end
  $$;
revoke all on function audit_is_append_only() from public;
create trigger no_change before update or delete on llm_call_audit
  for each row execute function audit_is_append_only();
create trigger no_truncation before truncate on llm_call_audit
  for each statement execute function audit_is_append_only();

-- What a user may spend in a month when it is not what the service is told for everybody.
create table llm_budget_caps (
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  cap_cents bigint not null check (cap_cents between 0 and 100000000),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id)
);

-- An operator's door. Run as migration_owner; nobody else may.
create function set_llm_cap(p_tenant uuid, p_user uuid, p_cap_cents bigint) returns void
  language sql set search_path = public, pg_temp
  as $$
    insert into llm_budget_caps as c (tenant_id, user_id, cap_cents) values (p_tenant, p_user, p_cap_cents)
    on conflict (tenant_id, user_id) do update set cap_cents = excluded.cap_cents, updated_at = clock_timestamp()
  $$;
revoke all on function set_llm_cap(uuid, uuid, bigint) from public;

-- A user's month (of UTC, named by its first day): what was spent, and what is promised to calls on their way.
create table llm_monthly_budget_state (
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  month date not null,
  cap_cents bigint not null,
  spent_cents bigint not null default 0 check (spent_cents >= 0),
  reserved_cents bigint not null default 0 check (reserved_cents >= 0),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id, month)
);

create table llm_budget_reservations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  api_call_id uuid not null unique references llm_api_calls (id),
  -- Money is spent in the month that promised it, however long the call takes.
  month date not null,
  reserved_cents bigint not null check (reserved_cents >= 0),
  settled_cents bigint not null default 0 check (settled_cents >= 0),
  state text not null check (state in ('reserved', 'settled', 'released', 'blocked')),
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  check ((state = 'reserved') = (ended_at is null)),
  check (state = 'settled' or settled_cents = 0)
);

-- What a month's answers came to, call by call and model by model.
create table llm_monthly_costs (
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  month date not null,
  total_cost_cents bigint not null check (total_cost_cents >= 0),
  total_calls bigint not null check (total_calls >= 0),
  -- By `provider:model`: `{"cost_cents", "calls"}`.
  model_breakdown jsonb not null default '{}',
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id, month)
);

-- A user's hour, and until when nobody calls a provider for them because of it.
create table llm_hourly_shutoff_state (
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  hour timestamptz not null,
  total_cost_cents bigint not null default 0 check (total_cost_cents >= 0),
  total_calls bigint not null default 0 check (total_calls >= 0),
  is_shutoff boolean not null default false,
  reason text,
  disabled_until timestamptz,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id, hour),
  check (is_shutoff = (disabled_until is not null) and is_shutoff = (reason is not null))
);

-- Whether a tenant's calls to a provider are worth trying. A provider that is down is down for all of a tenant's users,
-- so that not each of them has to find out.
--
--   closed ──failures──▶ open ──time──▶ half_open (one call tries) ──success──▶ closed
--                         ▲──────────────────┴── failure
create table llm_breaker_state (
  tenant_id uuid not null references tenants (id),
  provider text not null,
  state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
  failure_count int not null default 0,
  opened_at timestamptz,
  -- The call that tries, while half open. When it ended without an outcome the next call may try.
  probe_call_id uuid references llm_api_calls (id),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, provider),
  check ((state = 'closed') = (opened_at is null)),
  check ((state = 'half_open') = (probe_call_id is not null))
);

-- Answers that may be given again to the same user for the same prompt, model and watermark.
create table llm_semantic_cache (
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  endpoint text not null,
  -- A digest of endpoint, model and prompt.
  cache_key text not null check (cache_key ~ '^[0-9a-f]{64}$'),
  -- How new the caller's data was. An answer to older data is no answer.
  watermark bigint not null,
  output_text text not null,
  hit_count bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id, endpoint, cache_key)
);

-- Row security, the same on all: a user reads their own rows; of the breaker, which has no user, a tenant reads its own.
-- The service writes none of them by itself.
do $$
  declare
    v_table text;
    v_reader text;
  begin
    foreach v_table in array array[
      'llm_api_calls', 'llm_call_audit', 'llm_budget_caps', 'llm_monthly_budget_state', 'llm_budget_reservations',
      'llm_monthly_costs', 'llm_hourly_shutoff_state', 'llm_breaker_state', 'llm_semantic_cache'
    ] loop
      v_reader := 'tenant_id = (select current_tenant())';
      if v_table <> 'llm_breaker_state' then
        v_reader := v_reader || ' and user_id = (select current_user_id())';
      end if;
      execute format('alter table %I enable row level security', v_table);
      execute format('alter table %I force row level security', v_table);
      execute format('create policy reader on %I for select to app_rw, app_ro using (%s)', v_table, v_reader);
      execute format('create policy owner_only on %I to migration_owner using (true) with check (true)', v_table);
      execute format('grant select on %I to app_rw, app_ro', v_table);
    end loop;
  end
$$;

-- From here on: the boundary, step by step, as the owner. Every step but the first takes a call that is pending and the
-- caller's own; any other is an error, and with it nothing that its transaction did has happened.
create function pending_llm_call(p_call uuid) returns llm_api_calls
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls;
  begin
    select * into v_call from llm_api_calls
     where id = p_call and tenant_id = current_tenant() and status = 'pending' for update;
    if not found then
      raise exception 'there is no such pending call' using errcode = 'object_not_in_prerequisite_state';
    end if;
    return v_call;
  end
  $$;

-- Claims a request for a task, or says whose it is: `mine`, `resumed` (this task's from an earlier attempt), `replay`
-- (another task's), or `foreign` (another user's). Only a task that is still held can claim: a worker that has lost its
-- task leaves no claim behind that nobody would end.
create function claim_llm_call(p_task uuid, p_attempt int, p_user uuid, p_claim jsonb)
  returns table (api_call_id uuid, fate text)
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_task tasks;
    v_call llm_api_calls;
  begin
    select * into v_task from tasks
     where id = p_task and state = 'running' and attempts = p_attempt and tenant_id = current_tenant() for share;
    if not found then
      raise exception 'task % is no longer held by attempt %', p_task, p_attempt
        using errcode = 'object_not_in_prerequisite_state';
    end if;
    insert into llm_api_calls (
      tenant_id, user_id, request_id, endpoint, task_id, correlation_id, cache_key, cache_watermark, prompt_fingerprint,
      complexity_score, complexity_bucket, requested_model, chosen_tier, chosen_provider, chosen_model, policy_id,
      policy_version, routing_reason, reasoning_trace_ref
    )
    select v_task.tenant_id, p_user, c.request_id, c.endpoint, v_task.id, v_task.correlation_id, c.cache_key,
           c.cache_watermark, c.prompt_fingerprint, c.complexity_score, c.complexity_bucket, c.requested_model,
           c.chosen_tier, c.chosen_provider, c.chosen_model, c.policy_id, c.policy_version, c.routing_reason,
           c.reasoning_trace_ref
      from jsonb_populate_record(null::llm_api_calls, p_claim) c
        on conflict on constraint one_row_per_request do nothing
    returning * into v_call;
    if found then
      return query select v_call.id, 'mine';
      return;
    end if;
    select * into v_call from llm_api_calls l
     where l.tenant_id = v_task.tenant_id and l.request_id = (p_claim ->> 'request_id')::uuid
       and l.endpoint = p_claim ->> 'endpoint';
    return query
      select v_call.id,
             case
               when v_call.user_id <> p_user then 'foreign'
               when v_call.status = 'pending' and v_call.task_id = p_task then 'resumed'
               else 'replay'
             end;
  end
  $$;

-- Ends a call, and writes its one line of the audit.
create function end_llm_call(
  p_call uuid, p_status text, p_decision text, p_reason text, p_latency_ms bigint default null,
  p_output text default null, p_input_tokens bigint default 0, p_output_tokens bigint default 0,
  p_cost bigint default 0, p_was_cached boolean default false
) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls;
  begin
    update llm_api_calls
       set status = p_status,
           block_reason = case when p_status = 'blocked' then p_reason end,
           failure_reason = case when p_status = 'failed' then p_reason end,
           latency_ms = p_latency_ms,
           input_tokens = p_input_tokens,
           output_tokens = p_output_tokens,
           cost_cents = p_cost,
           budget_settled_cents = p_cost,
           was_cached = p_was_cached,
           response_metadata_ref = case when p_output is not null
             then jsonb_build_object('output_text', p_output, 'boundary_id', 'b07_p3_aisuite_chokepoint') end,
           ended_at = clock_timestamp()
     where id = p_call
    returning * into strict v_call;
    insert into llm_call_audit (
      tenant_id, user_id, api_call_id, request_id, endpoint, requested_model, resolved_model, estimated_cost_cents,
      cap_cents, decision, reason, input_tokens, output_tokens, cost_cents, prompt_fingerprint
    )
    values (
      v_call.tenant_id, v_call.user_id, v_call.id, v_call.request_id, v_call.endpoint, v_call.requested_model,
      v_call.chosen_provider || ':' || v_call.chosen_model, v_call.budget_reservation_cents,
      (select b.cap_cents
         from llm_budget_reservations r
         join llm_monthly_budget_state b using (tenant_id, user_id, month)
        where r.api_call_id = v_call.id),
      p_decision, p_reason, v_call.input_tokens, v_call.output_tokens, v_call.cost_cents, v_call.prompt_fingerprint
    );
  end
  $$;

-- Ends what was reserved for a call, if anything was: `settled` with what it cost, or `released`.
create function end_llm_reservation(p_call uuid, p_state text, p_cost bigint) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_reservation llm_budget_reservations;
  begin
    update llm_budget_reservations
       set state = p_state, settled_cents = p_cost, ended_at = clock_timestamp()
     where api_call_id = p_call and state = 'reserved'
    returning * into v_reservation;
    if found then
      update llm_monthly_budget_state b
         set reserved_cents = b.reserved_cents - v_reservation.reserved_cents,
             spent_cents = b.spent_cents + p_cost,
             updated_at = clock_timestamp()
       where b.tenant_id = v_reservation.tenant_id and b.user_id = v_reservation.user_id
         and b.month = v_reservation.month;
    end if;
  end
  $$;

-- The call is not made, for this reason. What was reserved for it is free again.
create function block_llm_call(p_call uuid, p_reason text) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
  begin
    perform end_llm_reservation(v_call.id, 'released', 0);
    perform end_llm_call(v_call.id, 'blocked', 'BLOCK', p_reason);
  end
  $$;

-- Promises the money for a call. False when the month does not hold it: what is spent and promised stays within the cap
-- however many ask at once, because the row of the month is updated by one at a time, and only if it holds.
create function reserve_llm_budget(p_call uuid, p_cents bigint, p_default_cap bigint) returns boolean
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
    v_month date := date_trunc('month', clock_timestamp() at time zone 'UTC')::date;
    v_cap bigint := coalesce(
      (select cap_cents from llm_budget_caps where tenant_id = v_call.tenant_id and user_id = v_call.user_id),
      p_default_cap);
    v_is_held boolean;
  begin
    insert into llm_monthly_budget_state as b (tenant_id, user_id, month, cap_cents)
    values (v_call.tenant_id, v_call.user_id, v_month, v_cap)
    on conflict (tenant_id, user_id, month) do update set cap_cents = v_cap, updated_at = clock_timestamp();
    update llm_monthly_budget_state
       set reserved_cents = reserved_cents + p_cents, updated_at = clock_timestamp()
     where tenant_id = v_call.tenant_id and user_id = v_call.user_id and month = v_month
       and spent_cents + reserved_cents + p_cents <= cap_cents;
    v_is_held := found;
    insert into llm_budget_reservations (tenant_id, user_id, api_call_id, month, reserved_cents, state, ended_at)
    values (v_call.tenant_id, v_call.user_id, v_call.id, v_month, p_cents,
            case when v_is_held then 'reserved' else 'blocked' end,
            case when not v_is_held then clock_timestamp() end);
    update llm_api_calls set budget_reservation_cents = p_cents where id = v_call.id;
    return v_is_held;
  end
  $$;

-- Answers a call from the cache: nothing is paid, counted or held for it. False when nothing is there for it.
create function answer_llm_call_from_cache(p_call uuid) returns boolean
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
    v_output text;
  begin
    update llm_semantic_cache
       set hit_count = hit_count + 1, updated_at = clock_timestamp()
     where tenant_id = v_call.tenant_id and user_id = v_call.user_id and endpoint = v_call.endpoint
       and cache_key = v_call.cache_key and watermark = v_call.cache_watermark
    returning output_text into v_output;
    if not found then
      return false;
    end if;
    perform end_llm_reservation(v_call.id, 'released', 0);
    perform end_llm_call(v_call.id, 'success', 'ALLOW', 'cache_hit', p_output => v_output, p_was_cached => true);
    return true;
  end
  $$;

-- Lets a call through to its provider, or not. After this the provider may be called, once this is committed.
create function admit_llm_call(p_call uuid, p_open_for interval) returns boolean
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
    v_breaker llm_breaker_state;
  begin
    select * into v_breaker from llm_breaker_state
     where tenant_id = v_call.tenant_id and provider = v_call.chosen_provider for update;
    if found and v_breaker.state <> 'closed' then
      if v_breaker.state = 'open' and v_breaker.opened_at + p_open_for > clock_timestamp() then
        return false;
      end if;
      if v_breaker.state = 'half_open' and exists (
        select from llm_api_calls where id = v_breaker.probe_call_id and status = 'pending'
      ) then
        return false;
      end if;
      update llm_breaker_state
         set state = 'half_open', probe_call_id = v_call.id, updated_at = clock_timestamp()
       where tenant_id = v_call.tenant_id and provider = v_call.chosen_provider;
    end if;
    update llm_api_calls set provider_attempted = true, provider_calls = 1 where id = v_call.id;
    return true;
  end
  $$;

-- An attempt that goes on where an earlier one of the same task broke off: the provider is called once more.
create function resume_llm_call(p_call uuid) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
  begin
    update llm_api_calls set provider_attempted = true, provider_calls = provider_calls + 1 where id = v_call.id;
  end
  $$;

-- The provider answered. The one function in which money moves, and it moves everywhere at once: the reservation, the
-- month's budget, the hour, the month's costs, and the row itself; whoever settles also keeps the answer for the cache
-- and closes the breaker.
create function settle_llm_call(
  p_call uuid, p_input_tokens bigint, p_output_tokens bigint, p_cost bigint, p_latency_ms bigint, p_output text,
  p_hourly_threshold bigint, p_is_cacheable boolean
) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
    v_model text := v_call.chosen_provider || ':' || v_call.chosen_model;
    v_month date;
    v_hour timestamptz := date_trunc('hour', clock_timestamp(), 'UTC');
  begin
    select month into strict v_month from llm_budget_reservations where api_call_id = v_call.id and state = 'reserved';
    perform end_llm_reservation(v_call.id, 'settled', p_cost);

    insert into llm_hourly_shutoff_state as h (tenant_id, user_id, hour, total_cost_cents, total_calls)
    values (v_call.tenant_id, v_call.user_id, v_hour, p_cost, 1)
    on conflict (tenant_id, user_id, hour) do update
       set total_cost_cents = h.total_cost_cents + p_cost, total_calls = h.total_calls + 1,
           updated_at = clock_timestamp();
    update llm_hourly_shutoff_state
       set is_shutoff = true, reason = 'hourly_threshold_exceeded', disabled_until = v_hour + interval '1 hour'
     where tenant_id = v_call.tenant_id and user_id = v_call.user_id and hour = v_hour
       and total_cost_cents >= p_hourly_threshold and not is_shutoff;

    insert into llm_monthly_costs as m (tenant_id, user_id, month, total_cost_cents, total_calls, model_breakdown)
    values (v_call.tenant_id, v_call.user_id, v_month, p_cost, 1,
            jsonb_build_object(v_model, jsonb_build_object('cost_cents', p_cost, 'calls', 1)))
    on conflict (tenant_id, user_id, month) do update
       set total_cost_cents = m.total_cost_cents + p_cost,
           total_calls = m.total_calls + 1,
           model_breakdown = m.model_breakdown || jsonb_build_object(v_model, jsonb_build_object(
             'cost_cents', coalesce((m.model_breakdown -> v_model ->> 'cost_cents')::bigint, 0) + p_cost,
             'calls', coalesce((m.model_breakdown -> v_model ->> 'calls')::bigint, 0) + 1)),
           updated_at = clock_timestamp();

    if p_is_cacheable then
      insert into llm_semantic_cache as c (tenant_id, user_id, endpoint, cache_key, watermark, output_text)
      values (v_call.tenant_id, v_call.user_id, v_call.endpoint, v_call.cache_key, v_call.cache_watermark, p_output)
      on conflict (tenant_id, user_id, endpoint, cache_key) do update
         set watermark = excluded.watermark, output_text = excluded.output_text, updated_at = clock_timestamp();
    end if;

    -- In a breaker that is not closed only the call that tries has a say.
    update llm_breaker_state
       set state = 'closed', failure_count = 0, opened_at = null, probe_call_id = null, updated_at = clock_timestamp()
     where tenant_id = v_call.tenant_id and provider = v_call.chosen_provider
       and ((state = 'closed' and failure_count > 0) or probe_call_id = v_call.id);

    perform end_llm_call(
      v_call.id, 'success',
      case when v_call.requested_model = v_model then 'ALLOW' else 'FALLBACK' end,
      case when v_call.requested_model = v_model then 'success' else v_call.routing_reason end,
      p_latency_ms, p_output, p_input_tokens, p_output_tokens, p_cost);
  end
  $$;

-- The provider was called and gave no answer: nothing is paid, and the breaker hears of it.
create function fail_llm_call(p_call uuid, p_reason text, p_latency_ms bigint, p_breaker_failures int) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
  begin
    perform end_llm_reservation(v_call.id, 'released', 0);
    insert into llm_breaker_state as b (tenant_id, provider, state, failure_count, opened_at)
    values (v_call.tenant_id, v_call.chosen_provider,
            case when p_breaker_failures <= 1 then 'open' else 'closed' end, 1,
            case when p_breaker_failures <= 1 then clock_timestamp() end)
    on conflict (tenant_id, provider) do update
       set failure_count = b.failure_count + 1,
           state = case
             when b.probe_call_id = v_call.id or b.failure_count + 1 >= p_breaker_failures then 'open' else 'closed'
           end,
           opened_at = case
             when b.probe_call_id = v_call.id or b.failure_count + 1 >= p_breaker_failures then clock_timestamp()
           end,
           probe_call_id = null,
           updated_at = clock_timestamp()
     where b.state = 'closed' or b.probe_call_id = v_call.id;
    perform end_llm_call(v_call.id, 'failed', 'ALLOW', p_reason, p_latency_ms);
  end
  $$;

-- The call is not made again, for this reason, although it may have been made before: nothing is paid, and the breaker is
-- told nothing, because whether the provider was reached nobody knows.
create function give_up_llm_call(p_call uuid, p_reason text) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call llm_api_calls := pending_llm_call(p_call);
  begin
    perform end_llm_reservation(v_call.id, 'released', 0);
    perform end_llm_call(v_call.id, 'failed', 'ALLOW', p_reason);
  end
  $$;

revoke all on function pending_llm_call(uuid) from public;
revoke all on function claim_llm_call(uuid, int, uuid, jsonb) from public;
revoke all on function
  end_llm_call(uuid, text, text, text, bigint, text, bigint, bigint, bigint, boolean)
from public;
revoke all on function end_llm_reservation(uuid, text, bigint) from public;
revoke all on function block_llm_call(uuid, text) from public;
revoke all on function reserve_llm_budget(uuid, bigint, bigint) from public;
revoke all on function answer_llm_call_from_cache(uuid) from public;
revoke all on function admit_llm_call(uuid, interval) from public;
revoke all on function resume_llm_call(uuid) from public;
revoke all on function settle_llm_call(uuid, bigint, bigint, bigint, bigint, text, bigint, boolean) from public;
revoke all on function fail_llm_call(uuid, text, bigint, int) from public;
revoke all on function give_up_llm_call(uuid, text) from public;

-- `pending_llm_call` and the two `end_…` are not here: they are reached through the others only.
grant execute on function
  claim_llm_call(uuid, int, uuid, jsonb), block_llm_call(uuid, text), reserve_llm_budget(uuid, bigint, bigint),
  answer_llm_call_from_cache(uuid), admit_llm_call(uuid, interval), resume_llm_call(uuid),
  settle_llm_call(uuid, bigint, bigint, bigint, bigint, text, bigint, boolean),
  fail_llm_call(uuid, text, bigint, int), give_up_llm_call(uuid, text)
to app_rw;
