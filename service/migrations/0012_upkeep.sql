-- Upkeep: work that nobody asks for, at its times; and what it does about personal data that came in all the same.

-- A slot is a time at which something was due. Its row is written once, by whichever worker comes first, together with
-- the task: so a slot is never run twice, however many workers there are.
create table schedule_slots (
  schedule text not null check (schedule in ('matviews.pulse', 'privacy.pii_scan', 'privacy.retention')),
  slot timestamptz not null,
  -- Null for the first row of a schedule, which only says when the service began to keep it.
  task_id uuid,
  claimed_at timestamptz not null default clock_timestamp(),
  primary key (schedule, slot)
);

-- It has no tenant, and nobody but the owner reaches it; the same belt as on `tasks`.
alter table schedule_slots enable row level security;
alter table schedule_slots force row level security;
create policy owner_only on schedule_slots to migration_owner using (true) with check (true);

-- Asks for the task of a schedule when a slot of it is due, and returns the task; null when none is. A schedule is kept
-- either every so often, counted from its first row, or daily at a time of the UTC day. Only the latest slot counts:
-- what was missed while no worker ran is made up for once, not once for each time.
create function run_due_slot(p_schedule text, p_every interval, p_daily_at time, p_queue text, p_task text)
  returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_last timestamptz;
    v_slot timestamptz;
    v_task uuid;
  begin
    select max(s.slot) into v_last from schedule_slots s where s.schedule = p_schedule;
    if p_daily_at is null then
      v_slot := coalesce(
        v_last + p_every * floor(extract(epoch from v_now - v_last) / extract(epoch from p_every)), v_now);
    else
      v_slot := ((v_now at time zone 'UTC')::date + p_daily_at) at time zone 'UTC';
      if v_slot > v_now then
        v_slot := v_slot - interval '24 hours';
      end if;
    end if;
    if v_slot <= v_last then
      return null;
    end if;
    insert into schedule_slots (schedule, slot) values (p_schedule, v_slot) on conflict do nothing;
    if not found or v_last is null then
      return null;
    end if;
    -- Through the operator's door, so that a schedule has no way of its own to make work.
    v_task := enqueue(p_queue, p_task, null, '{}');
    update schedule_slots set task_id = v_task where schedule = p_schedule and slot = v_slot;
    return v_task;
  end
  $$;

-- Where personal data was found: never what it was.
create table pii_audit_findings (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  table_name text not null,
  column_name text not null,
  record_id text not null,
  -- One of the listed keys, as listed: a key as it was found could itself be somebody's.
  key text not null,
  found_at timestamptz not null default clock_timestamp(),
  -- A second scan finds it again and adds nothing.
  constraint one_finding_per_key unique (table_name, column_name, record_id, key)
);
alter table pii_audit_findings enable row level security;
alter table pii_audit_findings force row level security;
create policy tenant_only on pii_audit_findings
  using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select on pii_audit_findings to app_ro;

-- Looks through every jsonb column of every table with a tenant, at any depth, for the keys it is given: lower case,
-- letters and digits only, because that is how they are compared. A null, and what has been redacted, is no data.
-- Returns how many findings are new.
--
-- Row security is forced on the owner too, so the scan goes from tenant to tenant, in the context of each.
create function scan_for_pii(p_keys text[]) returns bigint
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_before text := current_setting('app.current_tenant_id', true);
    v_tenant uuid;
    v_column record;
    v_rows bigint;
    v_found bigint := 0;
  begin
    for v_tenant in select t.id from tenants t order by t.id loop
      perform set_config('app.current_tenant_id', v_tenant::text, true);
      for v_column in
        select c.relname, a.attname
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.atttypid = 'jsonb'::regtype and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
           and exists (select from pg_attribute t
                        where t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped)
         order by c.relname, a.attname
      loop
        execute format(
          $q$
            insert into pii_audit_findings (tenant_id, table_name, column_name, record_id, key)
            select distinct $1, %1$L, %2$L, coalesce(to_jsonb(r) ->> 'id', r.ctid::text), plain.key
              from %1$I r
             cross join lateral jsonb_path_query(r.%2$I, 'strict $.** ? (@.type() == "object")') as part (object)
             cross join lateral jsonb_each(part.object) as field (key, value)
             cross join lateral (select regexp_replace(lower(field.key), '[^[:alnum:]]', '', 'g')) as plain (key)
             where r.tenant_id = $1
               and plain.key = any ($2)
               and jsonb_typeof(field.value) <> 'null' and field.value <> '"[redacted]"'
                on conflict on constraint one_finding_per_key do nothing
          $q$, v_column.relname, v_column.attname)
          using v_tenant, p_keys;
        get diagnostics v_rows = row_count;
        v_found := v_found + v_rows;
      end loop;
    end loop;
    perform set_config('app.current_tenant_id', coalesce(v_before, ''), true);
    return v_found;
  end
  $$;

-- Takes away what is left of the bodies of old dead letters. The row stays: that something came, when, from whom and
-- why it was refused is no personal data, and readers of the letters count on it. Nothing young can be taken away, no
-- matter what the service asks. Returns how many were redacted.
create function redact_dead_events(p_days int) returns bigint
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_before text := current_setting('app.current_tenant_id', true);
    v_tenant uuid;
    v_rows bigint;
    v_redacted bigint := 0;
  begin
    if p_days is null or p_days < 30 then
      raise exception 'a dead letter is kept whole for 30 days at least' using errcode = 'invalid_parameter_value';
    end if;
    for v_tenant in select t.id from tenants t order by t.id loop
      perform set_config('app.current_tenant_id', v_tenant::text, true);
      update dead_events
         set raw_payload = jsonb_build_object('idempotency_key', idempotency_key, 'redacted', true)
       where ingested_at < clock_timestamp() - make_interval(days => p_days)
         and not raw_payload ? 'redacted';
      get diagnostics v_rows = row_count;
      v_redacted := v_redacted + v_rows;
    end loop;
    perform set_config('app.current_tenant_id', coalesce(v_before, ''), true);
    return v_redacted;
  end
  $$;

revoke all on function run_due_slot(text, interval, time, text, text) from public;
revoke all on function scan_for_pii(text[]) from public;
revoke all on function redact_dead_events(int) from public;
grant execute on function
  run_due_slot(text, interval, time, text, text), scan_for_pii(text[]), redact_dead_events(int)
to app_rw;
