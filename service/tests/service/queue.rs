//! The queue's promises: once, never lost, never again, and nothing kept that may not be.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    deployment::{Deployment, metrics_with},
    task::{ON_THE_TEST_STAGE, ask, drill, end, failed},
};

const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";

#[tokio::test(flavor = "multi_thread")]
async fn completed_work_is_not_handed_out_again_after_three_leases() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker_told(&[ON_THE_TEST_STAGE, ("WORKER_LEASE_SECONDS", "1")]);
    for _ in 0..5 {
        drill(&deployment, "r4.sentinel_side_effect", &tenant, json!({})).await;
    }
    deployment.until(UNDONE, 0).await;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert_eq!(
        deployment.count("select sum(attempts)::bigint from tasks").await,
        5
    );
    assert_eq!(
        deployment.count("select count(*) from worker_side_effects").await,
        5
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_nothing_to_do_leaves_the_database_in_peace() {
    // Commits are told by each backend at most once a second, and no lane sleeps longer than that.
    const COMMITS: &str = "select xact_commit from pg_stat_database where datname = current_database()";
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    drill(&deployment, "r4.sentinel_side_effect", &tenant, json!({})).await;
    deployment.until(UNDONE, 0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = deployment.count(COMMITS).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let made = deployment.count(COMMITS).await - before;
    assert!(made < 300, "{made} transactions in three idle seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_any_point_loses_nothing_and_doubles_nothing() {
    const TASKS: i64 = 500;
    const DONE: &str = "select count(*) from tasks where state = 'succeeded'";
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let told = [ON_THE_TEST_STAGE, ("WORKER_LEASE_SECONDS", "1")];
    sqlx::query(
        "select set_config('app.current_tenant_id', $1::text, false),
                enqueue('maintenance', 'r4.sentinel_side_effect', $1, '{}') from generate_series(1, $2)",
    )
    .bind(tenant.id)
    .bind(TASKS)
    .execute(&deployment.admin)
    .await
    .unwrap();
    for _ in 0..6 {
        let before = deployment.count(DONE).await;
        let worker = deployment.worker_told(&told);
        let deadline = Instant::now() + Duration::from_secs(20);
        while deployment.count(DONE).await < before + 15 {
            assert!(Instant::now() < deadline, "{}", worker.log());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        worker.kill();
    }
    assert!(deployment.count(DONE).await < TASKS, "nobody was killed at work");
    let _last = deployment.worker_told(&told);
    deployment.until(UNDONE, 0).await;
    assert!(
        deployment.count("select sum(attempts)::bigint from tasks").await > TASKS,
        "no task was redelivered"
    );
    let once = "select count(*) from tasks t join worker_side_effects e on e.task_id = t.id where t.state = 'succeeded'";
    assert_eq!(deployment.count(once).await, TASKS);
    assert_eq!(
        deployment.count("select count(*) from worker_side_effects").await,
        TASKS
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_failure_of_the_same_work_is_kept_beside_the_first() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker_told(&[ON_THE_TEST_STAGE, ("WORKER_MAX_RETRIES", "1")]);
    for _ in 0..2 {
        let task = drill(&deployment, "r4.poison_pill", &tenant, json!({})).await;
        assert_eq!(end(&deployment, task).await.attempts, 2);
        assert_eq!(
            failed(&deployment, task).await.expect("it is kept").retry_count,
            1
        );
    }
    assert_eq!(
        deployment.count("select count(*) from worker_failed_jobs").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_fit_no_task_are_given_up_at_once() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker_told(&[ON_THE_TEST_STAGE]);
    for (name, args, words) in [
        ("no.such_task", json!({}), "there is no such task"),
        (
            "r4.rls_cross_tenant_probe",
            json!({ "target": "x" }),
            "`args` is not a `target` id",
        ),
        (
            "r4.crash_after_write_pre_ack",
            json!({ "wait": 1 }),
            "`args` is not a number of seconds to wait",
        ),
        (
            "r4.runaway_sleep",
            json!({ "seconds": -1 }),
            "`seconds` is not a number up to 3600",
        ),
    ] {
        let task = drill(&deployment, name, &tenant, args).await;
        assert_eq!(end(&deployment, task).await.attempts, 1, "{name}");
        let kept = failed(&deployment, task).await.expect(name);
        assert_eq!(
            (
                kept.error_type.as_str(),
                kept.error_message.as_str(),
                kept.retry_count
            ),
            ("validation_error", words, 0)
        );
    }
    let task = ask(&deployment, "maintenance", "r4.poison_pill", None, json!({})).await;
    end(&deployment, task).await;
    let kept = failed(&deployment, task).await.expect("nobody's");
    assert_eq!(kept.error_message, "it needs a tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_kept_by_what_they_are_and_not_by_what_they_are_called() {
    let deployment = Deployment::new().await;
    let _worker = deployment.worker();
    let id = uuid::Uuid::new_v4();
    let given = json!({
        "day": "2026-11-20", "at": "2026-11-20T12:00:00Z", "event": id, "model_version": "1.0.0",
        "tries": 3, "dry": true, "none": null,
        "note": "Jane", "call": "+15551234567", "number": 15_551_234_567_i64, "host": "10.0.0.1",
        "code": "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "deep": { "day": "2026-11-20" },
        "api_key": 7, "prompt": true, "jane@example.com": 1
    });
    let task = ask(&deployment, "maintenance", "no.such_task", None, given).await;
    end(&deployment, task).await;
    let kept = failed(&deployment, task)
        .await
        .expect("it was given up")
        .task_args;
    let gone = "[redacted]";
    assert_eq!(
        kept,
        json!({
            "day": "2026-11-20", "at": "2026-11-20T12:00:00Z", "event": id, "model_version": "1.0.0",
            "tries": 3, "dry": true, "none": null,
            "note": gone, "call": gone, "number": gone, "host": gone, "code": gone, "deep": gone,
            "api_key": gone, "prompt": gone, gone: 1
        })
    );
    let left = "select count(*) from tasks where args::text ~ 'Jane|jane|1555|sk_live'";
    assert_eq!(
        deployment.count(left).await,
        0,
        "the queue kept what the failed job may not"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_could_be_a_text_is_refused_at_the_door() {
    let deployment = Deployment::new().await;
    let refused = sqlx::query("select enqueue('llm', 'why did Jane''s revenue move?', null, '{}')")
        .execute(&deployment.app())
        .await
        .expect_err("it is no name");
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "23514");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_that_nobody_ever_claimed_has_an_age() {
    let deployment = Deployment::new().await;
    ask(&deployment, "llm", "no.such_task", None, json!({})).await;
    sqlx::raw_sql("update tasks set enqueued_at = now() - interval '1 hour'")
        .execute(&deployment.admin)
        .await
        .unwrap();
    // Not before: its gauges may be looked up at any moment, and would remember the young one.
    let api = deployment.api().await;
    let page = metrics_with(
        &api,
        &["celery_queue_messages{queue=\"llm\",state=\"visible\"} 1"],
    )
    .await;
    let age = page
        .lines()
        .find_map(|line| line.strip_prefix("celery_queue_max_age_seconds{queue=\"llm\"} "))
        .expect("every queue has an age");
    assert!(age.parse::<f64>().expect("a number") >= 3600.0, "{age}");
    assert!(page.contains("celery_queue_max_age_seconds{queue=\"attribution\"} 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_one_line_when_it_begins_and_one_when_it_ends() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let worker = deployment.worker_told(&[ON_THE_TEST_STAGE, ("WORKER_MAX_RETRIES", "1")]);
    let task = drill(&deployment, "r4.poison_pill", &tenant, json!({})).await;
    end(&deployment, task).await;
    let told = crate::deployment::eventually(async || {
        let lines: Vec<serde_json::Value> = worker
            .log()
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .filter(|line: &serde_json::Value| line["task_id"] == task.to_string())
            .collect();
        if lines.len() == 4 {
            Ok(lines)
        } else {
            Err(format!("{lines:?}"))
        }
    })
    .await;
    let seen: Vec<(&str, u64)> = told
        .iter()
        .map(|line| {
            (
                line["status"].as_str().unwrap(),
                line["retries"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [("started", 0), ("retry", 0), ("started", 1), ("failed", 1)]
    );
    for line in &told {
        assert_eq!(line["tenant_id"], tenant.id.to_string());
        assert_eq!(
            (&line["task_name"], &line["queue_name"]),
            (&"r4.poison_pill".into(), &"maintenance".into())
        );
        assert!(
            line["correlation_id"].is_string() && line["duration_ms"].is_u64(),
            "{line}"
        );
    }
    assert_eq!(told[3]["error"], "it was made to fail");
}
