-- LLM work as tasks: how it is asked for, where its prompt waits, what of its answer is kept beside the books.

-- A prompt that waits for its worker: encrypted with the service's key, which is never stored here, and gone when its
-- task is over. No other row and no log ever holds a prompt.
create table llm_prompts (
  task_id uuid primary key references tasks (id),
  tenant_id uuid not null references tenants (id),
  ciphertext bytea not null
);
alter table llm_prompts enable row level security;
alter table llm_prompts force row level security;
create policy owner_only on llm_prompts to migration_owner using (true) with check (true);

-- Asks for an answer: the task and its prompt are one, or neither is. Returns the task's id.
create function request_llm(
  p_tenant uuid, p_user uuid, p_endpoint text, p_args jsonb, p_prompt bytea, p_box_key text, p_correlation uuid
) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_task uuid;
  begin
    perform require_context(p_tenant);
    if p_user is distinct from current_user_id() then
      raise exception 'an answer is asked for in its user''s context' using errcode = 'insufficient_privilege';
    end if;
    v_task := put_task('llm', 'llm.' || p_endpoint, p_tenant, p_args || jsonb_build_object('user_id', p_user),
                       p_correlation, null, null, interval '0');
    insert into llm_prompts (task_id, tenant_id, ciphertext)
    values (v_task, p_tenant, pgp_sym_encrypt_bytea(p_prompt, p_box_key, 'cipher-algo=aes256'));
    return v_task;
  end
  $$;

-- The prompt of a task, for the attempt that holds it; null for anybody else.
create function open_llm_prompt(p_task uuid, p_attempt int, p_box_key text) returns bytea
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select pgp_sym_decrypt_bytea(p.ciphertext, p_box_key)
      from llm_prompts p
      join tasks t on t.id = p.task_id
     where p.task_id = p_task and t.state = 'running' and t.attempts = p_attempt and t.tenant_id = current_tenant()
  $$;

-- When a task is over, however it ended, its prompt is gone; and when it was given up, so is the claim it may have left:
-- in the same transaction, so that nothing stays promised to nobody, also when its worker died of it.
create function llm_follows_task() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    v_call uuid;
  begin
    delete from llm_prompts where task_id = new.id;
    for v_call in select id from llm_api_calls where task_id = new.id and status = 'pending' for update loop
      perform end_llm_reservation(v_call, 'released', 0);
      perform end_llm_call(v_call, 'failed', 'ALLOW', 'abandoned');
    end loop;
    return null;
  end
  $$;
create trigger llm_follows_task after update of state on tasks
  for each row when (new.name like 'llm.%' and new.state in ('succeeded', 'failed', 'withdrawn')
                     and new.state is distinct from old.state)
  execute function llm_follows_task();

-- What was found out, for whoever asked for an investigation.
create table investigations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  api_call_id uuid not null unique references llm_api_calls (id),
  -- Where it came from: `provider:<request id>`. The question itself is a prompt, and is kept nowhere.
  query text not null,
  status text not null check (status in ('completed')),
  result jsonb not null,
  cost_cents bigint not null check (cost_cents >= 0),
  created_at timestamptz not null default clock_timestamp()
);

-- What was recommended, for whoever asked how to spend a budget.
create table budget_optimization_jobs (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  api_call_id uuid not null unique references llm_api_calls (id),
  recommendations jsonb not null,
  status text not null check (status in ('completed')),
  cost_cents bigint not null check (cost_cents >= 0),
  created_at timestamptz not null default clock_timestamp()
);

do $$
  declare
    v_table text;
  begin
    foreach v_table in array array['investigations', 'budget_optimization_jobs'] loop
      execute format('alter table %I enable row level security', v_table);
      execute format('alter table %I force row level security', v_table);
      execute format(
        'create policy own_rows on %I using (tenant_id = (select current_tenant()) and user_id = (select current_user_id()))
           with check (tenant_id = (select current_tenant()) and user_id = (select current_user_id()))', v_table);
      execute format('grant select, insert on %I to app_rw', v_table);
      execute format('grant select on %I to app_ro', v_table);
    end loop;
  end
$$;

-- A task, for the tenant it is done for; and when it is done for a user, for that user alone.
create function tenant_task(p_task uuid)
  returns table (
    id uuid, name text, state text, attempts int, result jsonb, correlation_id uuid, enqueued_at timestamptz,
    started_at timestamptz, ended_at timestamptz
  )
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select t.id, t.name, t.state, t.attempts, t.result, t.correlation_id, t.enqueued_at, t.started_at, t.ended_at
      from tasks t
     where t.id = p_task and t.tenant_id = current_tenant()
       and (not t.args ? 'user_id' or t.args ->> 'user_id' = current_user_id()::text)
  $$;

-- The operator's door to the queue, as before, with one more thing that it does not let through: a prompt has a door of
-- its own, which encrypts it.
alter function enqueue(text, text, uuid, jsonb) rename to enqueue_anything;
create function enqueue(p_queue text, p_name text, p_tenant uuid, p_args jsonb) returns uuid
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  begin
    if p_name like 'llm.%' then
      raise exception 'an answer is asked for with request_llm' using errcode = 'insufficient_privilege';
    end if;
    return enqueue_anything(p_queue, p_name, p_tenant, p_args);
  end
  $$;
revoke all on function enqueue_anything(text, text, uuid, jsonb) from public, app_rw;

revoke all on function request_llm(uuid, uuid, text, jsonb, bytea, text, uuid) from public;
revoke all on function open_llm_prompt(uuid, int, text) from public;
revoke all on function llm_follows_task() from public;
revoke all on function tenant_task(uuid) from public;
revoke all on function enqueue(text, text, uuid, jsonb) from public;
grant execute on function
  request_llm(uuid, uuid, text, jsonb, bytea, text, uuid), open_llm_prompt(uuid, int, text), tenant_task(uuid),
  enqueue(text, text, uuid, jsonb)
to app_rw;
