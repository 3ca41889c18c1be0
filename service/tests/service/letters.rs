//! What is believed and still cannot be taken: a dead letter with its reason, of every vendor.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::Deployment,
    vendors::{KINDS, PAYPAL, SHOPIFY, STRIPE_V1, STRIPE_V2, WOOCOMMERCE, told},
};

const EVENTS: &str = "select count(*) from attribution_events";

/// The newest letter: its reason, and why in words.
async fn newest(deployment: &Deployment) -> (String, String) {
    sqlx::query_as("select error_type, error_message from dead_events order by ingested_at desc, id limit 1")
        .fetch_one(&deployment.admin)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_parsed_is_one_letter_however_often_it_is_sent() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let bodies: [&[u8]; 7] = [b"", b"{", b"null", b"[]", b"\0", b"\"\xff\"", b"webhook_id=123"];
    let mut letters = 0;
    for kind in &KINDS {
        let whole = (kind.body)("1", 100).to_string();
        let twice = whole.replacen(
            '{',
            r#"{"receipt_email":"ann@example.test","receipt_email":null,"#,
            1,
        );
        for body in bodies.into_iter().chain([twice.as_bytes()]) {
            let (status, first) = kind.send(&api, &tenant, body).await;
            let (_, second) = kind.send(&api, &tenant, body).await;
            assert_eq!(
                (status, &first["status"], &first["error"]),
                (200, &"dlq_routed".into(), &"schema_validation".into()),
                "{}: {body:?}",
                kind.path
            );
            assert_eq!(first["dead_event_id"], second["dead_event_id"]);
            // Without an id the bytes are the key, and both Stripe routes are Stripe's.
            letters += i64::from(kind.path != STRIPE_V2.path || body == twice.as_bytes());
        }
    }
    assert_eq!(
        deployment.count("select count(*) from dead_events").await,
        letters
    );
    assert_eq!(deployment.count(EVENTS).await, 0);
    let bare = "select count(*) from dead_events where raw_payload ?& array['idempotency_key', 'body_sha256', 'body_bytes']";
    assert_eq!(deployment.count(bare).await, letters);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_buried_is_an_event_once_it_is_sent_whole() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (number, kind) in (1..).zip(&KINDS) {
        let id = format!("p{number}");
        let broken = kind.with(&id, kind.currency, json!("dollars")).to_string();
        let whole = (kind.body)(&id, 101).to_string();
        let (_, buried) = kind.send(&api, &tenant, broken.as_bytes()).await;
        let (status, taken) = kind.send(&api, &tenant, whole.as_bytes()).await;
        assert_eq!(
            (&buried["status"], status, &taken["status"]),
            (&"dlq_routed".into(), 200, &"success".into()),
            "{}",
            kind.path
        );
        assert_eq!(
            buried["idempotency_key"], taken["idempotency_key"],
            "{}",
            kind.path
        );
        // What is sent broken again was taken in all the same.
        kind.send(&api, &tenant, broken.as_bytes()).await;
        assert_eq!(deployment.count(EVENTS).await, number);
        assert_eq!(deployment.count("select count(*) from dead_events").await, number);
    }
    let worth = "select sum(revenue_cents)::bigint from attribution_events";
    assert_eq!(deployment.count(worth).await, 505);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_one_chosen_key_there_is_one_letter() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let mut letters = BTreeSet::new();
    for kind in [&STRIPE_V1, &STRIPE_V2] {
        for body in ["{", "[]", "{\"id\": null}"] {
            let mut headers = kind.headers(&tenant, body.as_bytes());
            headers.push(("x-idempotency-key", "the-key".to_owned()));
            let (_, answer) = told(kind.post(&api, &headers, body.as_bytes()).await).await;
            assert_eq!(answer["idempotency_key"], "the-key");
            letters.insert(answer["dead_event_id"].to_string());
        }
    }
    assert_eq!(letters.len(), 1);
    let kept = "select count(*) from dead_events where raw_payload->>'idempotency_key' = 'the-key'";
    assert_eq!(deployment.count(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_letter_names_the_field_that_is_wrong_and_never_its_value() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in &KINDS {
        let wrong = [
            (kind.id, Value::Null),
            (kind.id, json!("a b")),
            (kind.id, json!(1.5)),
            (kind.amount, Value::Null),
            (kind.amount, json!(10.5)),
            (kind.amount, json!("ten")),
            (kind.amount, json!([])),
            (kind.currency, json!("dollars")),
            (kind.currency, Value::Null),
            (kind.time, json!("not a time")),
            (kind.time, Value::Null),
            (kind.time, json!("2026-13-01T00:00:00Z")),
        ];
        for (place, value) in wrong {
            let body = kind.with(&Uuid::new_v4().to_string(), place, value.clone());
            let (status, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
            assert_eq!(
                (status, &answer["error"]),
                (200, &"schema_validation".into()),
                "{}: {place} {value}",
                kind.path
            );
            let (_, message) = newest(&deployment).await;
            let field = place.trim_start_matches('/').replace('/', ".");
            // A shop may give its own clock instead, so that is the one missed.
            let named = message.starts_with(&format!("`{field}` is"))
                || (value.is_null() && message.starts_with("`date_completed` is"));
            assert!(named, "{}: {place} {value}: {message}", kind.path);
        }
    }
    assert_eq!(deployment.count(EVENTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_paid_is_no_event() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (kind, place, value, field) in [
        (&SHOPIFY, "/cancelled_at", "2026-11-21T10:00:00Z", "cancelled_at"),
        (&STRIPE_V1, "/status", "requires_action", "status"),
        (&STRIPE_V1, "/object", "charge", "object"),
        (
            &STRIPE_V2,
            "/data/object/status",
            "processing",
            "data.object.status",
        ),
        (&STRIPE_V2, "/type", "payment_intent.payment_failed", "type"),
        (&PAYPAL, "/event_type", "PAYMENT.SALE.REFUNDED", "event_type"),
        (&PAYPAL, "/resource/state", "pending", "resource.state"),
        (&WOOCOMMERCE, "/status", "on-hold", "status"),
    ] {
        let mut body = (kind.body)(&Uuid::new_v4().to_string(), 100);
        let (object, key) = place.rsplit_once('/').unwrap();
        body.pointer_mut(object).unwrap()[key] = value.into();
        let (_, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
        assert_eq!(answer["error"], "schema_validation", "{}: {place}", kind.path);
        let wanted = format!("`{field}` is not what this route is for");
        assert_eq!(newest(&deployment).await.1, wanted, "{}", kind.path);
    }
    assert_eq!(deployment.count(EVENTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_as_json_is_buried_unseen() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let canary = Uuid::new_v4().simple().to_string();
    for kind in &KINDS {
        for media in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "",
        ] {
            let mut body = (kind.body)(&Uuid::new_v4().to_string(), 100);
            body["email"] = format!("{canary}@example.test").into();
            let body = body.to_string().into_bytes();
            let mut headers = kind.headers(&tenant, &body);
            headers.retain(|(name, _)| *name != "content-type");
            headers.push(("content-type", media.to_owned()));
            let (status, answer) = told(kind.post(&api, &headers, &body).await).await;
            assert_eq!(
                (status, &answer["error"]),
                (200, &"schema_validation".into()),
                "{}: {media}",
                kind.path
            );
            assert_eq!(newest(&deployment).await.1, "the content type is not JSON");
        }
        // The same payment as JSON is taken all the same: nothing was lost by the letter.
        let body = (kind.body)(kind.path.rsplit('/').next().unwrap(), 100)
            .to_string()
            .into_bytes();
        let mut headers = kind.headers(&tenant, &body);
        for media in ["text/plain", "application/json; charset=utf-8"] {
            headers.retain(|(name, _)| *name != "content-type");
            headers.push(("content-type", media.to_owned()));
            let (_, answer) = told(kind.post(&api, &headers, &body).await).await;
            assert_eq!(
                answer["status"] == "success",
                media.starts_with("application"),
                "{answer}"
            );
        }
    }
    let kept = "select count(*) from dead_events where raw_payload::text like '%example.test%'";
    assert_eq!(deployment.count(kept).await, 0);
    assert!(!api.log().contains(&canary));
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_under_any_of_its_keys_is_refused_of_every_vendor() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let bearing = [
        (json!({"email": "x"}), "email"),
        (json!({"Receipt_Email": "x"}), "receipt_email"),
        (json!({"contact_email": "x"}), "email"),
        (json!({"billing_details": {"name": "Test User"}}), "name"),
        (json!({"customer": {"first_name": "Test"}}), "first_name"),
        (
            json!({"payer": {"payer_info": {"lastName": "User"}}}),
            "last_name",
        ),
        (json!({"line_items": [{"a": [{"PHONE": "x"}]}]}), "phone"),
        (json!({"shipping_address": {"line1": "x"}}), "shipping_address"),
        (json!({"customer_ip_address": "10.0.0.1"}), "ip_address"),
        (json!({"ssn": 1}), "ssn"),
        (json!({"names": ["x"]}), "names"),
        (
            json!({"more": [{"id": 1, "key": "_billing_email", "value": "x"}]}),
            "email",
        ),
    ];
    for kind in &KINDS {
        for (extra, key) in &bearing {
            let mut body = (kind.body)(&Uuid::new_v4().to_string(), 131);
            body.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            let (status, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
            assert_eq!(
                (status, &answer["error"]),
                (200, &"pii_violation".into()),
                "{}: {extra}",
                kind.path
            );
            let told = (
                String::from("pii_violation"),
                format!("personal data under: {key}"),
            );
            assert_eq!(newest(&deployment).await, told, "{}", kind.path);
        }
    }
    let letters = i64::try_from(KINDS.len() * bearing.len()).unwrap();
    assert_eq!(
        deployment.count("select count(*) from dead_events").await,
        letters
    );
    assert_eq!(deployment.count(EVENTS).await, 0);
}
