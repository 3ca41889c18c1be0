//! Every error of every route is one kind of document, and every answer says how it was traced.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::Deployment,
    tokens::{claims, token},
};

const SYNC: &str = "/api/reconciliation/sync";

/// The document of an error, when it is one in every respect.
async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let correlation = response.headers()["x-correlation-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let document: Value = response.json().await.unwrap();
    let mut keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    keys.retain(|key| *key != "errors");
    assert_eq!(
        keys,
        [
            "type",
            "title",
            "status",
            "detail",
            "instance",
            "correlation_id",
            "timestamp",
            "code"
        ]
    );
    assert_eq!(document["status"], status);
    assert_eq!(document["correlation_id"], correlation.as_str());
    assert_eq!(document["instance"], format!("urn:skeldir:error:{correlation}"));
    let timestamp = document["timestamp"].as_str().unwrap();
    assert!(
        chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(),
        "{timestamp}"
    );
    document
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("the api answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_there_and_a_method_that_is_not_taken_are_problems() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    let nowhere = problem(sent(Client::new().get(api.url("/nowhere"))).await, 404).await;
    assert_eq!(nowhere["code"], "UNSPECIFIED_ERROR");
    let response = sent(Client::new().delete(api.url(SYNC))).await;
    assert_eq!(response.headers()["allow"], "POST");
    problem(response, 405).await;
    let id = Uuid::new_v4().to_string();
    let traced = Client::new()
        .get(api.url("/nowhere"))
        .header("X-Correlation-ID", &id);
    assert_eq!(
        problem(sent(traced).await, 404).await["correlation_id"],
        id.as_str()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_a_path_takes_is_a_problem_with_its_place() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let token = token(&claims(&tenant));
    let sync = |media_type: &'static str, body: String| {
        let request = Client::new().post(api.url(SYNC)).bearer_auth(&token);
        request
            .header("X-Correlation-ID", Uuid::new_v4().to_string())
            .header("Content-Type", media_type)
            .body(body)
    };
    let json = "application/json";
    let wrong = json!([{"field": "body", "message": "it must be a JSON object with the documented fields and no others"}]);
    let unknown = json!([{"field": "platform", "message": "there is no such platform"}]);
    for (request, status, errors) in [
        (sync(json, "{".to_owned()), 422, wrong.clone()),
        (sync(json, r#"{"platform":7}"#.to_owned()), 422, wrong.clone()),
        (sync(json, r#"{"platforms":["stripe"]}"#.to_owned()), 422, wrong),
        (sync(json, r#"{"platform":"myspace"}"#.to_owned()), 422, unknown),
        (sync("text/plain", "{}".to_owned()), 415, Value::Null),
        (sync(json, " ".repeat(16 * 1024 + 1)), 413, Value::Null),
    ] {
        let found = problem(sent(request).await, status).await;
        assert_eq!(found["code"], "REQUEST_VALIDATION_FAILED");
        assert_eq!(found["errors"], errors);
    }
    assert_eq!(
        deployment.count("select count(*) from reconciliation_runs").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_token_every_request_must_say_how_it_is_traced() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let token = token(&claims(&tenant));
    for given in [vec![], vec!["garbage"], vec![""], vec!["1", "2"]] {
        let request = Client::new()
            .request(Method::POST, api.url(SYNC))
            .bearer_auth(&token);
        let request = given
            .iter()
            .fold(request, |request, id| request.header("X-Correlation-ID", *id));
        let found = problem(sent(request).await, 400).await;
        assert_eq!(found["errors"][0]["field"], "X-Correlation-ID", "{given:?}");
    }
    assert_eq!(deployment.count("select count(*) from tasks").await, 0);
    let id = Uuid::new_v4().to_string();
    let traced = Client::new().post(api.url(SYNC)).bearer_auth(&token);
    let response = sent(traced.header("X-Correlation-ID", &id)).await;
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["x-correlation-id"].to_str().unwrap()
        ),
        (202, id.as_str())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_authenticated_learns_nothing_but_that() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    let request = Client::new().post(api.url(SYNC)).body("{");
    assert_eq!(problem(sent(request).await, 401).await["errors"], Value::Null);
    for path in ["/api/reconciliation/platform/myspace", "/api/health/detailed"] {
        problem(sent(Client::new().get(api.url(path))).await, 401).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_apis_say_not_now() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let nowhere = "postgresql://app_user:app@127.0.0.1:1/nowhere";
    let change = [
        ("DATABASE_URL", nowhere),
        ("CELERY_BROKER_URL", nowhere),
        ("CELERY_RESULT_BACKEND", nowhere),
    ];
    let api = deployment.listening("api", "API_LISTEN", &change).await;
    let request = Client::new()
        .post(api.url(SYNC))
        .bearer_auth(token(&claims(&tenant)))
        .header("X-Correlation-ID", Uuid::new_v4().to_string());
    let response = sent(request).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(problem(response, 503).await["code"], "SERVICE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_how_it_was_traced() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/nowhere",
    ] {
        let response = sent(Client::new().get(api.url(path))).await;
        let id = response.headers()["x-correlation-id"].to_str().unwrap();
        assert!(Uuid::try_parse(id).is_ok(), "{path}: {id}");
    }
}
