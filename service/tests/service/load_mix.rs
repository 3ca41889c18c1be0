//! The mix of the load, without its pace: what a measured run must find again, to the row and to the cent.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    deployment::Deployment,
    webhook::{now, send},
};

/// Arrivals: replays of one payment, malformed ones, ones that bear an address, and payments of their own.
const MIX: [(&str, usize); 4] = [("replay", 112), ("malformed", 45), ("pii", 45), ("unique", 248)];

fn body(shape: &str, key: &str) -> Value {
    let cents = match shape {
        "replay" => 101,
        "pii" => 131,
        _ => 111,
    };
    let address = (shape == "pii").then_some("ann@example.test");
    let object = json!({"id": format!("pi_{key}"), "amount": cents, "currency": "usd", "status": "succeeded", "receipt_email": address});
    match shape {
        "malformed" => {
            json!({"id": format!("evt_{key}"), "type": "payment_intent.succeeded", "created": "not_an_int",
                              "data": {"object": {"id": null, "amount": null, "currency": "usd"}}})
        }
        _ => {
            json!({"id": format!("evt_{key}"), "type": "payment_intent.succeeded", "created": now(), "data": {"object": object}})
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_and_fifty_arrivals_are_249_events_90_letters_and_111_that_were_there() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (
        std::sync::Arc::new(deployment.api().await),
        deployment.tenant().await,
    );
    let mut senders = JoinSet::new();
    for (shape, count) in MIX {
        let (api, tenant) = (std::sync::Arc::clone(&api), tenant.clone());
        senders.spawn(async move {
            for number in 0..count {
                let number = if shape == "replay" { 0 } else { number };
                let key = format!("{shape}-{number}");
                let (status, answer) = send(&api, &tenant, Some(&key), body(shape, &key).to_string()).await;
                assert_eq!((status, &answer["idempotency_key"]), (200, &key.into()));
            }
        });
    }
    senders.join_all().await;
    for (query, wanted) in [
        ("select count(*) from attribution_events", 249),
        (
            "select count(*) from attribution_events where channel = 'unknown'",
            249,
        ),
        (
            "select sum(revenue_cents)::bigint from attribution_events",
            248 * 111 + 101,
        ),
        ("select count(*) from dead_events", 90),
        (
            "select count(*) from dead_events where error_type = 'pii_violation'",
            45,
        ),
        (
            "select sum(requests)::bigint from attribution_recompute_jobs",
            249,
        ),
    ] {
        assert_eq!(deployment.count(query).await, wanted, "{query}");
    }
    let page = reqwest::get(api.url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "events_ingested_total 249",
        "events_duplicate_total 111",
        "events_dlq_total 90",
    ] {
        assert!(page.lines().any(|found| found == line), "no `{line}` in\n{page}");
    }
}
