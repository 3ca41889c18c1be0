//! What becomes of a webhook that is believed.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant},
    footprint::rows_with,
    webhook::{payment, send},
};

const EVENTS: &str = "select count(*) from attribution_events";
const LETTERS: &str = "select count(*) from dead_events";

/// Sends the same body from many connections at the same instant; returns the event ids that were answered.
async fn storm(api: Service, tenant: Tenant, keys: Vec<Option<String>>, body: Value) -> BTreeSet<String> {
    let (api, barrier) = (Arc::new(api), Arc::new(Barrier::new(keys.len())));
    let mut requests = JoinSet::new();
    for key in keys {
        let (api, tenant, body, barrier) = (
            Arc::clone(&api),
            tenant.clone(),
            body.to_string(),
            Arc::clone(&barrier),
        );
        requests.spawn(async move {
            barrier.wait().await;
            send(&api, &tenant, key.as_deref(), body).await
        });
    }
    let answers = requests.join_all().await;
    assert!(
        answers
            .iter()
            .all(|(status, answer)| *status == 200 && answer["status"] == "success"),
        "{answers:?}"
    );
    answers
        .iter()
        .map(|(_, answer)| answer["event_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_identical_webhooks_at_once_make_one_event_and_one_answer() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let ids = storm(
        api,
        tenant,
        vec![Some("the-key".to_owned()); 64],
        payment("1", 101),
    )
    .await;
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(deployment.count(EVENTS).await, 1);
    assert_eq!(
        deployment
            .count("select sum(requests)::bigint from attribution_recompute_jobs")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_fresh_keys_for_one_payment_make_one_event() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let keys = (0..64).map(|_| Some(Uuid::new_v4().to_string())).collect();
    let ids = storm(api, tenant, keys, payment("1", 101)).await;
    assert_eq!((ids.len(), deployment.count(EVENTS).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_payments_own_id_is_the_key() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let (_, first) = send(&api, &tenant, None, payment("1", 101).to_string()).await;
    let (_, second) = send(
        &api,
        &tenant,
        None,
        serde_json::to_vec_pretty(&payment("1", 101)).unwrap(),
    )
    .await;
    assert_eq!(first["event_id"], second["event_id"]);
    assert_eq!(first["idempotency_key"], second["idempotency_key"]);
    assert_eq!(deployment.count(EVENTS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_and_one_payment_of_two_tenants_are_two_events() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    let body = payment("1", 777).to_string();
    let (_, first) = send(&api, &a, Some("k"), body.clone()).await;
    let (_, second) = send(&api, &b, Some("k"), body).await;
    assert_ne!(first["event_id"], second["event_id"]);
    assert_eq!(deployment.count(EVENTS).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_belongs_to_another_payment_loses_no_money() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    send(&api, &tenant, Some("k"), payment("1", 101).to_string()).await;
    let (status, answer) = send(&api, &tenant, Some("k"), payment("2", 999).to_string()).await;
    assert_eq!((status, &answer["error"]), (200, &"idempotency_conflict".into()));
    assert_eq!(
        deployment
            .count("select (raw_payload->>'amount_cents')::bigint from dead_events")
            .await,
        999
    );
    assert_eq!(deployment.count(EVENTS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_what_was_signed_and_keeps_nothing_else() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let mut body = payment("1", 12345);
    body["data"]["object"]["metadata"] =
        json!({"vendor": "facebook_ads", "utm_source": "fb_ads", "note": "call me"});
    let (_, answer) = send(&api, &tenant, Some("k"), body.to_string()).await;
    assert_eq!(answer["channel"], "facebook_paid");
    let (cents, currency, external, kept) = sqlx::query_as::<_, (i64, String, String, Value)>(
        "select revenue_cents, currency, external_event_id, raw_payload from attribution_events",
    )
    .fetch_one(&deployment.admin)
    .await
    .unwrap();
    assert_eq!(
        (cents, currency.as_str(), external.as_str()),
        (12345, "USD", "pi_1")
    );
    assert!(!kept.to_string().contains("call me"));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_become_letters_with_their_reason_once_per_key() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let malformed = [
        r#"{"id":"evt_1","created":"not_an_int","data":{"object":{"id":null,"amount":null}}}"#,
        r#"{"id":"evt_1","data":{"#,
        "[]",
        "",
        "\u{0}",
    ];
    for (number, body) in malformed.into_iter().enumerate() {
        let key = format!("bad-{number}");
        let (status, first) = send(&api, &tenant, Some(&key), body).await;
        let (_, again) = send(&api, &tenant, Some(&key), body).await;
        assert_eq!(
            (status, &first["status"], &first["error"]),
            (200, &"dlq_routed".into(), &"schema_validation".into())
        );
        assert_eq!(first["dead_event_id"], again["dead_event_id"]);
    }
    assert_eq!(
        deployment.count(LETTERS).await,
        i64::try_from(malformed.len()).unwrap()
    );
    assert_eq!(
        deployment
            .count("select count(distinct raw_payload->>'idempotency_key') from dead_events")
            .await,
        5
    );
    assert_eq!(deployment.count(EVENTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_refused_and_its_values_are_nowhere() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let canary = format!("canary{}", Uuid::new_v4().simple());
    let bearing = [
        json!({"receipt_email": format!("{canary}@example.test")}),
        json!({"billing_details": {"name": canary}}),
        json!({"charges": [{"deep": {"PHONE": canary}}]}),
        json!({"shipping": {"address": {"line1": canary}}}),
    ];
    for extra in &bearing {
        let mut body = payment(&Uuid::new_v4().simple().to_string(), 131);
        body["data"]["object"]
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let (status, answer) = send(&api, &tenant, None, body.to_string()).await;
        assert_eq!(
            (status, &answer["error"]),
            (200, &"pii_violation".into()),
            "{extra}"
        );
    }
    assert_eq!(
        deployment.count(LETTERS).await,
        i64::try_from(bearing.len()).unwrap()
    );
    assert_eq!(deployment.count(EVENTS).await, 0);
    assert!(api.log().contains("pii_violation"));
    assert!(!api.log().contains(&canary));
    assert_eq!(rows_with(&deployment, &canary).await, 0);
    assert_eq!(
        rows_with(&deployment, "pii_violation").await,
        i64::try_from(bearing.len()).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_key_is_refused() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for key in ["with blank", &"x".repeat(201)] {
        assert_eq!(
            send(&api, &tenant, Some(key), payment("1", 1).to_string())
                .await
                .0,
            400,
            "{key}"
        );
    }
    assert_eq!(deployment.count(EVENTS).await, 0);
}
