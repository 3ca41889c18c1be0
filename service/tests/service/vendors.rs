//! Every kind of webhook, as its vendor would send it: one row each, so that a rule is shown for all of them at once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    deployment::{Service, Tenant},
    webhook::now,
};

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// One kind of webhook.
pub(crate) struct Kind {
    pub(crate) vendor: &'static str,
    pub(crate) path: &'static str,
    /// The type its events bear.
    pub(crate) event_type: &'static str,
    /// What its idempotency keys are made of, before the id.
    pub(crate) key_name: &'static str,
    /// A whole, clean body of a payment in US dollars.
    pub(crate) body: fn(id: &str, cents: i64) -> Value,
    /// Where the body says which payment, how much, of which currency, and when.
    pub(crate) id: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) time: &'static str,
    /// Says that the customer came from this source.
    pub(crate) tag: fn(&mut Value, source: &str),
    /// The vendor's signature of these bytes at this time.
    pub(crate) sign: fn(secret: &str, body: &[u8], at: i64) -> Headers,
    /// Whether that time is part of the signature.
    pub(crate) is_timed: bool,
}

/// All of them.
pub(crate) const KINDS: [Kind; 5] = [SHOPIFY, STRIPE_V1, STRIPE_V2, PAYPAL, WOOCOMMERCE];

pub(crate) const SHOPIFY: Kind = Kind {
    vendor: "shopify",
    path: "/api/webhooks/shopify/order_create",
    event_type: "order_create",
    key_name: "shopify_order_create",
    body: |id, cents| {
        json!({"id": id, "created_at": rfc3339(now()), "total_price": money(cents), "currency": "USD",
               "financial_status": "paid", "email": null, "customer": null, "landing_site": "/"})
    },
    id: "/id",
    amount: "/total_price",
    currency: "/currency",
    time: "/created_at",
    tag: |body, source| body["landing_site"] = format!("/shoes?utm_source={source}").into(),
    sign: |secret, body, _| vec![("x-shopify-hmac-sha256", base64_mac(secret, body))],
    is_timed: false,
};

pub(crate) const STRIPE_V1: Kind = Kind {
    path: "/api/webhooks/stripe/payment_intent_succeeded",
    body: |id, cents| {
        json!({"id": id, "object": "payment_intent", "amount": cents, "currency": "usd", "created": now(),
               "status": "succeeded", "receipt_email": null, "metadata": {}})
    },
    id: "/id",
    amount: "/amount",
    currency: "/currency",
    time: "/created",
    tag: |body, source| body["metadata"]["utm_source"] = source.into(),
    ..STRIPE_V2
};

pub(crate) const STRIPE_V2: Kind = Kind {
    vendor: "stripe",
    path: "/api/webhooks/stripe/payment_intent/succeeded",
    event_type: "payment_intent.succeeded",
    key_name: "stripe_payment_intent_succeeded",
    body: |id, cents| {
        json!({"id": format!("evt_{id}"), "type": "payment_intent.succeeded", "created": now(),
               "data": {"object": (STRIPE_V1.body)(id, cents)}})
    },
    id: "/data/object/id",
    amount: "/data/object/amount",
    currency: "/data/object/currency",
    time: "/created",
    tag: |body, source| body["data"]["object"]["metadata"]["utm_source"] = source.into(),
    sign: |secret, body, at| {
        vec![(
            "stripe-signature",
            format!("t={at},v1={}", hex::encode(mac(secret, &format!("{at}."), body))),
        )]
    },
    is_timed: true,
};

pub(crate) const PAYPAL: Kind = Kind {
    vendor: "paypal",
    path: "/api/webhooks/paypal/sale_completed",
    event_type: "sale_completed",
    key_name: "paypal_sale_completed",
    body: |id, cents| {
        json!({"id": format!("WH-{id}"), "event_type": "PAYMENT.SALE.COMPLETED", "create_time": rfc3339(now()),
               "resource": {"id": id, "state": "completed", "create_time": rfc3339(now()), "custom": "",
                            "amount": {"total": money(cents), "currency": "USD"}}})
    },
    id: "/resource/id",
    amount: "/resource/amount/total",
    currency: "/resource/amount/currency",
    time: "/resource/create_time",
    tag: |body, source| body["resource"]["custom"] = format!("utm_source={source}").into(),
    sign: |secret, body, at| {
        let time = rfc3339(at);
        let signature = hex::encode(mac(secret, &format!("{time}."), body));
        vec![
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", signature),
        ]
    },
    is_timed: true,
};

pub(crate) const WOOCOMMERCE: Kind = Kind {
    vendor: "woocommerce",
    path: "/api/webhooks/woocommerce/order_completed",
    event_type: "order_completed",
    key_name: "woocommerce_order_completed",
    body: |id, cents| {
        json!({"id": id, "status": "completed", "date_completed_gmt": rfc3339(now()).trim_end_matches('Z'),
               "total": money(cents), "currency": "USD", "meta_data": []})
    },
    id: "/id",
    amount: "/total",
    currency: "/currency",
    time: "/date_completed_gmt",
    tag: |body, source| {
        body["meta_data"] = json!([{"id": 1, "key": "_wc_order_attribution_utm_source", "value": source}]);
    },
    sign: |secret, body, _| vec![("x-wc-webhook-signature", base64_mac(secret, body))],
    is_timed: false,
};

impl Kind {
    /// The body of a payment with something else at a place.
    pub(crate) fn with(&self, id: &str, place: &str, value: Value) -> Value {
        let mut body = (self.body)(id, 100);
        *body.pointer_mut(place).expect("the place is there") = value;
        body
    }

    /// Everything that makes the vendor's request: whose it is, what it is, and the signature.
    pub(crate) fn headers(&self, tenant: &Tenant, body: &[u8]) -> Headers {
        let mut headers = (self.sign)(&tenant.secret_of(self.vendor), body, now());
        headers.push(("x-skeldir-tenant-key", tenant.api_key.clone()));
        headers.push(("content-type", "application/json".to_owned()));
        headers
    }

    /// Sends bytes with headers.
    pub(crate) async fn post(&self, api: &Service, headers: &Headers, body: &[u8]) -> Response {
        self.try_post(api, headers, body).await.expect("the api answers")
    }

    /// Sends bytes with headers to an api that may be gone.
    pub(crate) async fn try_post(
        &self,
        api: &Service,
        headers: &Headers,
        body: &[u8],
    ) -> Result<Response, reqwest::Error> {
        let mut request = reqwest::Client::new()
            .post(api.url(self.path))
            .body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await
    }

    /// Sends a body as the vendor would. Returns status and answer.
    pub(crate) async fn send(&self, api: &Service, tenant: &Tenant, body: &[u8]) -> (u16, Value) {
        told(self.post(api, &self.headers(tenant, body), body).await).await
    }
}

/// Status and answer.
pub(crate) async fn told(response: Response) -> (u16, Value) {
    (
        response.status().as_u16(),
        response.json().await.expect("every answer is JSON"),
    )
}

fn mac(secret: &str, before: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(before.as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn base64_mac(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(mac(secret, "", body))
}

fn rfc3339(seconds: i64) -> String {
    let moment = DateTime::from_timestamp(seconds, 0).expect("a moment");
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
