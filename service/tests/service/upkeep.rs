//! Upkeep: at its times, once, by itself; and what it does about personal data.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    deployment::Deployment,
    task::{ask, end},
};

const RUN: &str =
    "select run_due_slot('privacy.retention', null, '00:00', 'maintenance', 'privacy.retention')";
const ASKED: &str = "select count(*) from tasks where name like 'privacy.%'";

/// As if the service had kept its schedule until some days ago.
async fn kept_until(deployment: &Deployment, days: i32) {
    sqlx::query(
        "insert into schedule_slots (schedule, slot)
         select name, now() - make_interval(days => $1) from unnest(array['privacy.pii_scan', 'privacy.retention']) name",
    )
    .bind(days)
    .execute(&deployment.admin)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_make_up_for_missed_days_with_one_run_each() {
    let deployment = Deployment::new().await;
    kept_until(&deployment, 3).await;
    let _workers = [deployment.worker(), deployment.worker()];
    let done = "select count(*) from tasks where name like 'privacy.%' and state = 'succeeded'";
    deployment.until(done, 2).await;
    // A second look of both at the schedule.
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    assert_eq!(deployment.count(ASKED).await, 2);
    let slots =
        "select count(*) from schedule_slots s join tasks t on t.id = s.task_id and t.name = s.schedule";
    assert_eq!(deployment.count(slots).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_for_a_slot_one_gets_it() {
    let deployment = Deployment::new().await;
    kept_until(&deployment, 2).await;
    let app = deployment.app();
    let mut comers = JoinSet::new();
    for _ in 0..16 {
        let app = app.clone();
        comers.spawn(async move {
            let task: Option<uuid::Uuid> = sqlx::query_scalar(RUN).fetch_one(&app).await.unwrap();
            task
        });
    }
    let got = comers.join_all().await.into_iter().flatten().count();
    assert_eq!((got, deployment.count(ASKED).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_begins_with_the_service_and_makes_up_for_nothing_before_it() {
    let deployment = Deployment::new().await;
    let _worker = deployment.worker();
    let begun = "select count(*) from schedule_slots where schedule like 'privacy.%' and task_id is null";
    deployment.until(begun, 2).await;
    assert_eq!(deployment.count(ASKED).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulse_is_counted_from_its_last_slot_and_missed_ones_are_one() {
    let deployment = Deployment::new().await;
    let app = deployment.app();
    let pulse =
        "select run_due_slot('matviews.pulse', '300 seconds', null, 'maintenance', 'privacy.retention')";
    let begins: Option<uuid::Uuid> = sqlx::query_scalar(pulse).fetch_one(&app).await.unwrap();
    assert_eq!(begins, None);
    for (missed, runs) in [(299, 0), (1, 1), (900, 1)] {
        sqlx::query("update schedule_slots set slot = slot - make_interval(secs => $1)")
            .bind(f64::from(missed))
            .execute(&deployment.admin)
            .await
            .unwrap();
        let mut asked = 0;
        for _ in 0..3 {
            let task: Option<uuid::Uuid> = sqlx::query_scalar(pulse).fetch_one(&app).await.unwrap();
            asked += i32::from(task.is_some());
        }
        assert_eq!(asked, runs, "{missed} s later");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_tells_where_personal_data_is_and_not_what_it_is() {
    let deployment = Deployment::new().await;
    let (a, b) = (deployment.tenant().await, deployment.tenant().await);
    for (tenant, payload) in [
        (
            &a,
            json!({ "list": [{ "Customer-Email": "jane@example.com" }], "amount": 1 }),
        ),
        (
            &b,
            json!({ "email": null, "note": "clean", "phone": "[redacted]" }),
        ),
    ] {
        sqlx::query(
            "insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                    event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
             values ($1, 'k', 'stripe', 'payment_intent.succeeded', 'pi_1', 'unknown', now(), 1, 'USD', $2, gen_random_uuid())",
        )
        .bind(tenant.id)
        .bind(payload)
        .execute(&deployment.admin)
        .await
        .unwrap();
    }
    let _worker = deployment.worker();
    for new in [1, 0] {
        let scan = ask(&deployment, "maintenance", "privacy.pii_scan", None, json!({})).await;
        assert_eq!(
            end(&deployment, scan).await.result,
            Some(json!({ "new_findings": new }))
        );
    }
    let found: Vec<(uuid::Uuid, Value)> = sqlx::query_as(
        "select f.tenant_id, to_jsonb(f) - '{id,tenant_id,found_at,record_id}'::text[]
           from pii_audit_findings f join attribution_events e on e.id::text = f.record_id",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    let place =
        json!({ "table_name": "attribution_events", "column_name": "raw_payload", "key": "customeremail" });
    assert_eq!(found, [(a.id, place)]);
    let kept = "select count(*) from pii_audit_findings f where f::text like '%jane%'";
    assert_eq!(deployment.count(kept).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_dead_letters_lose_their_bodies_and_young_ones_do_not() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    for (key, days) in [("old", 91), ("young", 89)] {
        sqlx::query(
            "insert into dead_events (tenant_id, idempotency_key, source, error_type, error_message, raw_payload,
                                      correlation_id, ingested_at)
             values ($1, $2, 'stripe', 'schema_validation', 'no amount',
                     jsonb_build_object('idempotency_key', $2, 'type', 'x'), gen_random_uuid(),
                     now() - make_interval(days => $3))",
        )
        .bind(tenant.id)
        .bind(key)
        .bind(days)
        .execute(&deployment.admin)
        .await
        .unwrap();
    }
    let _worker = deployment.worker();
    for redacted in [1, 0] {
        let task = ask(&deployment, "maintenance", "privacy.retention", None, json!({})).await;
        assert_eq!(
            end(&deployment, task).await.result,
            Some(json!({ "redacted": redacted }))
        );
    }
    let left: Vec<Value> = sqlx::query_scalar("select raw_payload from dead_events order by idempotency_key")
        .fetch_all(&deployment.admin)
        .await
        .unwrap();
    assert_eq!(
        left,
        [
            json!({ "idempotency_key": "old", "redacted": true }),
            json!({ "idempotency_key": "young", "type": "x" })
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_young_can_be_redacted_whatever_the_service_asks() {
    let deployment = Deployment::new().await;
    let refused = sqlx::query("select redact_dead_events(29)")
        .execute(&deployment.app())
        .await
        .expect_err("it is too young");
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "22023");
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_a_tenants_own() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    sqlx::query(
        "insert into pii_audit_findings (tenant_id, table_name, column_name, record_id, key) values ($1, 't', 'c', 'r', 'email')",
    )
    .bind(tenant.id)
    .execute(&deployment.admin)
    .await
    .unwrap();
    let app = deployment.app();
    let seen: i64 = sqlx::query_scalar("select count(*) from pii_audit_findings")
        .fetch_one(&app)
        .await
        .unwrap();
    let written = sqlx::query("delete from pii_audit_findings").execute(&app).await;
    assert_eq!((seen, written.is_err()), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_pulse_by_themselves_and_share_the_slots() {
    let deployment = Deployment::new().await;
    let told = [("MATVIEW_PULSE_SECONDS", "1")];
    let _workers = [deployment.worker_told(&told), deployment.worker_told(&told)];
    let pulsed = "select count(*) from (select from schedule_slots where schedule = 'matviews.pulse'
                                         and task_id is not null limit 4) slots";
    deployment.until(pulsed, 4).await;
    let refreshed =
        "select least(count(*), 2) from tasks where name = 'matviews.refresh_all' and state = 'succeeded'";
    deployment.until(refreshed, 2).await;
    let too_close = "select count(*) from (
                       select slot - lag(slot) over (order by slot) as gap from schedule_slots
                        where schedule = 'matviews.pulse' and task_id is not null
                     ) gaps where gap < interval '1 second'";
    assert_eq!(deployment.count(too_close).await, 0);
}
