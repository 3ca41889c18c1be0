-- The queue: tasks that are asked for in the caller's own transaction, and done at least once with an effect of once.
--
--   pending ──claim──▶ running ──finish──▶ succeeded
--      ▲                  │
--      └──── retry ───────┼──────────────▶ failed      (and one row in worker_failed_jobs)
--      └─ lease ran out ──┘
--   pending ──withdraw──▶ withdrawn                    (a probe nobody waits for any more)

create table tasks (
  id uuid primary key default gen_random_uuid(),
  queue text not null check (queue in ('housekeeping', 'maintenance', 'llm', 'attribution')),
  -- It is logged, and a label of metrics: a plain word with dots, never a text.
  name text not null check (name ~ '^[a-z0-9_.]{1,100}$'),
  -- Null for the service's own housekeeping.
  tenant_id uuid references tenants (id),
  args jsonb not null default '{}' check (jsonb_typeof(args) = 'object'),
  -- The event that asked for it, and the row it works on, when there are such.
  caused_by uuid,
  effect_id uuid,
  correlation_id uuid not null default gen_random_uuid(),
  state text not null default 'pending' check (state in ('pending', 'running', 'succeeded', 'failed', 'withdrawn')),
  -- How often it was handed to a worker. The number also fences: only the latest holder can end the task.
  attempts int not null default 0,
  -- How often it was handed out again after a failure.
  retry_count int not null default 0,
  run_at timestamptz not null default clock_timestamp(),
  lease_until timestamptz,
  worker text,
  result jsonb,
  enqueued_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  constraint leased_while_running check ((state = 'running') = (lease_until is not null)),
  constraint ended_when_over check ((state in ('succeeded', 'failed', 'withdrawn')) = (ended_at is not null))
);
-- Only what is alive is indexed, so that depth, age and the next task stay cheap however long the history grows.
create index tasks_due on tasks (queue, run_at) where state = 'pending';
create index tasks_leased on tasks (queue, lease_until) where state = 'running';

alter table tasks enable row level security;
alter table tasks force row level security;
create policy owner_only on tasks to migration_owner using (true) with check (true);

-- What was given up, kept for a human. Arguments and errors are sanitised before they come here.
create table worker_failed_jobs (
  id uuid primary key default gen_random_uuid(),
  task_id uuid not null unique references tasks (id),
  task_name text not null,
  queue text not null,
  worker text,
  tenant_id uuid references tenants (id),
  task_args jsonb not null,
  error_type text not null,
  error_message text not null,
  retry_count int not null,
  correlation_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'in_progress', 'resolved', 'abandoned')),
  failed_at timestamptz not null default clock_timestamp()
);
alter table worker_failed_jobs enable row level security;
alter table worker_failed_jobs force row level security;
create policy owner_only on worker_failed_jobs to migration_owner using (true) with check (true);

-- From here on: functions that run as the owner, because the service itself has no privilege on these tables. A
-- worker is nobody's tenant; under a tenant policy it would find nothing to do, and say nothing about it.

-- A tenant's work can only be asked for in that tenant's context: a caller without one asks for nobody's work.
create function require_context(p_tenant uuid) returns void
  language plpgsql stable security definer set search_path = public, pg_temp
  as $$
  begin
    if p_tenant is distinct from current_tenant() then
      raise exception 'work for a tenant is asked for in that tenant''s context' using errcode = 'insufficient_privilege';
    end if;
  end
  $$;

-- Puts one task on a queue.
create function put_task(
  p_queue text, p_name text, p_tenant uuid, p_args jsonb, p_correlation uuid, p_caused_by uuid, p_effect uuid,
  p_delay interval
) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_id uuid;
  begin
    if p_tenant is not null then
      perform require_context(p_tenant);
    end if;
    insert into tasks (queue, name, tenant_id, args, correlation_id, caused_by, effect_id, run_at)
    values (p_queue, p_name, p_tenant, p_args, coalesce(p_correlation, gen_random_uuid()), p_caused_by, p_effect,
            clock_timestamp() + p_delay)
    returning id into v_id;
    -- Delivered at commit: a worker never hears of a task it cannot see.
    perform pg_notify('tasks', p_queue);
    return v_id;
  end
  $$;

