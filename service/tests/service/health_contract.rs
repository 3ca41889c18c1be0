//! The health routes that the contract promises say what is so: what was looked at and found, and nothing else.

use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, Service, eventually},
    tokens::{claims, get, token},
    webhook::{payment, send},
};

const DETAILED: &str = "/api/health/detailed";

/// The paths that ask whether webhooks may be sent; the first is the one that its own tests are about.
const READY: [&str; 3] = ["/health/ready", "/api/health/ready", "/api/health"];

async fn ask(api: &Service, path: &str) -> (u16, String, Value) {
    let response = reqwest::get(api.url(path)).await.expect("the api answers");
    let word = response.headers()["x-health-status"].to_str().unwrap().to_owned();
    (
        response.status().as_u16(),
        word,
        response.json().await.expect("JSON"),
    )
}

/// Every path says this of readiness, and that the process lives.
async fn all_say(api: &Service, status: u16, parts: [&str; 4]) {
    let [database, rls, tenant_guc, secrets] = parts;
    let (whole, word) = match status {
        200 => ("ok", "healthy"),
        _ => ("unhealthy", "unhealthy"),
    };
    let found = json!({
        "status": whole, "database": database, "rls": rls, "tenant_guc": tenant_guc, "secrets": secrets,
        "missing_required_secrets": [],
    });
    for path in READY {
        assert_eq!(
            ask(api, path).await,
            (status, word.to_owned(), found.clone()),
            "{path}"
        );
    }
    for path in ["/health", "/health/live", "/api/health/live"] {
        let alive = (200, "healthy".to_owned(), json!({"status": "ok"}));
        assert_eq!(ask(api, path).await, alive, "{path}");
    }
}

/// What an answer in detail says of each queue that is not empty: its name, how many wait, how many are held.
fn backlogs(detail: &Value) -> Vec<(&str, i64, i64)> {
    let queues = detail["queues"].as_array().expect("they were looked at");
    assert_eq!(queues.len(), 4, "{detail}");
    let all = queues.iter().map(|queue| {
        let (waiting, age) = (
            queue["waiting"].as_i64().unwrap(),
            &queue["oldest_waiting_seconds"],
        );
        assert_eq!(
            age.as_f64().is_some_and(|age| age >= 0.0),
            waiting > 0,
            "an age, and only of what waits: {queue}"
        );
        (
            queue["queue"].as_str().unwrap(),
            waiting,
            queue["running"].as_i64().unwrap(),
        )
    });
    all.filter(|(_, waiting, running)| waiting + running > 0)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_of_the_contract_says_up_of_what_is_down() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    deployment.tenant().await;
    all_say(&api, 200, ["ok"; 4]).await;
    let off = "alter table revenue_ledger disable row level security";
    sqlx::raw_sql(off).execute(&deployment.admin).await.unwrap();
    all_say(&api, 503, ["ok", "error", "ok", "ok"]).await;
    deployment.outage(true).await;
    all_say(&api, 503, ["error", "unknown", "unknown", "unknown"]).await;
    deployment.outage(false).await;
    all_say(&api, 503, ["ok", "error", "ok", "ok"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_detail_is_of_the_worker_and_of_every_queue_as_they_are() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let token = token(&claims(&tenant));
    assert_eq!(
        send(&api, &tenant, None, payment("1", 100).to_string()).await.0,
        200
    );
    let (status, detail) = get(&api, DETAILED, &token).await;
    assert_eq!(
        (status, &detail["status"]),
        (503, &"unhealthy".into()),
        "{detail}"
    );
    assert_eq!(
        (&detail["readiness"]["status"], &detail["worker"]["worker"]),
        (&"ok".into(), &"error".into()),
        "{detail}"
    );
    // The day's recompute, and the refresh that shows it.
    assert_eq!(backlogs(&detail), [("maintenance", 1, 0), ("attribution", 1, 0)]);

    let _worker = deployment.worker();
    let detail = eventually(async || {
        let (status, detail) = get(&api, DETAILED, &token).await;
        if status == 200 && backlogs(&detail).is_empty() {
            Ok(detail)
        } else {
            Err(detail.to_string())
        }
    })
    .await;
    assert_eq!(
        (
            &detail["status"],
            &detail["readiness"]["status"],
            &detail["worker"]["worker"]
        ),
        (&"ok".into(), &"ok".into(), &"ok".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_that_cannot_be_looked_at_are_unknown_and_not_empty() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let (_worker, token) = (deployment.worker(), token(&claims(&tenant)));
    let blinded = "revoke execute on function queue_stats() from app_rw, app_ro";
    sqlx::raw_sql(blinded).execute(&deployment.admin).await.unwrap();
    let (status, detail) = get(&api, DETAILED, &token).await;
    assert_eq!(
        (
            status,
            &detail["status"],
            &detail["readiness"]["status"],
            &detail["worker"]["status"],
            &detail["queues"]
        ),
        (503, &"unhealthy".into(), &"ok".into(), &"ok".into(), &Value::Null),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_can_say_whose_token_it_is_there_is_no_detail() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let token = token(&claims(&tenant));
    deployment.outage(true).await;
    // Until it notices, it may still know that the token is good, and then says what is down.
    eventually(async || {
        let (status, answer) = get(&api, DETAILED, &token).await;
        assert_eq!(status, 503, "{answer}");
        if answer["code"] == "SERVICE_UNAVAILABLE" {
            Ok(())
        } else {
            Err(answer.to_string())
        }
    })
    .await;
}
