//! The worker: retries with a bound, ends gracefully, shows itself through files only.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    deployment::{Deployment, Service, eventually, metrics_with},
    webhook::{payment, send},
};

const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_keeps_failing_is_tried_four_times_and_kept_once() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    sqlx::raw_sql("revoke insert on attribution_allocations from app_rw")
        .execute(&deployment.admin)
        .await
        .unwrap();
    let worker = deployment.worker();
    send(&api, &tenant, None, payment("1", 100).to_string()).await;
    deployment.until(UNDONE, 0).await;
    let kept = sqlx::query_as::<_, (String, i32, i32, i32, String, Value)>(
        "select t.state, t.attempts, t.retry_count, f.retry_count, f.error_type, f.task_args
           from tasks t join worker_failed_jobs f on f.task_id = t.id",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    let [(state, attempts, retries, kept_retries, error, args)] = &kept[..] else {
        panic!("{kept:?}")
    };
    assert_eq!(
        (state.as_str(), *attempts, *retries, *kept_retries),
        ("failed", 4, 3, 3)
    );
    assert_eq!(
        (error.as_str(), &args["model_version"]),
        ("database_error", &"1.0.0".into())
    );
    assert_eq!(
        deployment
            .count("select count(*) from attribution_recompute_jobs where status = 'failed'")
            .await,
        1
    );
    assert!(worker.log().contains("sqlstate 42501"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_can_never_succeed_is_given_up_at_once_and_its_arguments_are_not_kept() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker();
    let mut transaction = deployment.app().begin().await.unwrap();
    sqlx::query("select set_config('app.current_tenant_id', $1, true)")
        .bind(tenant.id.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("select enqueue('maintenance', 'no.such_task', $1, '{\"prompt\": \"why did revenue move?\", \"n\": 3}')")
        .bind(tenant.id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    deployment
        .until(
            "select count(*) from worker_failed_jobs where error_type = 'validation_error'",
            1,
        )
        .await;
    let args: Value = sqlx::query_scalar("select task_args from worker_failed_jobs")
        .fetch_one(&deployment.admin)
        .await
        .unwrap();
    assert_eq!(args, serde_json::json!({"n": 3, "prompt": "[redacted]"}));
    assert_eq!(deployment.count("select attempts::bigint from tasks").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_enqueues_a_task_and_it_is_done() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await.id.to_string();
    let _worker = deployment.worker();
    let args = [
        "enqueue",
        "attribution.recompute_window",
        "--tenant",
        &tenant,
        "--args",
        r#"{"day":"2026-11-20"}"#,
    ];
    let output = deployment.run(&args, &[]);
    let id: uuid::Uuid = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .expect("the task's id");
    deployment.until(UNDONE, 0).await;
    let done = "select id from tasks where name = 'attribution.recompute_window' and state = 'succeeded'";
    let done: uuid::Uuid = sqlx::query_scalar(done)
        .fetch_one(&deployment.admin)
        .await
        .unwrap();
    assert_eq!(done, id);
    let output = deployment.run(&["enqueue", "no.such_task"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no task `no.such_task`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_end_gracefully_when_asked_by_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let deployment = Deployment::new().await;
        let (mut api, mut worker) = (deployment.api().await, deployment.worker());
        beating(&deployment).await;
        let began = Instant::now();
        api.signal(signal);
        worker.signal(signal);
        assert_eq!(
            (api.ended().await, worker.ended().await),
            (Some(0), Some(0)),
            "{signal:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_listens_on_nothing_and_the_exporter_shows_its_counters() {
    let deployment = Deployment::new().await;
    let worker = deployment.worker();
    let exporter = deployment.listening("exporter", "EXPORTER_LISTEN", &[]).await;
    beating(&deployment).await;
    deployment.run(&["enqueue", "health.probe"], &[]);
    deployment
        .until("select count(*) from tasks where state = 'succeeded'", 1)
        .await;
    assert_eq!(listening_sockets(&worker), 0);
    assert_eq!(listening_sockets(&exporter), 1);
    metrics_with(
        &exporter,
        &["celery_task_success_total{task_name=\"health.probe\"} 1"],
    )
    .await;
}

/// Waits until the worker says that it reaches its database.
async fn beating(deployment: &Deployment) {
    eventually(async || {
        let asked = deployment.run(&["healthcheck", "worker"], &[]);
        if asked.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&asked.stderr).into_owned())
        }
    })
    .await;
}

/// Listening TCP sockets among a process's files.
fn listening_sockets(service: &Service) -> usize {
    let listening: BTreeSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            (columns.get(3) == Some(&"0A")).then(|| format!("socket:[{}]", columns[9]))
        })
        .collect();
    fs::read_dir(format!("/proc/{}/fd", service.id()))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| listening.contains(&*target.to_string_lossy()))
        .count()
}
