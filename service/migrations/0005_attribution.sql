-- From an event to attributed revenue: who asked for which day to be computed again, what came of it, and which refresh
-- of the summaries showed it.

-- One row per computation of one tenant's UTC day under one model. The sum of `requests` over the rows of a tenant is
-- the number of events that asked.
create table attribution_recompute_jobs (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  window_start timestamptz not null,
  window_end timestamptz not null,
  model_version text not null check (model_version ~ '^[A-Za-z0-9._-]{1,40}$'),
  status text not null default 'pending' check (status in ('pending', 'running', 'succeeded', 'failed')),
  -- How many requests this one computation answers: the first, and those it absorbed while it was pending.
  requests int not null default 1,
  -- How often its effect was committed. Never more than once.
  run_count int not null default 0 check (run_count <= 1),
  task_id uuid,
  last_correlation_id uuid,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  check (window_start < window_end)
);
-- At most one computation of a day waits at any time. One that has begun does not count: it may already have read
-- the events, so it never absorbs a request.
create unique index one_pending_recompute
  on attribution_recompute_jobs (tenant_id, window_start, model_version) where status = 'pending';

alter table attribution_recompute_jobs enable row level security;
alter table attribution_recompute_jobs force row level security;
create policy owner_only on attribution_recompute_jobs to migration_owner using (true) with check (true);

-- One row per refresh of the materialized views, which are refreshed for all tenants at once.
--
--   event ──asks──▶ recompute ──on ending, hands its requests on──▶ refresh
--
-- An event makes sure that a refresh waits. What a refresh *answers* for it learns from the recomputes: each hands its
-- requests over in the transaction that ends it, to the refresh that waits then, or to a new one. So a refresh shows
-- the shares of every request it counts, however long the recompute took: its claim waits for the row lock of that
-- handing-over, and its snapshot is younger than its claim. And no tenant's event ever waits for another's at a counter
-- that all of them would share. The sum of `requests` over these rows is the sum over the recomputes that have ended.
create table matview_refresh_jobs (
  id uuid primary key default gen_random_uuid(),
  status text not null default 'pending' check (status in ('pending', 'running', 'succeeded', 'failed')),
  -- Zero for a refresh that an operator, or the clock, asked for.
  requests int not null default 0 check (requests >= 0),
  run_count int not null default 0 check (run_count <= 1),
  task_id uuid,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz
);
-- At most one waits in the whole service; as above, one that has begun absorbs nothing.
create unique index one_pending_refresh on matview_refresh_jobs ((true)) where status = 'pending';
create index matview_refresh_jobs_latest on matview_refresh_jobs (finished_at) where finished_at is not null;

alter table matview_refresh_jobs enable row level security;
alter table matview_refresh_jobs force row level security;
create policy owner_only on matview_refresh_jobs to migration_owner using (true) with check (true);

-- The share of one channel in one event's revenue.
create table attribution_allocations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  event_id uuid not null references attribution_events (id) on delete cascade,
  model_version text not null,
  channel_code text not null references channel_taxonomy (code),
  allocated_revenue_cents bigint not null check (allocated_revenue_cents >= 0),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint one_share_per_channel unique (event_id, model_version, channel_code)
);
-- That constraint's index is the only one, on purpose: everything below asks by event, and a second index would be a
-- choice that a planner without statistics (a fresh database, a busy first minute) can make wrongly.

alter table attribution_allocations enable row level security;
alter table attribution_allocations force row level security;
create policy tenant_only on attribution_allocations
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
-- A share may be corrected by a later computation, so update; never deleted by the service.
grant select, insert, update on attribution_allocations to app_rw;
grant select on attribution_allocations to app_ro;

-- The shares of an event are its revenue, to the cent, or the statement that said otherwise does not happen. An event
-- that is gone, or has no shares left, has nothing to balance: null is not unequal. The two sums are looked up event by
-- event instead of joined, so that the cost is that of the rows touched whatever the planner believes.
create function allocations_balance() returns trigger
  language plpgsql set search_path = public, pg_temp
  as $$
  declare
    v_event uuid;
  begin
    select t.event_id into v_event
      from (select distinct event_id, model_version from touched) t
     where (select e.revenue_cents from attribution_events e where e.id = t.event_id)
        <> (select sum(a.allocated_revenue_cents) from attribution_allocations a
             where a.event_id = t.event_id and a.model_version = t.model_version)
     limit 1;
    if found then
      raise exception 'the allocations of event % do not sum to its revenue', v_event using errcode = 'check_violation';
    end if;
    return null;
  end
  $$;
create trigger balance_after_insert after insert on attribution_allocations
  referencing new table as touched for each statement execute function allocations_balance();
create trigger balance_after_update after update on attribution_allocations
  referencing new table as touched for each statement execute function allocations_balance();
create trigger balance_after_delete after delete on attribution_allocations
  referencing old table as touched for each statement execute function allocations_balance();

