-- What tenants are shown: five summaries, computed for all of them at once, and read by each through a window that shows
-- its own rows only.
--
--   matviews.mv_…   the materialized view: every tenant's rows, owned by `matview_owner`, reached by nobody who logs in
--   mv_…            the view over it: the tenant's own rows, and the only door
--
-- A refresh runs as the owner of the materialized view, which row security does not hold back. Were it to run as one
-- tenant, it would throw every other tenant's rows away.

grant usage on schema public to matview_owner;
grant select on attribution_events, attribution_allocations, revenue_ledger, reconciliation_runs to matview_owner;

-- Amounts of different currencies are never added up, so the currency is part of every key that sums. Sums of bigint are
-- numeric, and are made bigint again here: one that does not fit fails the refresh instead of showing a wrong amount.

-- Each event's shares against its revenue.
select matviews.make('mv_allocation_summary', 'tenant_id, event_id, model_version', $$
  select e.tenant_id, e.id as event_id, a.model_version, e.currency,
         sum(a.allocated_revenue_cents)::bigint as total_cents,
         e.revenue_cents as event_revenue_cents,
         (sum(a.allocated_revenue_cents) - e.revenue_cents)::bigint as drift_cents,
         sum(a.allocated_revenue_cents) = e.revenue_cents as is_balanced
    from attribution_events e
    join attribution_allocations a on a.event_id = e.id
   group by e.id, a.model_version
$$);

-- What each channel brought in, by UTC day, over the last ninety.
select matviews.make('mv_channel_performance', 'tenant_id, day, channel_code, model_version, currency', $$
  select e.tenant_id, (e.event_timestamp at time zone 'UTC')::date as day, a.channel_code, a.model_version, e.currency,
         count(*) as events,
         sum(a.allocated_revenue_cents)::bigint as total_cents
    from attribution_events e
    join attribution_allocations a on a.event_id = e.id
   where e.event_timestamp >= clock_timestamp() - interval '90 days'
   group by 1, 2, 3, 4, 5
$$);

-- What was captured, by UTC day, and beside it what the ledger knows in any other state. The ledger's captured payments
-- are events too; they are not counted twice.
select matviews.make('mv_daily_revenue_summary', 'tenant_id, day, state, currency', $$
  select tenant_id, day, state, currency, count(*) as entries, sum(cents)::bigint as total_cents
    from (
           select tenant_id, (event_timestamp at time zone 'UTC')::date as day, 'captured' as state, currency,
                  revenue_cents as cents
             from attribution_events
           union all
           select tenant_id, (created_at at time zone 'UTC')::date, state, currency, amount_cents
             from revenue_ledger
            where state <> 'captured'
         ) money
   group by 1, 2, 3, 4
$$);

-- What each tenant has earned so far, by our own books.
select matviews.make('mv_realtime_revenue', 'tenant_id, currency', $$
  select tenant_id, currency,
         count(*) as events,
         sum(revenue_cents)::bigint as total_cents,
         max(event_timestamp) as last_event_at
    from attribution_events
   group by tenant_id, currency
$$);

-- How far the books have been held against what the platforms claim.
select matviews.make('mv_reconciliation_status', 'tenant_id, currency', $$
  select m.tenant_id, m.currency, coalesce(r.state, 'never') as state, r.last_run_at,
         sum(m.entries) as entries,
         sum(m.captured_cents)::bigint as total_cents,
         sum(m.verified_cents)::bigint as verified_cents,
         sum(m.claimed_cents)::bigint as claimed_cents,
         sum(m.ghost_cents)::bigint as ghost_cents,
         max(m.discrepancy_bps) as worst_discrepancy_bps
    from (
           select tenant_id, currency, 0 as entries, revenue_cents as captured_cents, 0 as verified_cents,
                  0 as claimed_cents, 0 as ghost_cents, null::bigint as discrepancy_bps
             from attribution_events
           union all
           select tenant_id, currency, 1, 0, verified_total_cents, claimed_total_cents, ghost_revenue_cents,
                  discrepancy_bps
             from revenue_ledger
         ) m
    left join lateral (
           select state, last_run_at from reconciliation_runs
            where tenant_id = m.tenant_id order by requested_at desc limit 1
         ) r on true
   group by m.tenant_id, m.currency, r.state, r.last_run_at
$$);

-- The windows. A condition of the reader's own is not looked at before the tenant's (`security_barrier`), so that no
-- function of the reader ever meets a row that is not its own.
create view mv_allocation_summary with (security_barrier) as
  select * from matviews.mv_allocation_summary where tenant_id = (select current_tenant());
create view mv_channel_performance with (security_barrier) as
  select * from matviews.mv_channel_performance where tenant_id = (select current_tenant());
create view mv_daily_revenue_summary with (security_barrier) as
  select * from matviews.mv_daily_revenue_summary where tenant_id = (select current_tenant());
create view mv_realtime_revenue with (security_barrier) as
  select * from matviews.mv_realtime_revenue where tenant_id = (select current_tenant());
create view mv_reconciliation_status with (security_barrier) as
  select * from matviews.mv_reconciliation_status where tenant_id = (select current_tenant());
grant select on mv_allocation_summary, mv_channel_performance, mv_daily_revenue_summary, mv_realtime_revenue,
                mv_reconciliation_status
to app_rw, app_ro;

-- Refreshes all five, and says of each how that ended:
--
--   success   it shows every tenant what was committed before the refresh of it began
--   skipped   somebody else is refreshing it, and may have begun before the caller's events were there
--   failed    it could not be computed, and shows what it showed before; the others are refreshed all the same
--
-- In the last two cases another refresh is asked for here, in the caller's transaction: the request that brought the
-- caller here is not answered yet. The locks end with the transaction, so that nobody refreshes a view again before
-- this refresh of it can be seen.
create function refresh_matviews()
  returns table (view_name text, outcome text, took_us bigint, error_code text)
  language plpgsql security definer set search_path = public, pg_temp
  as $$
  declare
    -- A name for our locks in a space that all of the database's programs share: any number.
    c_lock constant int := 1836414055;
    v_began timestamptz;
    v_again interval;
  begin
    foreach view_name in array array['mv_allocation_summary', 'mv_channel_performance', 'mv_daily_revenue_summary',
                                     'mv_realtime_revenue', 'mv_reconciliation_status'] loop
      v_began := clock_timestamp();
      outcome := 'success';
      error_code := null;
      if pg_try_advisory_xact_lock(c_lock, hashtext(view_name)) then
        begin
          perform matviews.refresh(view_name);
        -- All but a cancelled statement, which is the task's limit and ends all of it.
        exception when others then
          outcome := 'failed';
          error_code := sqlstate;
          v_again := interval '5 seconds';
        end;
      else
        outcome := 'skipped';
        v_again := coalesce(v_again, interval '1 second');
      end if;
      took_us := extract(epoch from clock_timestamp() - v_began) * 1000000;
      return next;
    end loop;
    if v_again is not null then
      perform request_refresh(0, null, null, v_again);
    end if;
  end
  $$;

revoke all on function refresh_matviews() from public;
grant execute on function refresh_matviews() to app_rw;
