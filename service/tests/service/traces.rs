//! What a webhook leaves behind: one id everywhere, and nothing that is personal or secret anywhere.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::{BOX_KEY, Deployment, eventually},
    footprint::rows_with,
    tokens::{FOREIGN, ask, claims, signed, token},
    vendors::{KINDS, STRIPE_V2, told},
};

const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";

#[tokio::test(flavor = "multi_thread")]
async fn one_correlation_id_goes_from_the_answer_through_event_job_and_task_to_the_workers_log() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let worker = deployment.worker();
    for kind in &KINDS {
        let correlation = Uuid::new_v4().to_string();
        let body = (kind.body)(&correlation, 101).to_string().into_bytes();
        let mut headers = kind.headers(&tenant, &body);
        headers.push(("x-correlation-id", correlation.clone()));
        let response = kind.post(&api, &headers, &body).await;
        assert_eq!(
            response.headers()["x-correlation-id"],
            correlation.as_str(),
            "{}",
            kind.path
        );
        // One after the other, so that each has a computation of its own.
        deployment.until(UNDONE, 0).await;
        let found: i64 = sqlx::query_scalar(
            "select count(*) from attribution_events e join tasks t on t.caused_by = e.id
               join attribution_recompute_jobs j on j.id = t.effect_id
              where e.correlation_id = $1::uuid and t.correlation_id = $1::uuid and j.last_correlation_id = $1::uuid",
        )
        .bind(&correlation)
        .fetch_one(&deployment.admin)
        .await
        .unwrap();
        assert_eq!(found, 1, "{}", kind.path);
        for (service, field, value) in [
            (&api, "vendor", kind.vendor),
            (&worker, "task_name", "attribution.recompute_window"),
        ] {
            eventually(async || {
                let log = service.log();
                let mut lines = log
                    .lines()
                    .map(|line| serde_json::from_str::<Value>(line).expect(line));
                let told =
                    lines.any(|line| line["correlation_id"] == correlation.as_str() && line[field] == value);
                if told { Ok(()) } else { Err(log) }
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correlation_id_that_is_none_is_replaced_and_a_dead_letter_has_one_too() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in &KINDS {
        let body = (kind.body)(&Uuid::new_v4().to_string(), 101)
            .to_string()
            .into_bytes();
        let mut headers = kind.headers(&tenant, &body);
        headers.push(("x-correlation-id", "call me".to_owned()));
        let response = kind.post(&api, &headers, &body).await;
        let made = response.headers()["x-correlation-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(Uuid::try_parse(&made).is_ok(), "{made}");

        let correlation = Uuid::new_v4();
        let mut headers = kind.headers(&tenant, kind.path.as_bytes());
        headers.push(("x-correlation-id", correlation.to_string()));
        let (_, answer) = told(kind.post(&api, &headers, kind.path.as_bytes()).await).await;
        let kept: Uuid = sqlx::query_scalar("select correlation_id from dead_events where id = $1::uuid")
            .bind(answer["dead_event_id"].as_str())
            .fetch_one(&deployment.admin)
            .await
            .unwrap();
        assert_eq!(kept, correlation, "{}", kind.path);
    }
}

/// Everything in which a value could be carried in, for one kind of webhook: bodies with their content type.
fn carrying(canary: &str, body: impl Fn() -> Value) -> Vec<(String, &'static str)> {
    let address = format!("{canary}@example.test");
    let person = format!("{canary} Lee");
    let with = |extra: Value| {
        let mut body = body();
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body.to_string()
    };
    let json = "application/json";
    vec![
        (with(json!({"email": address})), json),
        (with(json!({"billing_details": {"name": person}})), json),
        (
            with(json!({"customer": [{"FirstName": canary, "default_address": {"address1": person}}]})),
            json,
        ),
        (
            with(json!({"note": address, "metadata": {"utm_source": address, "vendor": person}})),
            json,
        ),
        (
            with(json!({"landing_site": format!("/?utm_source={address}&utm_campaign={person}")})),
            json,
        ),
        (
            with(json!({"status": person, "state": address, "financial_status": person, "type": address})),
            json,
        ),
        (
            with(json!({"id": address, "currency": person, "created": canary, "total": person})),
            json,
        ),
        (with(json!({ address.as_str(): 1 })), json),
        (with(json!({"email": address})), "text/plain"),
        (format!("{{\"email\": \"{address}\", \"email\": null}}"), json),
        (format!("{{\"name\": \"{person}"), json),
        (
            format!("email={address}&name={person}"),
            "application/x-www-form-urlencoded",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pass_over_all_vendors_no_planted_value_and_no_secret_is_in_any_column_or_any_log() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let worker = deployment.worker();
    let canary = format!("canary{}", Uuid::new_v4().simple());
    let mut signatures = Vec::new();
    for kind in &KINDS {
        let (signature, _) = (kind.sign)("", b"", 0).pop().unwrap();
        let clean = || (kind.body)(&Uuid::new_v4().to_string(), 101);
        for (body, media) in carrying(&canary, clean)
            .into_iter()
            .chain([(clean().to_string(), "application/json")])
        {
            let mut headers = kind.headers(&tenant, body.as_bytes());
            signatures.extend(
                headers
                    .iter()
                    .filter(|(name, _)| *name == signature)
                    .map(|(_, value)| value.clone()),
            );
            headers.retain(|(name, _)| *name != "content-type");
            headers.push(("content-type", media.to_owned()));
            headers.push(("x-correlation-id", canary.clone()));
            let (status, answer) = told(kind.post(&api, &headers, body.as_bytes()).await).await;
            assert_eq!(status, 200, "{}: {body}", kind.path);
            assert!(!answer.to_string().contains(&canary), "{answer}");
            // The same from somebody who signs with something else, and with a key that is an address.
            headers.push(("x-idempotency-key", format!("{canary}@example.test")));
            let seen = kind.post(&api, &headers, body.as_bytes()).await.status();
            assert_eq!(seen, if kind.vendor == "stripe" { 400 } else { 200 });
            let forged = kind.post(&api, &headers, format!("{body} ").as_bytes()).await;
            assert_eq!(forged.status(), 401);
        }
    }
    deployment.until(UNDONE, 0).await;
    assert!(deployment.count("select count(*) from attribution_events").await >= 4);
    assert!(deployment.count("select count(*) from dead_events").await > 30);

    let mut secrets = vec![canary.clone(), tenant.api_key.clone(), BOX_KEY.to_owned()];
    secrets.extend(["shopify", "stripe", "paypal", "woocommerce"].map(|vendor| tenant.secret_of(vendor)));
    secrets.extend(signatures);
    for secret in &secrets {
        assert_eq!(rows_with(&deployment, secret).await, 0, "`{secret}` is stored");
        for service in [&api, &worker] {
            assert!(!service.log().contains(secret), "`{secret}` is in a log");
        }
    }
    // What the search would have seen.
    assert!(api.log().contains("pii_violation") && worker.log().contains("recompute_window"));
    for (place, plant) in [
        ("a text", "update dead_events set error_message = error_message || $1 where id = (select id from dead_events limit 1)"),
        ("a payload", "update attribution_events set raw_payload = raw_payload || jsonb_build_object('a', jsonb_build_array($1::text))
                        where id = (select id from attribution_events limit 1)"),
        ("bytes", "update tenants set shopify_webhook_secret_ciphertext = convert_to($1, 'UTF8')"),
    ] {
        let control = format!("control{}", Uuid::new_v4().simple());
        sqlx::query(plant).bind(&control).execute(&deployment.admin).await.expect(place);
        assert_eq!(rows_with(&deployment, &control).await, 1, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pass_behind_the_token_no_token_no_key_and_no_password_is_in_any_column_or_any_log() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let outside = deployment
        .listening("mock-platform", "MOCK_PLATFORM_LISTEN", &[])
        .await;
    let url = outside.url("");
    let outside_is_there = [("MOCK_PLATFORM_URL", url.as_str())];
    let api = deployment.listening("api", "API_LISTEN", &outside_is_there).await;
    let worker = deployment.worker_told(&outside_is_there);
    let exporter = deployment.listening("exporter", "EXPORTER_LISTEN", &[]).await;
    let platform_key = format!("sk_{}", Uuid::new_v4().simple());
    sqlx::query("select connect_platform($1, 'stripe', 'acct_1', $2, $3, true)")
        .bind(tenant.id)
        .bind(&platform_key)
        .bind(BOX_KEY)
        .execute(&deployment.pool("migration_owner", "owner"))
        .await
        .unwrap();

    let good = token(&claims(&tenant));
    let forged = signed(&claims(&tenant), Some("current"), &FOREIGN);
    for (method, path) in [
        (Method::GET, "/api/reconciliation/status"),
        (Method::GET, "/api/reconciliation/platform/stripe"),
        (Method::POST, "/api/reconciliation/sync"),
        (Method::GET, "/api/attribution/revenue/realtime"),
        (Method::GET, "/api/v1/revenue/realtime"),
        (Method::GET, "/api/health/detailed"),
    ] {
        let response = ask(&api, method.clone(), path, &good).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        assert_eq!(ask(&api, method, path, &forged).await.status(), 401, "{path}");
    }
    for task in ["privacy.pii_scan", "privacy.retention", "matviews.refresh_all"] {
        assert!(deployment.run(&["enqueue", task], &[]).status.success(), "{task}");
    }
    deployment.until(UNDONE, 0).await;
    let ended = "select count(*) from tasks where state = 'failed'";
    assert_eq!(deployment.count(ended).await, 0, "{}", worker.log());
    reqwest::get(exporter.url("/metrics")).await.unwrap();

    let mut secrets = vec![
        platform_key,
        BOX_KEY.to_owned(),
        deployment.environment["DATABASE_URL"].clone(),
    ];
    for token in [good, forged] {
        // Who has one part of it has not the token; but nobody needs any part.
        secrets.extend(token.split('.').skip(1).map(str::to_owned));
    }
    for secret in &secrets {
        assert_eq!(rows_with(&deployment, secret).await, 0, "`{secret}` is stored");
        for service in [&api, &worker, &exporter, &outside] {
            assert!(!service.log().contains(secret), "`{secret}` is in a log");
        }
    }
    assert!(api.log().contains("admitted") && worker.log().contains("reconciliation.run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_name_in_billing_details_is_neither_an_event_nor_kept() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let mut body = (STRIPE_V2.body)("pi_1", 131);
    body["data"]["object"]["billing_details"] = json!({"name": "Test User"});
    let (_, answer) = STRIPE_V2.send(&api, &tenant, body.to_string().as_bytes()).await;
    assert_eq!(answer["error"], "pii_violation");
    assert_eq!(rows_with(&deployment, "Test User").await, 0);
    assert_eq!(
        deployment.count("select count(*) from attribution_events").await,
        0
    );
}
