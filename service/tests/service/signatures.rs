//! Who is believed. Whatever is wrong, the answer is one and the same, and nothing is stored.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    deployment::Deployment,
    webhook::{now, payment, post, send, signature},
};

const STORED: &str = "select (select count(*) from attribution_events) + (select count(*) from dead_events)";

/// What is wrong, the headers, the body.
type Wrong<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a [u8]);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_the_refusal_is_the_same_and_nothing_is_stored() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    let body = payment("1", 111).to_string().into_bytes();
    let good = signature(&a.secret, &body, now());
    let foreign = signature(&b.secret, &body, now());
    let late = signature(&a.secret, &body, now() - 301);
    // One second more than the bound: the clock may tick between signing and looking.
    let early = signature(&a.secret, &body, now() + 302);
    let mut flipped = body.clone();
    flipped[10] ^= 1;
    let (key, signed) = ("X-Skeldir-Tenant-Key", "Stripe-Signature");
    let wrong: [Wrong<'_>; 10] = [
        ("no tenant key", vec![(signed, &good)], &body),
        (
            "an unknown tenant key",
            vec![(key, "nobody"), (signed, &good)],
            &body,
        ),
        ("no signature", vec![(key, &a.api_key)], &body),
        ("an empty signature", vec![(key, &a.api_key), (signed, "")], &body),
        (
            "a signature without a time",
            vec![(key, &a.api_key), (signed, "v1=00")],
            &body,
        ),
        (
            "another tenant's signature",
            vec![(key, &a.api_key), (signed, &foreign)],
            &body,
        ),
        (
            "another tenant's key",
            vec![(key, &b.api_key), (signed, &good)],
            &body,
        ),
        (
            "a flipped bit in the body",
            vec![(key, &a.api_key), (signed, &good)],
            &flipped,
        ),
        ("301 seconds old", vec![(key, &a.api_key), (signed, &late)], &body),
        (
            "more than 300 seconds ahead",
            vec![(key, &a.api_key), (signed, &early)],
            &body,
        ),
    ];
    let correlation = Uuid::new_v4().to_string();
    let mut answers = Vec::new();
    for (what, mut headers, body) in wrong {
        headers.push(("X-Correlation-ID", &correlation));
        let response = post(&api, &headers, body.to_vec()).await;
        assert_eq!(response.status(), 401, "{what}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{what}"
        );
        let mut problem: Value = response.json().await.expect("a problem document");
        problem["timestamp"].take();
        answers.push(problem);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ: {answers:#?}");
    let problem = &answers[0];
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&"AUTH_UNAUTHORIZED".into(), &401.into())
    );
    assert_eq!(deployment.count(STORED).await, 0);
    assert_eq!(
        post(&api, &[(key, &a.api_key), (signed, &good)], body)
            .await
            .status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn just_inside_the_tolerance_is_accepted_and_so_is_odd_spacing() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (id, offset) in [("early", 299), ("late", -299)] {
        let body = serde_json::to_vec_pretty(&payment(id, 111)).expect("JSON");
        let signed = signature(&tenant.secret, &body, now() + offset);
        let headers = [
            ("X-Skeldir-Tenant-Key", tenant.api_key.as_str()),
            ("Stripe-Signature", &signed),
        ];
        assert_eq!(post(&api, &headers, body).await.status(), 200, "{offset} s");
    }
    assert_eq!(
        deployment.count("select count(*) from attribution_events").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_one_mebibyte_is_refused_before_anything_is_asked() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let (status, problem) = send(&api, &tenant, None, vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &"REQUEST_VALIDATION_FAILED".into())
    );
    assert_eq!(deployment.count(STORED).await, 0);
    let mut largest = payment("largest", 1).to_string().into_bytes();
    largest.resize(1024 * 1024, b' ');
    assert_eq!(send(&api, &tenant, None, largest).await.0, 200);
}
