//! What is promised when things break: nothing acknowledged is lost, nothing is counted that is not there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    deployment::{Deployment, Service, Tenant, eventually, metrics_with},
    vendors::{KINDS, Kind},
};

/// Payments of each kind that are sent while the API is killed.
const EACH: usize = 60;

/// Sends payments of one kind one after the other, and keeps the event's id of each that was acknowledged. Ends when
/// nobody answers any more.
async fn pay(kind: &Kind, api: &Service, tenant: &Tenant, acknowledged: &Mutex<BTreeMap<String, String>>) {
    for number in 0..EACH {
        let id = format!("{}-{number}", kind.path.replace('/', "."));
        let body = (kind.body)(&id, 100).to_string().into_bytes();
        let headers = kind.headers(tenant, &body);
        let Ok(response) = kind.try_post(api, &headers, &body).await else {
            return;
        };
        let status = response.status();
        let Ok(answer) = response.json::<Value>().await else {
            return;
        };
        assert_eq!(status, 200, "{answer}");
        let event = answer["event_id"].as_str().expect("an event").to_owned();
        let before = acknowledged.lock().unwrap().insert(id, event.clone());
        assert!(
            before.is_none_or(|before| before == event),
            "two events of one payment"
        );
    }
}

/// All kinds at once.
fn pay_all(
    api: &Arc<Service>,
    tenant: &Tenant,
    acknowledged: &Arc<Mutex<BTreeMap<String, String>>>,
) -> JoinSet<()> {
    let mut senders = JoinSet::new();
    for kind in &KINDS {
        let (api, tenant, acknowledged) = (Arc::clone(api), tenant.clone(), Arc::clone(acknowledged));
        senders.spawn(async move { pay(kind, &api, &tenant, &acknowledged).await });
    }
    senders
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_killed_under_load_has_kept_what_it_acknowledged_and_doubles_nothing() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (Arc::new(deployment.api().await), deployment.tenant().await);
    let acknowledged = Arc::new(Mutex::new(BTreeMap::new()));
    let senders = pay_all(&api, &tenant, &acknowledged);
    eventually(async || match acknowledged.lock().unwrap().len() {
        enough if enough >= EACH => Ok(()),
        few => Err(format!("only {few} were acknowledged: {}", api.log())),
    })
    .await;
    let process = i32::try_from(api.id()).ok().and_then(Pid::from_raw);
    kill_process(process.unwrap(), Signal::KILL).unwrap();
    senders.join_all().await;
    let kept = acknowledged.lock().unwrap().clone();
    assert!(
        kept.len() < EACH * KINDS.len(),
        "it was killed too late to show anything"
    );
    let ids: Vec<String> = kept.values().cloned().collect();
    let found: i64 = sqlx::query_scalar("select count(*) from attribution_events where id = any($1::uuid[])")
        .bind(&ids)
        .fetch_one(&deployment.admin)
        .await
        .unwrap();
    assert_eq!(found, i64::try_from(kept.len()).unwrap());

    // The vendors send again what was not acknowledged, and some of what was.
    let successor = Arc::new(deployment.api().await);
    pay_all(&successor, &tenant, &acknowledged).join_all().await;
    let all = i64::try_from(EACH * KINDS.len()).unwrap();
    assert_eq!(acknowledged.lock().unwrap().len(), EACH * KINDS.len());
    for (query, wanted) in [
        ("select count(*) from attribution_events", all),
        (
            "select count(distinct (vendor, event_type, external_event_id)) from attribution_events",
            all,
        ),
        (
            "select sum(requests)::bigint from attribution_recompute_jobs",
            all,
        ),
        ("select count(*) from dead_events", 0),
    ] {
        assert_eq!(deployment.count(query).await, wanted, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_asked_to_end_under_load_answers_everything_it_commits() {
    for signal in [Signal::TERM, Signal::INT] {
        let deployment = Deployment::new().await;
        let (api, tenant) = (Arc::new(deployment.api().await), deployment.tenant().await);
        let acknowledged = Arc::new(Mutex::new(BTreeMap::new()));
        let senders = pay_all(&api, &tenant, &acknowledged);
        eventually(async || match acknowledged.lock().unwrap().len() {
            enough if enough >= EACH => Ok(()),
            few => Err(format!("only {few} were acknowledged: {}", api.log())),
        })
        .await;
        api.signal(signal);
        senders.join_all().await;
        let mut api = Arc::into_inner(api).expect("nobody sends any more");
        assert_eq!(api.ended().await, Some(0), "{signal:?}");
        let answered = acknowledged.lock().unwrap().len();
        assert!(answered < EACH * KINDS.len(), "it was asked too late");
        assert_eq!(
            deployment.count("select count(*) from attribution_events").await,
            i64::try_from(answered).unwrap(),
            "{signal:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_again_and_again_under_load_shares_every_payment_once() {
    const DONE: &str = "select count(*) from tasks where state = 'succeeded'";
    const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";
    let deployment = Deployment::new().await;
    let (api, tenant) = (Arc::new(deployment.api().await), deployment.tenant().await);
    // A task may be the one at hand each time.
    let told = [("WORKER_LEASE_SECONDS", "1"), ("WORKER_MAX_RETRIES", "9")];
    let senders = pay_all(&api, &tenant, &Arc::default());
    for _ in 0..4 {
        let before = deployment.count(DONE).await;
        let worker = deployment.worker_told(&told);
        eventually(async || match deployment.count(DONE).await {
            after if after > before => Ok(()),
            _ => Err(worker.log()),
        })
        .await;
        worker.kill();
    }
    senders.join_all().await;
    let _last = deployment.worker_told(&told);
    deployment.until(UNDONE, 0).await;
    let all = i64::try_from(EACH * KINDS.len()).unwrap();
    let shared = "select count(*) from attribution_events e
                   where (select sum(allocated_revenue_cents) from attribution_allocations where event_id = e.id)
                         = e.revenue_cents";
    for (query, wanted) in [
        ("select count(*) from attribution_events", all),
        (shared, all),
        (
            "select sum(requests)::bigint from attribution_recompute_jobs",
            all,
        ),
        ("select sum(requests)::bigint from matview_refresh_jobs", all),
        ("select count(*) from worker_failed_jobs", 0),
    ] {
        assert_eq!(deployment.count(query).await, wanted, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_committed_is_not_acknowledged_and_not_counted() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let change = async |statement: &'static str| {
        sqlx::raw_sql(statement).execute(&deployment.admin).await.unwrap();
    };
    change("revoke insert on attribution_events, dead_events from app_rw").await;
    for kind in &KINDS {
        for body in [
            (kind.body)(kind.path.rsplit_once('/').unwrap().1, 100).to_string(),
            "{".to_owned(),
        ] {
            let (status, problem) = kind.send(&api, &tenant, body.as_bytes()).await;
            assert_eq!(
                (status, &problem["code"]),
                (503, &"SERVICE_UNAVAILABLE".into()),
                "{}",
                kind.path
            );
        }
    }
    metrics_with(
        &api,
        &[
            "events_ingested_total 0",
            "events_duplicate_total 0",
            "events_dlq_total 0",
        ],
    )
    .await;
    change("grant insert on attribution_events, dead_events to app_rw").await;
    for kind in &KINDS {
        let body = (kind.body)(kind.path.rsplit_once('/').unwrap().1, 100).to_string();
        for body in [body.as_str(), &body, "{", "{"] {
            assert_eq!(
                kind.send(&api, &tenant, body.as_bytes()).await.0,
                200,
                "{}",
                kind.path
            );
        }
    }
    // Both Stripe routes know an unreadable body by the same key.
    metrics_with(
        &api,
        &[
            "events_ingested_total 5",
            "events_duplicate_total 5",
            "events_dlq_total 4",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_whose_channels_the_database_does_not_know_does_not_serve() {
    let deployment = Deployment::new().await;
    let forget = "delete from channel_taxonomy where code = 'tiktok_paid'";
    sqlx::raw_sql(forget).execute(&deployment.admin).await.unwrap();
    let mut api = deployment.start("api", &[("API_LISTEN", "127.0.0.1:0")]);
    assert_eq!(api.ended().await, Some(1));
    assert!(
        api.log()
            .contains("is `tiktok_paid`, which `channel_taxonomy` does not have"),
        "{}",
        api.log()
    );
}