-- Hands out the next task of a queue, or no row. The caller commits at once: nobody else waits for the work itself.
create function claim_task(p_queue text, p_worker text, p_lease interval, p_max_retries int) returns setof tasks
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_task tasks;
  begin
    loop
      -- First what a dead worker left behind: it has waited longest.
      select * into v_task from tasks
       where queue = p_queue and state = 'running' and lease_until < clock_timestamp()
       order by lease_until limit 1 for update skip locked;
      exit when not found;
      if v_task.attempts <= p_max_retries then
        exit;
      end if;
      -- A task that takes its worker down each time must not do so for ever.
      perform bury_task(v_task, 'lease_expired', 'the worker ended, or stopped renewing its lease, on every attempt');
    end loop;
    if v_task.id is null then
      select * into v_task from tasks
       where queue = p_queue and state = 'pending' and run_at <= clock_timestamp()
       order by run_at limit 1 for update skip locked;
    end if;
    if v_task.id is null then
      return;
    end if;
    return query
      update tasks
         set state = 'running', attempts = attempts + 1, worker = p_worker,
             started_at = coalesce(started_at, clock_timestamp()), lease_until = clock_timestamp() + p_lease
       where id = v_task.id
      returning *;
  end
  $$;

-- How long until a queue may have something to hand out again, in milliseconds; null when it has nothing at all.
create function next_task_in_ms(p_queue text) returns bigint
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select greatest(0, ceil(extract(epoch from least(
             (select min(run_at) from tasks where queue = p_queue and state = 'pending'),
             (select min(lease_until) from tasks where queue = p_queue and state = 'running')
           ) - clock_timestamp()) * 1000))::bigint
  $$;

-- Keeps a task that is still being worked on. False when it is no longer the caller's.
create function renew_lease(p_task uuid, p_attempt int, p_lease interval) returns boolean
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    update tasks set lease_until = clock_timestamp() + p_lease
     where id = p_task and state = 'running' and attempts = p_attempt;
    return found;
  end
  $$;

-- Acknowledges a task, in the transaction of its effect. Whoever lost the task meanwhile gets an error, and with it
-- loses the effect: that is what makes it happen once.
create function finish_task(p_task uuid, p_attempt int, p_result jsonb) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    update tasks set state = 'succeeded', ended_at = clock_timestamp(), lease_until = null, result = p_result
     where id = p_task and state = 'running' and attempts = p_attempt;
    if not found then
      raise exception 'task % is no longer held by attempt %', p_task, p_attempt
        using errcode = 'object_not_in_prerequisite_state';
    end if;
  end
  $$;

-- What may be kept of arguments, judged by value as well as by key: truth values, small whole numbers, ids, dates, times
-- and versions. A prompt, a secret, a name, a telephone number is none of these, whatever it is called; and what is
-- called a secret is none, whatever it looks like. A key that is no plain word may itself be somebody's.
create function sanitised_args(p_args jsonb) returns jsonb
  language sql immutable set search_path = public, pg_temp
  as $$
    select coalesce(jsonb_object_agg(
             case when key ~ '^[a-z][a-z_]{0,39}$' then key else '[redacted]' end,
             case
               when key ~ '(secret|token|password|key|prompt|mail|phone|name|address|ssn|card)' then '"[redacted]"'
               when jsonb_typeof(value) in ('boolean', 'null') then value
               when jsonb_typeof(value) = 'number' and value::text ~ '^-?[0-9]{1,6}$' then value
               when jsonb_typeof(value) = 'string' and value #>> '{}' ~* concat_ws('|',
                      '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
                      '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$',
                      '^[0-9]{1,4}[.][0-9]{1,4}([.][0-9]{1,4})?$') then value
               else '"[redacted]"'
             end), '{}')
      from jsonb_each(p_args)
  $$;

