-- Taking a webhook in is one statement, so one transaction and one round trip: context, event, and the work it asks
-- for. The functions run as their caller: row security and grants apply in them as everywhere.

-- Writes the event, or finds the one that is already there. `outcome` is `created`, `duplicate`, or `conflict` when
-- the key belongs to another payment: to answer with that payment's event would lose this one's money.
create function ingest_event(
  p_tenant uuid, p_idempotency_key text, p_vendor text, p_event_type text, p_external_event_id text, p_channel text,
  p_campaign_id text, p_event_timestamp timestamptz, p_revenue_cents bigint, p_currency text, p_raw_payload jsonb,
  p_correlation_id uuid, p_model_version text, p_recompute_delay interval
) returns table (outcome text, event_id uuid, channel text)
  language plpgsql set search_path = public, pg_temp
  as $$
  declare
    v_event attribution_events;
  begin
    perform set_config('app.current_tenant_id', p_tenant::text, true);
    insert into attribution_events (
      tenant_id, idempotency_key, vendor, event_type, external_event_id, channel, campaign_id, event_timestamp,
      revenue_cents, currency, raw_payload, correlation_id
    )
    values (
      p_tenant, p_idempotency_key, p_vendor, p_event_type, p_external_event_id, p_channel, p_campaign_id,
      p_event_timestamp, p_revenue_cents, p_currency, p_raw_payload, p_correlation_id
    )
    on conflict do nothing
    returning * into v_event;
    if found then
      perform request_recompute(p_tenant, (p_event_timestamp at time zone 'UTC')::date, p_model_version, v_event.id,
                                p_correlation_id, p_recompute_delay);
      return query select 'created', v_event.id, v_event.channel;
      return;
    end if;
    -- Somebody was first, and has committed by now: the insert waited for that. The payment decides before the key.
    select * into v_event from attribution_events e
     where e.tenant_id = p_tenant and e.vendor = p_vendor and e.event_type = p_event_type
       and e.external_event_id = p_external_event_id;
    if found then
      return query select 'duplicate', v_event.id, v_event.channel;
    else
      return query select 'conflict', null::uuid, null::text;
    end if;
  end
  $$;

-- Writes a dead letter, or finds the one with that key and reason. Returns its id and whether it is new.
create function bury_event(
  p_tenant uuid, p_idempotency_key text, p_source text, p_error_type text, p_error_message text, p_event_type text,
  p_external_event_id text, p_raw_payload jsonb, p_correlation_id uuid
) returns table (dead_event_id uuid, is_new boolean)
  language plpgsql set search_path = public, pg_temp
  as $$
  declare
    v_id uuid;
  begin
    perform set_config('app.current_tenant_id', p_tenant::text, true);
    insert into dead_events (
      tenant_id, idempotency_key, source, error_type, error_message, event_type, external_event_id, raw_payload,
      correlation_id
    )
    values (
      p_tenant, p_idempotency_key, p_source, p_error_type, p_error_message, p_event_type, p_external_event_id,
      p_raw_payload, p_correlation_id
    )
    on conflict on constraint one_letter_per_key_and_reason do nothing
    returning id into v_id;
    if found then
      return query select v_id, true;
    else
      return query select d.id, false from dead_events d
                    where d.tenant_id = p_tenant and d.idempotency_key = p_idempotency_key and d.error_type = p_error_type;
    end if;
  end
  $$;

revoke all on function ingest_event(uuid, text, text, text, text, text, text, timestamptz, bigint, text, jsonb, uuid,
                                    text, interval) from public;
revoke all on function bury_event(uuid, text, text, text, text, text, text, jsonb, uuid) from public;
grant execute on function ingest_event(uuid, text, text, text, text, text, text, timestamptz, bigint, text, jsonb, uuid,
                                       text, interval) to app_rw;
grant execute on function bury_event(uuid, text, text, text, text, text, text, jsonb, uuid) to app_rw;