-- Asks for a refresh that answers for `p_requests`, and says which task will do it. Only what counts takes the row lock
-- of a refresh that waits: an event brings no requests of its own, so it finds the row and goes on.
create function request_refresh(p_requests int, p_correlation uuid, p_caused_by uuid, p_delay interval) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_job matview_refresh_jobs;
    v_pause interval;
  begin
    if p_requests = 0 then
      select * into v_job from matview_refresh_jobs where status = 'pending';
      if found then
        return v_job.task_id;
      end if;
    end if;
    insert into matview_refresh_jobs as j (requests) values (p_requests)
    on conflict ((true)) where status = 'pending' do update set requests = j.requests + excluded.requests
    returning * into v_job;
    if v_job.task_id is null then
      -- A refresh costs more the more there is to show. Four times as long as the last one took is the next one's
      -- wait, so that under load the refreshes have a fifth of one core; but nobody waits longer than half a minute.
      select least(4 * (finished_at - started_at), interval '30 seconds') into v_pause
        from matview_refresh_jobs where finished_at is not null order by finished_at desc limit 1;
      v_job.task_id := put_task('maintenance', 'matviews.refresh_all', null, '{}', p_correlation, p_caused_by, v_job.id,
                                greatest(p_delay, v_pause));
      update matview_refresh_jobs set task_id = v_job.task_id where id = v_job.id;
    end if;
    return v_job.task_id;
  end
  $$;

-- Asks for a day to be computed again, and says which task will do it. A request that finds one waiting is counted
-- there; the row lock it takes is held until the caller commits, so the computation cannot begin before its event is
-- there to be read. `p_delay` gives a burst the time to become one task. The refresh is asked for with it and waits
-- longer, so that in the ordinary case the recompute ends first and hands its requests to that one.
create function request_recompute(
  p_tenant uuid, p_day date, p_model text, p_event uuid, p_correlation uuid, p_delay interval
) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_job attribution_recompute_jobs;
    v_start timestamptz := p_day::timestamp at time zone 'UTC';
  begin
    perform require_context(p_tenant);
    insert into attribution_recompute_jobs as j (tenant_id, window_start, window_end, model_version, last_correlation_id)
    values (p_tenant, v_start, v_start + interval '24 hours', p_model, p_correlation)
    on conflict (tenant_id, window_start, model_version) where status = 'pending'
      do update set requests = j.requests + 1, last_correlation_id = excluded.last_correlation_id
    returning * into v_job;
    if v_job.task_id is null then
      v_job.task_id := put_task('attribution', 'attribution.recompute_window', p_tenant,
                                jsonb_build_object('day', p_day, 'model_version', p_model),
                                p_correlation, p_event, v_job.id, p_delay);
      update attribution_recompute_jobs set task_id = v_job.task_id where id = v_job.id;
    end if;
    perform request_refresh(0, p_correlation, p_event, 4 * p_delay);
    return v_job.task_id;
  end
  $$;

-- The job follows its task, in the same transaction, so that the two never tell different stories. A retry does not
-- make it pending again: it has begun, and what has begun absorbs nothing.
create function recompute_follows_task() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_requests int;
  begin
    if new.state = 'running' then
      update attribution_recompute_jobs set status = 'running', started_at = clock_timestamp()
       where id = new.effect_id and status = 'pending';
    elsif new.state in ('succeeded', 'failed') then
      update attribution_recompute_jobs
         set status = new.state, finished_at = clock_timestamp(),
             run_count = run_count + (new.state = 'succeeded')::int
       where id = new.effect_id
      returning requests into v_requests;
      -- Also when it failed: the events themselves are there to be shown.
      perform request_refresh(v_requests, new.correlation_id, new.caused_by, interval '250 milliseconds');
    end if;
    return null;
  end
  $$;
create trigger recompute_follows_task after update of state on tasks
  for each row when (new.name = 'attribution.recompute_window' and new.state is distinct from old.state)
  execute function recompute_follows_task();

create function refresh_follows_task() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    update matview_refresh_jobs
       set status = new.state,
           started_at = coalesce(started_at, clock_timestamp()),
           finished_at = case when new.state <> 'running' then clock_timestamp() end,
           run_count = run_count + (new.state = 'succeeded')::int
     where id = new.effect_id;
    return null;
  end
  $$;
create trigger refresh_follows_task after update of state on tasks
  for each row when (new.name = 'matviews.refresh_all' and new.state in ('running', 'succeeded', 'failed')
                     and new.state is distinct from old.state)
  execute function refresh_follows_task();

-- The operator's door to the queue. A recompute goes the way every recompute goes; without a day it is today's. So does
-- a refresh, which is for all tenants whoever asks.
create function enqueue(p_queue text, p_name text, p_tenant uuid, p_args jsonb) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    if p_name = 'attribution.recompute_window' then
      return request_recompute(
        p_tenant,
        coalesce((p_args ->> 'day')::date, (clock_timestamp() at time zone 'UTC')::date),
        coalesce(p_args ->> 'model_version', '1.0.0'),
        null, gen_random_uuid(), interval '0'
      );
    elsif p_name = 'matviews.refresh_all' then
      return request_refresh(0, null, null, interval '0');
    end if;
    return put_task(p_queue, p_name, p_tenant, p_args, null, null, null, interval '0');
  end
  $$;

revoke all on function allocations_balance() from public;
revoke all on function request_recompute(uuid, date, text, uuid, uuid, interval) from public;
revoke all on function request_refresh(int, uuid, uuid, interval) from public;
revoke all on function recompute_follows_task() from public;
revoke all on function refresh_follows_task() from public;
revoke all on function enqueue(text, text, uuid, jsonb) from public;
grant execute on function request_recompute(uuid, date, text, uuid, uuid, interval) to app_rw;
grant execute on function enqueue(text, text, uuid, jsonb) to app_rw;
