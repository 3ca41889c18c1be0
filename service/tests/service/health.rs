//! Health and metrics say what is so.

use std::time::Duration;

use serde_json::Value;

use crate::{
    deployment::{Deployment, Service, eventually, metrics_with},
    webhook::{payment, send},
};

async fn ask(api: &Service, path: &str) -> (u16, Value) {
    let response = reqwest::get(api.url(path)).await.expect("the api answers");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_questions_have_three_answers() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    deployment.tenant().await;
    assert_eq!(
        ask(&api, "/health/live").await,
        (200, serde_json::json!({"status": "ok"}))
    );
    let (status, ready) = ask(&api, "/health/ready").await;
    assert_eq!(
        (status, &ready["rls"], &ready["tenant_guc"], &ready["secrets"]),
        (200, &"ok".into(), &"ok".into(), &"ok".into())
    );
    let (status, worker) = ask(&api, "/health/worker").await;
    assert_eq!(
        (status, &worker["broker"], &worker["worker"]),
        (503, &"ok".into(), &"error".into())
    );
    assert_eq!(
        deployment
            .count("select count(*) from tasks where state = 'withdrawn'")
            .await,
        1
    );

    let _worker = deployment.worker();
    let (_, repeated) = ask(&api, "/health/worker").await;
    assert_eq!(
        (&repeated["cached"], &repeated["worker"]),
        (&true.into(), &"error".into())
    );
    assert!(repeated["age_ms"].as_u64().unwrap() < 3000, "{repeated}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (status, fresh) = ask(&api, "/health/worker").await;
    assert_eq!(
        (status, &fresh["cached"], &fresh["worker"]),
        (200, &false.into(), &"ok".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_that_does_not_isolate_is_enough_to_be_unready() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    let off = "alter table dead_events no force row level security";
    sqlx::raw_sql(off).execute(&deployment.admin).await.unwrap();
    let (status, ready) = ask(&api, "/health/ready").await;
    assert_eq!(
        (status, &ready["status"], &ready["database"], &ready["rls"]),
        (503, &"unhealthy".into(), &"ok".into(), &"error".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_no_secret_makes_it_unready_and_stores_nothing() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let api = deployment
        .listening("api", "API_LISTEN", &[("SECRET_BOX_KEY", "another")])
        .await;
    let (status, ready) = ask(&api, "/health/ready").await;
    assert_eq!((status, &ready["secrets"]), (503, &"error".into()));
    let (status, problem) = send(&api, &tenant, None, payment("1", 1).to_string()).await;
    assert_eq!((status, &problem["code"]), (503, &"SERVICE_UNAVAILABLE".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_only_liveness_is_left() {
    let deployment = Deployment::new().await;
    let nowhere = "postgresql://app_user:app@127.0.0.1:1/nowhere";
    let change = [
        ("DATABASE_URL", nowhere),
        ("CELERY_BROKER_URL", nowhere),
        ("CELERY_RESULT_BACKEND", nowhere),
    ];
    let api = deployment.listening("api", "API_LISTEN", &change).await;
    assert_eq!(ask(&api, "/health/live").await.0, 200);
    let (status, ready) = ask(&api, "/health/ready").await;
    assert_eq!(
        (status, &ready["database"], &ready["rls"]),
        (503, &"error".into(), &"unknown".into())
    );
    let (status, worker) = ask(&api, "/health/worker").await;
    assert_eq!(
        (status, &worker["broker"], &worker["worker"]),
        (503, &"error".into(), &"unknown".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_and_gauges_are_what_the_database_holds() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (key, body) in [
        ("a", payment("1", 1).to_string()),
        ("a", payment("1", 1).to_string()),
        ("b", "{".to_owned()),
    ] {
        assert_eq!(send(&api, &tenant, Some(key), body).await.0, 200);
    }
    let response = reqwest::get(api.url("/metrics")).await.unwrap();
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let lines = [
        "events_ingested_total 1",
        "events_duplicate_total 1",
        "events_dlq_total 1",
        "ingestion_duration_seconds_count 3",
        "celery_queue_messages{queue=\"attribution\",state=\"visible\"} 1",
        "celery_queue_messages{queue=\"llm\",state=\"total\"} 0",
        "celery_queue_stats_refresh_errors_total 0",
    ];
    let page = metrics_with(&api, &lines).await;
    assert!(
        !page.contains("celery_task_"),
        "the worker's metrics are the exporter's to show"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_correlation_id_is_found_in_answer_row_task_and_both_logs_and_no_secret_is() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let worker = deployment.worker();
    let correlation = uuid::Uuid::new_v4().to_string();
    let body = payment("1", 1).to_string().into_bytes();
    let signed = crate::webhook::signature(&tenant.secret, &body, crate::webhook::now());
    let headers = [
        ("X-Skeldir-Tenant-Key", tenant.api_key.as_str()),
        ("Stripe-Signature", &signed),
        ("X-Correlation-ID", &correlation),
    ];
    let response = crate::webhook::post(&api, &headers, body).await;
    assert_eq!(response.headers()["x-correlation-id"], correlation.as_str());
    deployment
        .until("select count(*) from tasks where state = 'succeeded'", 2)
        .await;
    // The recompute, and the refresh.
    let found: i64 = sqlx::query_scalar(
        "select count(*) from attribution_events e join tasks t on t.caused_by = e.id
          where e.correlation_id = $1::uuid and t.correlation_id = $1::uuid",
    )
    .bind(&correlation)
    .fetch_one(&deployment.admin)
    .await
    .unwrap();
    assert_eq!(found, 2);
    for (service, field) in [(&api, "duration_us"), (&worker, "queue_name")] {
        let log = eventually(async || {
            let log = service.log();
            let lines = log
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).expect(line));
            let mut ours = lines.filter(|line| line["correlation_id"] == correlation.as_str());
            let told = ours.any(|line| line["tenant_id"] == tenant.id.to_string() && !line[field].is_null());
            if told { Ok(log) } else { Err(log) }
        })
        .await;
        for secret in [
            tenant.secret.as_str(),
            &tenant.api_key,
            crate::deployment::BOX_KEY,
            ":app@",
            "pi_1",
        ] {
            assert!(!log.contains(secret), "`{secret}` is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_of_callers_that_left_do_not_pile_up() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    let impatient = reqwest::Client::builder()
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    for _ in 0..15 {
        assert!(impatient.get(api.url("/health/worker")).send().await.is_err());
    }
    deployment
        .until("select count(*) from tasks where state = 'withdrawn'", 1)
        .await;
    assert_eq!(deployment.count("select count(*) from tasks").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_older_than_its_bound_while_a_probe_is_under_way() {
    let deployment = Deployment::new().await;
    let told = [("HEALTH_CACHE_SECONDS", "1")];
    let api = std::sync::Arc::new(deployment.listening("api", "API_LISTEN", &told).await);
    let worker = deployment.worker();
    assert_eq!(ask(&api, "/health/worker").await.0, 200);
    worker.kill();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut asked = tokio::task::JoinSet::new();
    for moment in [0, 50, 100, 1500] {
        let api = std::sync::Arc::clone(&api);
        asked.spawn(async move {
            tokio::time::sleep(Duration::from_millis(moment)).await;
            ask(&api, "/health/worker").await
        });
    }
    for (status, answer) in asked.join_all().await {
        assert_eq!((status, &answer["worker"]), (503, &"error".into()), "{answer}");
        assert!(answer["age_ms"].as_u64().unwrap() < 1000, "{answer}");
    }
    // One when the worker was there, one for all who asked when it was not.
    assert_eq!(deployment.count("select count(*) from tasks").await, 2);
}

/// The value of a series on a page.
fn value(page: &str, series: &str) -> f64 {
    page.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
        .unwrap_or_else(|| panic!("no `{series}` in\n{page}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn gauges_of_the_queue_survive_an_outage_and_say_how_old_they_are() {
    const REFRESHED: &str = "celery_queue_stats_last_refresh_timestamp_seconds";
    const ERRORS: &str = "celery_queue_stats_refresh_errors_total";
    const DEPTH: &str = "celery_queue_messages{queue=\"housekeeping\",state=\"visible\"} 1";
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    deployment.run(&["enqueue", "health.probe"], &[]);
    metrics_with(&api, &[DEPTH]).await;
    deployment.outage(true).await;
    let page = eventually(async || {
        let page = metrics_with(&api, &[DEPTH]).await;
        if value(&page, ERRORS) >= 2.0 {
            Ok(page)
        } else {
            Err(page)
        }
    })
    .await;
    let stood_at = value(&page, REFRESHED);
    let errors = value(&page, ERRORS);
    assert_eq!(ask(&api, "/health/worker").await.0, 503);
    eventually(async || {
        let page = metrics_with(&api, &[DEPTH]).await;
        assert!(
            (value(&page, REFRESHED) - stood_at).abs() < f64::EPSILON,
            "{page}"
        );
        if value(&page, ERRORS) > errors {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
    deployment.outage(false).await;
    eventually(async || {
        let page = metrics_with(&api, &[DEPTH]).await;
        if value(&page, REFRESHED) > stood_at {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
}
