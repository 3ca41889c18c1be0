//! Webhooks as Stripe would send them, and as nobody should.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::deployment::{Service, Tenant};

/// The route.
pub(crate) const PATH: &str = "/api/webhooks/stripe/payment_intent/succeeded";

/// The body of a payment.
pub(crate) fn payment(id: &str, cents: i64) -> Value {
    json!({
        "id": format!("evt_{id}"), "type": "payment_intent.succeeded", "created": now(),
        "data": {"object": {"id": format!("pi_{id}"), "amount": cents, "currency": "usd", "status": "succeeded",
                            "receipt_email": null}}
    })
}

/// Now, in whole seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

/// `Stripe-Signature` for these bytes at this time.
pub(crate) fn signature(secret: &str, body: &[u8], timestamp: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    format!("t={timestamp},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends bytes with headers.
pub(crate) async fn post(api: &Service, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
    let mut request = reqwest::Client::new().post(api.url(PATH)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("the api answers")
}

/// Sends a body as the tenant's vendor would, with an idempotency key when there is one. Returns status and answer.
pub(crate) async fn send(
    api: &Service,
    tenant: &Tenant,
    key: Option<&str>,
    body: impl Into<Vec<u8>>,
) -> (u16, Value) {
    let body = body.into();
    let signature = signature(&tenant.secret, &body, now());
    let mut headers = vec![
        ("X-Skeldir-Tenant-Key", tenant.api_key.as_str()),
        ("Stripe-Signature", &signature),
    ];
    headers.extend(key.map(|key| ("X-Idempotency-Key", key)));
    let response = post(api, &headers, body).await;
    (
        response.status().as_u16(),
        response.json().await.expect("every answer is JSON"),
    )
}
