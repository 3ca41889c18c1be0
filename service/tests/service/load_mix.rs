//! The mix of the load, without its pace: what a measured run must find again, to the row and to the cent.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    deployment::{Deployment, Service, Tenant, metrics_with},
    webhook::{now, send},
};

/// One storm: its arrivals, and what they come to.
struct Profile {
    arrivals: usize,
    events: i64,
    letters: i64,
    absorbed: i64,
    cents: i64,
}

/// The three storms of the profile that CI runs.
const PROFILES: [Profile; 3] = [
    Profile {
        arrivals: 300,
        events: 166,
        letters: 60,
        absorbed: 74,
        cents: 18_416,
    },
    Profile {
        arrivals: 450,
        events: 249,
        letters: 90,
        absorbed: 111,
        cents: 27_629,
    },
    Profile {
        arrivals: 180,
        events: 100,
        letters: 36,
        absorbed: 44,
        cents: 11_090,
    },
];

/// A quarter are replays of one payment, a tenth malformed, a tenth bear an address, the rest are payments of their own.
fn mix(arrivals: usize) -> [(&'static str, usize); 4] {
    let (replay, bad) = (arrivals / 4, arrivals / 10);
    [
        ("replay", replay),
        ("malformed", bad),
        ("pii", bad),
        ("unique", arrivals - replay - 2 * bad),
    ]
}

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

/// Sends the mix, each shape beside the others.
async fn storm(api: &Arc<Service>, tenant: &Tenant, arrivals: usize) {
    let mut senders = JoinSet::new();
    for (shape, count) in mix(arrivals) {
        let (api, tenant) = (Arc::clone(api), tenant.clone());
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
}

#[tokio::test(flavor = "multi_thread")]
async fn every_storm_of_the_ci_profile_comes_to_its_rows_its_letters_and_its_cents() {
    const KEPT: &str = "
        select (select count(*) from attribution_events where tenant_id = $1 and channel = 'unknown'),
               (select sum(revenue_cents)::bigint from attribution_events where tenant_id = $1),
               (select count(*) from dead_events where tenant_id = $1 and error_type = 'schema_validation'),
               (select count(*) from dead_events where tenant_id = $1 and error_type = 'pii_violation'),
               (select sum(requests)::bigint from attribution_recompute_jobs where tenant_id = $1)";
    let deployment = Deployment::new().await;
    let api = Arc::new(deployment.api().await);
    for profile in &PROFILES {
        let tenant = deployment.tenant().await;
        storm(&api, &tenant, profile.arrivals).await;
        let kept: (i64, i64, i64, i64, i64) = sqlx::query_as(KEPT)
            .bind(tenant.id)
            .fetch_one(&deployment.admin)
            .await
            .unwrap();
        let (events, half) = (profile.events, profile.letters / 2);
        assert_eq!(
            kept,
            (events, profile.cents, half, half, events),
            "{} arrivals",
            profile.arrivals
        );
    }
    let all = |of: fn(&Profile) -> i64| PROFILES.iter().map(of).sum::<i64>();
    let lines = [
        format!("events_ingested_total {}", all(|profile| profile.events)),
        format!("events_duplicate_total {}", all(|profile| profile.absorbed)),
        format!("events_dlq_total {}", all(|profile| profile.letters)),
    ];
    metrics_with(&api, &lines.each_ref().map(String::as_str)).await;
}
