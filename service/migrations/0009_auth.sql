-- Tokens are believed because of who signed them, so they cannot be called back; they can only be denied here.

-- A token that is no longer good, whatever it says of itself.
create table auth_denied_tokens (
  jti text primary key check (length(jti) between 1 and 200),
  denied_at timestamptz not null default clock_timestamp()
);

-- A user whose tokens are good only when they were issued after this moment.
create table auth_user_cutoffs (
  user_id uuid primary key,
  not_before timestamptz not null,
  denied_at timestamptz not null default clock_timestamp()
);

-- The service learns of both through the function below. It writes neither: it must not be able to lift a denial.
alter table auth_denied_tokens enable row level security;
alter table auth_denied_tokens force row level security;
create policy owner_only on auth_denied_tokens to migration_owner using (true) with check (true);
alter table auth_user_cutoffs enable row level security;
alter table auth_user_cutoffs force row level security;
create policy owner_only on auth_user_cutoffs to migration_owner using (true) with check (true);

-- Whoever remembers the denials hears at commit that there are others, however they were changed.
create function denials_changed() returns trigger
  language plpgsql set search_path = public, pg_temp
  as $$
  begin
    perform pg_notify('auth_denials', '');
    return null;
  end
  $$;
create trigger denials_changed after insert or update or delete on auth_denied_tokens
  for each statement execute function denials_changed();
create trigger denials_changed after insert or update or delete on auth_user_cutoffs
  for each statement execute function denials_changed();

-- An operator's two doors. Run as migration_owner; nobody else may. To deny twice is no error.
create function deny_token(p_jti text) returns void
  language sql set search_path = public, pg_temp
  as $$
    insert into auth_denied_tokens (jti) values (p_jti) on conflict do nothing
  $$;

-- A cutoff only ever moves forward: what was denied stays denied.
create function deny_user(p_user uuid, p_not_before timestamptz default clock_timestamp()) returns void
  language sql set search_path = public, pg_temp
  as $$
    insert into auth_user_cutoffs as c (user_id, not_before) values (p_user, p_not_before)
    on conflict (user_id) do update
       set not_before = greatest(c.not_before, excluded.not_before), denied_at = clock_timestamp()
  $$;

-- Everything that is denied: a row has a token's id, or a user and the last second (since 1970) whose tokens are not
-- good. Tokens count whole seconds, so those of the cutoff's own second are denied with the ones before it.
create function auth_denials() returns table (jti text, user_id uuid, until_second bigint)
  language sql stable security definer set search_path = public, pg_temp
  as $$
    select t.jti, null::uuid, null::bigint from auth_denied_tokens t
    union all
    select null, c.user_id, floor(extract(epoch from c.not_before))::bigint from auth_user_cutoffs c
  $$;

revoke all on function denials_changed() from public;
revoke all on function deny_token(text) from public;
revoke all on function deny_user(uuid, timestamptz) from public;
revoke all on function auth_denials() from public;
grant execute on function auth_denials() to app_rw;
