//! One payment is one event, of every vendor, however often and however it is told.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use tokio::{sync::Barrier, task::JoinSet};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant},
    vendors::{KINDS, Kind, PAYPAL, SHOPIFY, STRIPE_V1, STRIPE_V2, WOOCOMMERCE, told},
};

const EVENTS: &str = "select count(*) from attribution_events";

/// Sends all these bodies at the same instant; returns the event ids that were answered, one for each.
async fn storm(
    api: &Arc<Service>,
    tenant: &Tenant,
    requests: Vec<(&'static Kind, Option<String>, String)>,
) -> BTreeSet<String> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let mut sent = JoinSet::new();
    for (kind, key, body) in requests {
        let (api, tenant, barrier) = (Arc::clone(api), tenant.clone(), Arc::clone(&barrier));
        sent.spawn(async move {
            let mut headers = kind.headers(&tenant, body.as_bytes());
            headers.extend(key.map(|key| ("x-idempotency-key", key)));
            barrier.wait().await;
            told(kind.post(&api, &headers, body.as_bytes()).await).await
        });
    }
    let answers = sent.join_all().await;
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
async fn a_body_written_another_way_is_the_same_payment() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (number, kind) in KINDS.iter().enumerate() {
        let body = (kind.body)(&format!("p{number}"), 101);
        let (_, first) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
        let (_, second) = kind
            .send(&api, &tenant, &serde_json::to_vec_pretty(&body).unwrap())
            .await;
        assert_eq!(first, second, "{}", kind.path);
    }
    assert_eq!(deployment.count(EVENTS).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_identical_webhooks_of_each_vendor_at_once_make_one_event_and_one_answer() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (Arc::new(deployment.api().await), deployment.tenant().await);
    for (number, kind) in KINDS.iter().enumerate() {
        let body = (kind.body)(&format!("p{number}"), 101).to_string();
        let ids = storm(&api, &tenant, vec![(kind, None, body); 64]).await;
        assert_eq!(ids.len(), 1, "{}: {ids:?}", kind.path);
    }
    assert_eq!(deployment.count(EVENTS).await, 5);
    assert_eq!(
        deployment
            .count("select sum(requests)::bigint from attribution_recompute_jobs")
            .await,
        5
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_header_does_not_make_a_second_event_of_one_payment() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (Arc::new(deployment.api().await), deployment.tenant().await);
    for (number, kind) in KINDS.iter().enumerate() {
        let body = (kind.body)(&format!("p{number}"), 101).to_string();
        let requests = (0..16)
            .map(|_| (kind, Some(Uuid::new_v4().to_string()), body.clone()))
            .collect();
        let ids = storm(&api, &tenant, requests).await;
        assert_eq!(ids.len(), 1, "{}: {ids:?}", kind.path);
    }
    assert_eq!(deployment.count(EVENTS).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stripe_routes_tell_of_the_same_payment() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (Arc::new(deployment.api().await), deployment.tenant().await);
    let requests = (0..32)
        .map(|number| {
            let kind = if number % 2 == 0 { &STRIPE_V1 } else { &STRIPE_V2 };
            let key = (number % 3 == 0).then(|| Uuid::new_v4().to_string());
            (kind, key, (kind.body)("pi_1", 101).to_string())
        })
        .collect();
    let ids = storm(&api, &tenant, requests).await;
    assert_eq!((ids.len(), deployment.count(EVENTS).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_made_of_the_payments_id_and_only_stripes_may_be_chosen() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (number, kind) in KINDS.iter().enumerate() {
        let id = format!("p{number}");
        let name = format!("{}_{id}", kind.key_name);
        let made = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
        let chosen = format!("chosen-{number}");
        let wanted = if kind.vendor == "stripe" { &chosen } else { &made };
        let body = (kind.body)(&id, 101).to_string().into_bytes();
        let mut headers = kind.headers(&tenant, &body);
        headers.push(("x-idempotency-key", chosen.clone()));
        let (_, answer) = told(kind.post(&api, &headers, &body).await).await;
        assert_eq!(&answer["idempotency_key"], wanted, "{}", kind.path);
        let (_, answer) = kind.send(&api, &tenant, &body).await;
        assert_eq!(answer["idempotency_key"], made, "{}", kind.path);
    }
    // A key that could hold an address is no key; where no key can be chosen, none can be wrong either.
    for (kind, status) in [(&STRIPE_V1, 400), (&STRIPE_V2, 400), (&PAYPAL, 200)] {
        let body = (kind.body)("last", 101).to_string().into_bytes();
        for key in ["ann@example.test", "with blank", "", &"x".repeat(201)] {
            let mut headers = kind.headers(&tenant, &body);
            headers.push(("x-idempotency-key", key.to_owned()));
            let (seen, _) = told(kind.post(&api, &headers, &body).await).await;
            assert_eq!(seen, status, "{}: {key}", kind.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_of_two_vendors_or_two_tenants_is_two_payments() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    let mut ids = BTreeSet::new();
    for tenant in [&a, &b] {
        for kind in [&SHOPIFY, &STRIPE_V2, &PAYPAL, &WOOCOMMERCE] {
            let (_, answer) = kind
                .send(&api, tenant, (kind.body)("1", 101).to_string().as_bytes())
                .await;
            assert_eq!(answer["error"], Value::Null, "{answer}");
            ids.insert(answer["event_id"].to_string());
        }
    }
    assert_eq!((ids.len(), deployment.count(EVENTS).await), (8, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_chosen_key_of_two_tenants_is_two_events() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        Arc::new(deployment.api().await),
        deployment.tenant().await,
        deployment.tenant().await,
    );
    let mut ids = BTreeSet::new();
    for tenant in [&a, &b] {
        let body = (STRIPE_V2.body)("pi_1", 777).to_string();
        ids.extend(
            storm(
                &api,
                tenant,
                vec![(&STRIPE_V2, Some("the-key".to_owned()), body); 2],
            )
            .await,
        );
    }
    assert_eq!((ids.len(), deployment.count(EVENTS).await), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_key_that_belongs_to_another_payment_loses_no_money() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (id, cents, error) in [
        ("pi_1", 101, Value::Null),
        ("pi_2", 999, "idempotency_conflict".into()),
    ] {
        let body = (STRIPE_V1.body)(id, cents).to_string().into_bytes();
        let mut headers = STRIPE_V1.headers(&tenant, &body);
        headers.push(("x-idempotency-key", "the-key".to_owned()));
        let (status, answer) = told(STRIPE_V1.post(&api, &headers, &body).await).await;
        assert_eq!((status, &answer["error"]), (200, &error), "{id}");
    }
    let kept = "select (raw_payload->>'amount_cents')::bigint from dead_events where error_type = 'idempotency_conflict'";
    assert_eq!(deployment.count(kept).await, 999);
    // Under a key of its own it is an event after all.
    let (_, answer) = STRIPE_V2
        .send(
            &api,
            &tenant,
            (STRIPE_V2.body)("pi_2", 999).to_string().as_bytes(),
        )
        .await;
    assert_eq!(
        (&answer["status"], deployment.count(EVENTS).await),
        (&"success".into(), 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_vendors_payment_would_make_loses_no_money() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let taken = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"paypal_sale_completed_1").to_string();
    let body = (STRIPE_V2.body)("pi_1", 101).to_string().into_bytes();
    let mut headers = STRIPE_V2.headers(&tenant, &body);
    headers.push(("x-idempotency-key", taken));
    assert_eq!(STRIPE_V2.post(&api, &headers, &body).await.status(), 200);
    let (status, answer) = PAYPAL
        .send(&api, &tenant, (PAYPAL.body)("1", 999).to_string().as_bytes())
        .await;
    assert_eq!((status, &answer["error"]), (200, &"idempotency_conflict".into()));
    let kept = "select (raw_payload->>'amount_cents')::bigint from dead_events where source = 'paypal'";
    assert_eq!(deployment.count(kept).await, 999);
}
