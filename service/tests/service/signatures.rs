//! Who is believed, of every vendor: one refusal whatever was wrong, and nothing stored anywhere.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

use crate::{
    deployment::{BOX_KEY, Deployment, Service, Tenant},
    vendors::{Headers, KINDS, Kind},
    webhook::now,
};

const STORED: &str = "select (select count(*) from attribution_events) + (select count(*) from dead_events)
                           + (select count(*) from tasks) + (select count(*) from attribution_recompute_jobs)";

/// The same headers, but for one.
fn but(headers: &Headers, name: &'static str, value: Option<&str>) -> Headers {
    let others = headers.iter().filter(|(other, _)| *other != name).cloned();
    others
        .chain(value.map(|value| (name, value.to_owned())))
        .collect()
}

/// The same headers, and one of them once more.
fn again(headers: &Headers, name: &'static str) -> Headers {
    let repeated = headers.iter().filter(|(other, _)| *other == name).cloned();
    headers.iter().cloned().chain(repeated).collect()
}

/// Every way in which a request of this kind can be one that nobody should believe, and the bytes it comes with.
fn unbelievable(kind: &Kind, a: &Tenant, b: &Tenant, body: &[u8]) -> Vec<(&'static str, Headers, Vec<u8>)> {
    let good = kind.headers(a, body);
    let signed_with = |secret: &str, at: i64| {
        let rest = good
            .iter()
            .filter(|(name, _)| ["x-skeldir-tenant-key", "content-type"].contains(name));
        (kind.sign)(secret, body, at)
            .into_iter()
            .chain(rest.cloned())
            .collect::<Headers>()
    };
    let signature = (kind.sign)("", b"", 0).last().expect("a signature").0;
    let mut wrong = vec![
        ("no tenant key", but(&good, "x-skeldir-tenant-key", None)),
        (
            "an empty tenant key",
            but(&good, "x-skeldir-tenant-key", Some("")),
        ),
        (
            "an unknown tenant key",
            but(&good, "x-skeldir-tenant-key", Some("nobody")),
        ),
        (
            "another tenant's key",
            but(&good, "x-skeldir-tenant-key", Some(&b.api_key)),
        ),
        ("two tenant keys", again(&good, "x-skeldir-tenant-key")),
        ("no signature", but(&good, signature, None)),
        ("an empty signature", but(&good, signature, Some(""))),
        (
            "a signature that is none",
            but(&good, signature, Some("t=1,v1=zz, !")),
        ),
        ("two signatures", again(&good, signature)),
        (
            "another tenant's signature",
            signed_with(&b.secret_of(kind.vendor), now()),
        ),
        ("an empty secret's signature", signed_with("", now())),
    ];
    for other in KINDS.iter().filter(|other| other.vendor != kind.vendor) {
        wrong.push((
            "another vendor's secret",
            signed_with(&a.secret_of(other.vendor), now()),
        ));
        wrong.push(("another vendor's signature", other.headers(a, body)));
    }
    if kind.is_timed {
        let secret = a.secret_of(kind.vendor);
        wrong.push(("301 seconds old", signed_with(&secret, now() - 301)));
        // One second more than the bound: the clock may tick between signing and looking.
        wrong.push(("more than 300 seconds ahead", signed_with(&secret, now() + 302)));
    }
    let mut flipped = body.to_vec();
    flipped[10] ^= 1;
    let spaced = [body, b" "].concat();
    wrong
        .into_iter()
        .map(|(what, headers)| (what, headers, body.to_vec()))
        .chain([
            ("a flipped bit in the body", good.clone(), flipped),
            ("a blank after the body", good.clone(), spaced),
        ])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_no_vendor_is_anything_believed_that_it_did_not_sign_and_every_refusal_is_the_same() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    let correlation = Uuid::new_v4().to_string();
    let mut answers = Vec::new();
    for kind in &KINDS {
        let body = (kind.body)("1", 111).to_string().into_bytes();
        for (what, mut headers, body) in unbelievable(kind, &a, &b, &body) {
            headers.push(("x-correlation-id", correlation.clone()));
            let response = kind.post(&api, &headers, &body).await;
            assert_eq!(response.status(), 401, "{}: {what}", kind.path);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers()["x-correlation-id"], correlation.as_str());
            let mut problem: Value = response.json().await.expect("a problem document");
            problem["timestamp"].take();
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ: {answers:#?}");
    let problem = &answers[0];
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&"AUTH_UNAUTHORIZED".into(), &401.into())
    );
    assert_eq!(deployment.count(STORED).await, 0);
    for kind in &KINDS {
        let body = (kind.body)(kind.key_name, 111).to_string();
        assert_eq!(kind.send(&api, &a, body.as_bytes()).await.0, 200, "{}", kind.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_secret_and_an_empty_key_are_nobodys() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    sqlx::query("select seed_tenant($1, $2, '', '', '', '', $3)")
        .bind(tenant.id)
        .bind(&tenant.api_key)
        .bind(BOX_KEY)
        .execute(&deployment.pool("migration_owner", "owner"))
        .await
        .unwrap();
    sqlx::query("select seed_tenant($1, '', 'a', 'b', 'c', 'd', $2)")
        .bind(Uuid::new_v4())
        .bind(BOX_KEY)
        .execute(&deployment.pool("migration_owner", "owner"))
        .await
        .unwrap();
    for (kind, secret) in KINDS.iter().zip(["a", "b", "b", "c", "d"]) {
        let body = (kind.body)("1", 111).to_string().into_bytes();
        for key in [vec![], vec![("x-skeldir-tenant-key", String::new())]] {
            let headers = [key, (kind.sign)(secret, &body, now())].concat();
            assert_eq!(
                kind.post(&api, &headers, &body).await.status(),
                401,
                "{}",
                kind.path
            );
        }
        let mut headers = kind.headers(&tenant, &body);
        headers.retain(|(name, _)| name.starts_with("x-skeldir"));
        headers.extend((kind.sign)("", &body, now()));
        assert_eq!(
            kind.post(&api, &headers, &body).await.status(),
            401,
            "{}",
            kind.path
        );
    }
    assert_eq!(deployment.count(STORED).await, 0);
}

/// Sends what was signed at `offset` seconds from now, until signing, looking and answering fell into one second of the
/// clock: then the offset was exact.
async fn status_at(kind: &Kind, api: &Service, tenant: &Tenant, body: &[u8], offset: i64) -> u16 {
    for _ in 0..50 {
        let began = now();
        let mut headers = kind.headers(tenant, body);
        let signed = (kind.sign)(&tenant.secret_of(kind.vendor), body, began + offset);
        headers.retain(|(name, _)| signed.iter().all(|(other, _)| other != name));
        headers.extend(signed);
        let status = kind.post(api, &headers, body).await.status().as_u16();
        if now() == began {
            return status;
        }
    }
    panic!("fifty requests in a row took a second each");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_seconds_are_accepted_and_one_more_is_refused_on_both_sides() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in KINDS.iter().filter(|kind| kind.is_timed) {
        for (offset, status) in [(-301, 401), (-300, 200), (300, 200), (301, 401)] {
            let body = (kind.body)(&format!("{offset}"), 111).to_string();
            let seen = status_at(kind, &api, &tenant, body.as_bytes(), offset).await;
            assert_eq!(seen, status, "{}: {offset} s", kind.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_stripe_signatures_is_enough() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in KINDS.iter().filter(|kind| kind.vendor == "stripe") {
        let body = (kind.body)("1", 111).to_string().into_bytes();
        let mut headers = kind.headers(&tenant, &body);
        let (_, signature) = headers
            .iter_mut()
            .find(|(name, _)| *name == "stripe-signature")
            .unwrap();
        *signature = signature.replace(",v1=", &format!(",v1={},v0=00,v1=", "00".repeat(32)));
        assert_eq!(
            kind.post(&api, &headers, &body).await.status(),
            200,
            "{}",
            kind.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_one_mebibyte_is_refused_whoever_signed_it() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in &KINDS {
        let (status, problem) = kind.send(&api, &tenant, &vec![b' '; 1024 * 1024 + 1]).await;
        assert_eq!(
            (status, &problem["detail"]),
            (413, &"the body is larger than 1 MiB".into())
        );
        // Unannounced, so that only reading it tells: four chunks of a quarter and a byte.
        let chunk = format!("40001\r\n{}\r\n", " ".repeat(0x40001));
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            kind.path,
            chunk.repeat(4)
        );
        let answer = raw(&api, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{}: {answer}", kind.path);
        let mut largest = (kind.body)("1", 1).to_string().into_bytes();
        largest.resize(1024 * 1024, b' ');
        assert_eq!(kind.send(&api, &tenant, &largest).await.0, 200, "{}", kind.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_length_that_is_none_or_not_kept_is_a_bad_request() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    for (length, body) in [
        ("Content-Length: ten", ""),
        ("Content-Length: -1", ""),
        ("Content-Length: 1\r\nContent-Length: 2", "{}"),
        ("Content-Length: 99999999999999999999999", ""),
        ("Content-Length: 10", "{}"),
    ] {
        for kind in &KINDS {
            let request = format!("POST {} HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{body}", kind.path);
            let answer = raw(&api, request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{length}: {answer}");
        }
    }
    assert_eq!(deployment.count(STORED).await, 0);
}

/// Sends bytes, ends its half of the connection, and reads the other half.
async fn raw(api: &Service, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(&api.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(30), read)
        .await
        .expect("the connection ends")
        .unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_posted_to_a_route_there_is_and_nothing_else_is_done_with_it() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    let client = reqwest::Client::new();
    for kind in &KINDS {
        let got = client.get(api.url(kind.path)).send().await.unwrap();
        let lost = client
            .post(api.url(&format!("{}/", kind.path)))
            .send()
            .await
            .unwrap();
        for (response, status) in [(got, 405), (lost, 404)] {
            assert_eq!(response.status(), status, "{}", kind.path);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
    }
}
