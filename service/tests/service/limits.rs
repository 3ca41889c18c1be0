//! Limits that are real: what overruns is gone from the database and from the process table, and its lane goes on.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::{
    deployment::{Deployment, Service, Tenant, eventually},
    task::{ON_THE_TEST_STAGE, ask, drill, end, failed},
    webhook::{payment, send},
};

const SHORT: [(&str, &str); 3] = [
    ("TASK_SOFT_LIMIT_SECONDS", "1"),
    ("TASK_HARD_LIMIT_SECONDS", "2"),
    ("WORKER_MAX_RETRIES", "1"),
];

/// Backends that work for a task.
const AT_WORK: &str = "
    select count(*) from pg_stat_activity
     where datname = current_database() and application_name = 'skeldir worker' and state = 'active'
       and query like '%attribution_allocations%'";

/// A recompute that never ends: it sleeps, and does so again when it is cancelled, unless it may be.
async fn endless(deployment: &Deployment, may_be_cancelled: bool) {
    let sleep = if may_be_cancelled {
        "perform pg_sleep(600);"
    } else {
        "loop begin perform pg_sleep(600); exception when query_canceled then null; end; end loop;"
    };
    let body = format!(
        "create function endless() returns trigger language plpgsql as $$ begin {sleep} return null; end $$;
         grant execute on function endless() to public;
         create trigger endless before insert on attribution_allocations for each row execute function endless()"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(body))
        .execute(&deployment.admin)
        .await
        .unwrap();
}

async fn ending(deployment: &Deployment) {
    sqlx::raw_sql("drop trigger endless on attribution_allocations")
        .execute(&deployment.admin)
        .await
        .unwrap();
}

async fn recompute(deployment: &Deployment, tenant: &Tenant) -> uuid::Uuid {
    let name = "attribution.recompute_window";
    ask(deployment, "attribution", name, Some(tenant), json!({})).await
}

/// A paid event of today, and a worker that has not begun.
async fn paid() -> (Deployment, Tenant) {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    assert_eq!(
        send(&api, &tenant, None, payment("1", 100).to_string()).await.0,
        200
    );
    sqlx::raw_sql("update attribution_events set event_timestamp = clock_timestamp()")
        .execute(&deployment.admin)
        .await
        .unwrap();
    sqlx::raw_sql("update tasks set state = 'succeeded', ended_at = now() where state = 'pending'")
        .execute(&deployment.admin)
        .await
        .unwrap();
    (deployment, tenant)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_overruns_its_soft_limit_is_cancelled_and_tried_again() {
    let (deployment, tenant) = paid().await;
    endless(&deployment, true).await;
    let _worker = deployment.worker_told(&SHORT);
    let task = recompute(&deployment, &tenant).await;
    let end_of_it = end(&deployment, task).await;
    assert_eq!((end_of_it.state.as_str(), end_of_it.attempts), ("failed", 2));
    let kept = failed(&deployment, task).await.expect("it was given up");
    assert_eq!(
        (
            kept.error_type.as_str(),
            kept.error_message.as_str(),
            kept.retry_count
        ),
        (
            "soft_time_limit",
            "the task ran into its soft limit and was cancelled",
            1
        )
    );
    assert_eq!(deployment.count(AT_WORK).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_resists_is_killed_at_its_hard_limit_and_its_lane_goes_on() {
    let (deployment, tenant) = paid().await;
    endless(&deployment, false).await;
    let _worker = deployment.worker_told(&SHORT);
    let task = recompute(&deployment, &tenant).await;
    deployment.until(AT_WORK, 1).await;
    assert_eq!(
        end(&deployment, task).await.attempts,
        1,
        "what was killed is not tried again"
    );
    assert_eq!(deployment.count(AT_WORK).await, 0, "its backend outlived it");
    let kept = failed(&deployment, task).await.expect("it was given up");
    assert_eq!(
        (kept.error_type.as_str(), kept.retry_count),
        ("hard_time_limit", 0)
    );

    ending(&deployment).await;
    let next = recompute(&deployment, &tenant).await;
    assert_eq!(end(&deployment, next).await.state, "succeeded");
    let shares = "select count(*) from attribution_allocations";
    assert_eq!(deployment.count(shares).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_statement_ends_with_it() {
    let (deployment, tenant) = paid().await;
    endless(&deployment, false).await;
    let worker = deployment.worker();
    recompute(&deployment, &tenant).await;
    deployment.until(AT_WORK, 1).await;
    worker.kill();
    deployment.until(AT_WORK, 0).await;
}

/// Children of a process that run, by their ids.
fn children(service: &Service) -> Vec<String> {
    let parent = service.id().to_string();
    fs::read_dir("/proc")
        .expect("a process table")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|id| stat(id).is_some_and(|(state, of)| state != "Z" && of == parent))
        .collect()
}

/// State and parent of a process.
fn stat(id: &str) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
    Some((rest.next()?.to_owned(), rest.next()?.to_owned()))
}

/// Whether a process runs.
pub(crate) fn runs(id: &str) -> bool {
    stat(id).is_some_and(|(state, _)| state != "Z")
}

/// The computing process of a worker, once it has one.
pub(crate) async fn child(worker: &Service) -> String {
    eventually(async || children(worker).pop().ok_or_else(|| "no child".to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_solo_worker_kills_a_computation_deaf_to_sigterm_and_the_next_task_completes() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let worker = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    let task = drill(
        &deployment,
        "r4.runaway_sleep",
        &tenant,
        json!({ "seconds": 600 }),
    )
    .await;
    let next = drill(&deployment, "r4.sentinel_side_effect", &tenant, json!({})).await;
    let child = child(&worker).await;
    assert_eq!(end(&deployment, task).await.attempts, 1);
    assert!(!runs(&child), "the computing process outlived its task");
    let kept = failed(&deployment, task).await.expect("it was given up");
    assert_eq!(
        (kept.error_type.as_str(), kept.retry_count),
        ("hard_time_limit", 0)
    );
    assert_eq!(end(&deployment, next).await.state, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computation_that_ends_in_time_has_its_answer() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let worker = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    let task = drill(&deployment, "r4.runaway_sleep", &tenant, json!({ "seconds": 0 })).await;
    let end = end(&deployment, task).await;
    assert_eq!(end.result, Some(json!({ "slept_seconds": 0 })));
    assert!(children(&worker).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computing_process_does_not_outlive_a_killed_worker() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let worker = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    drill(
        &deployment,
        "r4.runaway_sleep",
        &tenant,
        json!({ "seconds": 600 }),
    )
    .await;
    let child = child(&worker).await;
    worker.kill();
    eventually(async || {
        if runs(&child) {
            Err(format!("{child} runs"))
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computing_process_knows_nothing_of_the_database() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let worker = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    drill(
        &deployment,
        "r4.runaway_sleep",
        &tenant,
        json!({ "seconds": 600 }),
    )
    .await;
    let child = child(&worker).await;
    let environment = eventually(async || {
        let command =
            fs::read_to_string(format!("/proc/{child}/cmdline")).map_err(|error| error.to_string())?;
        if !command.contains("compute") {
            return Err(command);
        }
        fs::read_to_string(format!("/proc/{child}/environ")).map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(environment, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_for_as_long_as_its_task_runs() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let workers = [
        deployment.worker_told(&[ON_THE_TEST_STAGE]),
        deployment.worker_told(&[ON_THE_TEST_STAGE]),
    ];
    // Three leases long.
    let task = drill(
        &deployment,
        "r4.crash_after_write_pre_ack",
        &tenant,
        json!({ "wait_seconds": 6 }),
    )
    .await;
    let end = end(&deployment, task).await;
    assert_eq!((end.state.as_str(), end.attempts), ("succeeded", 1));
    drop(workers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stood_still_loses_its_task_and_its_effect() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let still = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    let mut barrier = deployment.admin.begin().await.unwrap();
    sqlx::raw_sql("lock table worker_side_effects in access exclusive mode")
        .execute(&mut *barrier)
        .await
        .unwrap();
    let task = drill(&deployment, "r4.sentinel_side_effect", &tenant, json!({})).await;
    let waiting = "select count(*) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock' and query like '%worker_side_effects%'";
    deployment.until(waiting, 1).await;
    still.signal(Signal::STOP);
    let _other = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    deployment
        .until("select max(attempts)::bigint from tasks", 2)
        .await;
    still.signal(Signal::CONT);
    // Only now may the first have its effect; the other waits for the same row.
    barrier.rollback().await.unwrap();
    let end = end(&deployment, task).await;
    assert_eq!((end.state.as_str(), end.attempts), ("succeeded", 2));
    assert_eq!(
        deployment.count("select count(*) from worker_side_effects").await,
        1
    );
    eventually(async || {
        let log = still.log();
        if log.contains("\"status\":\"lost\"") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
}