-- The end of a task that will not be tried again: nothing of what it was asked with is left that may not be.
create function bury_task(p_task tasks, p_error_type text, p_error_message text) returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    update tasks
       set state = 'failed', ended_at = clock_timestamp(), lease_until = null, args = sanitised_args(args)
     where id = p_task.id;
    insert into worker_failed_jobs (task_id, task_name, queue, worker, tenant_id, task_args, error_type, error_message,
                                    retry_count, correlation_id)
    values (p_task.id, p_task.name, p_task.queue, p_task.worker, p_task.tenant_id, sanitised_args(p_task.args),
            p_error_type, left(p_error_message, 300), p_task.attempts - 1, p_task.correlation_id);
  end
  $$;

-- Reports a failure. Says what became of the task: `retry`, `failed`, or `lost` when it was no longer the caller's.
-- The wait doubles with each attempt, up to a quarter of an hour. No allowance of retries (null) means: this cannot get better, give it up.
create function fail_task(
  p_task uuid, p_attempt int, p_error_type text, p_error_message text, p_backoff interval, p_max_retries int
) returns text
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_task tasks;
  begin
    select * into v_task from tasks where id = p_task and state = 'running' and attempts = p_attempt for update;
    if not found then
      return 'lost';
    end if;
    if v_task.attempts <= coalesce(p_max_retries, 0) then
      update tasks
         set state = 'pending', retry_count = retry_count + 1, lease_until = null,
             run_at = clock_timestamp() + least(p_backoff * (2 ^ least(v_task.attempts - 1, 20)), interval '15 minutes')
       where id = p_task;
      perform pg_notify('tasks', v_task.queue);
      return 'retry';
    end if;
    perform bury_task(v_task, p_error_type, p_error_message);
    return 'failed';
  end
  $$;

-- Takes back a task that no worker has begun. False when one has.
create function withdraw_task(p_task uuid) returns boolean
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    update tasks set state = 'withdrawn', ended_at = clock_timestamp()
     where id = p_task and state = 'pending' and name = 'health.probe';
    return found;
  end
  $$;

create function task_state(p_task uuid) returns table (state text, result jsonb)
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select t.state, t.result from tasks t where t.id = p_task
  $$;

-- Depth and age per queue, as they are. A queue with nothing in it has a row too: a missing row would look the same
-- as a wrong database.
create function queue_stats()
  returns table (queue text, pending bigint, running bigint, oldest_pending_seconds double precision)
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select q.name,
           (select count(*) from tasks t where t.queue = q.name and t.state = 'pending'),
           (select count(*) from tasks t where t.queue = q.name and t.state = 'running'),
           coalesce(extract(epoch from clock_timestamp()
             - (select min(t.enqueued_at) from tasks t where t.queue = q.name and t.state = 'pending')), 0)
      from unnest(array['housekeeping', 'maintenance', 'llm', 'attribution']) with ordinality as q (name, place)
     order by q.place
  $$;

revoke all on function require_context(uuid) from public;
revoke all on function put_task(text, text, uuid, jsonb, uuid, uuid, uuid, interval) from public;
revoke all on function claim_task(text, text, interval, int) from public;
revoke all on function next_task_in_ms(text) from public;
revoke all on function renew_lease(uuid, int, interval) from public;
revoke all on function finish_task(uuid, int, jsonb) from public;
revoke all on function sanitised_args(jsonb) from public;
revoke all on function bury_task(tasks, text, text) from public;
revoke all on function fail_task(uuid, int, text, text, interval, int) from public;
revoke all on function withdraw_task(uuid) from public;
revoke all on function task_state(uuid) from public;
revoke all on function queue_stats() from public;

-- `require_context`, `put_task`, `bury_task` and `sanitised_args` are not here: they are reached through the others only.
grant execute on function
  claim_task(text, text, interval, int), next_task_in_ms(text), renew_lease(uuid, int, interval),
  finish_task(uuid, int, jsonb), fail_task(uuid, int, text, text, interval, int), withdraw_task(uuid),
  task_state(uuid), queue_stats()
to app_rw;
grant execute on function queue_stats() to app_ro;
