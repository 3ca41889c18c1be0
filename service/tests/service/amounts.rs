//! What an event says: how much, of what, when, and by which channel. Of every vendor, to the cent.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::Deployment,
    vendors::{KINDS, PAYPAL, SHOPIFY, STRIPE_V1, STRIPE_V2, WOOCOMMERCE},
};

/// What became of it: cents and currency of the event, or why there is none.
async fn fate(deployment: &Deployment, id: &str) -> Result<(i64, String), String> {
    let event =
        sqlx::query_as("select revenue_cents, currency from attribution_events where external_event_id = $1")
            .bind(id)
            .fetch_optional(&deployment.admin)
            .await
            .unwrap();
    match event {
        Some(event) => Ok(event),
        None => Err(
            sqlx::query_scalar("select error_message from dead_events where external_event_id = $1")
                .bind(id)
                .fetch_one(&deployment.admin)
                .await
                .unwrap(),
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decimal_text_is_whole_cents_or_no_event_whatever_the_currency() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in [&SHOPIFY, &PAYPAL, &WOOCOMMERCE] {
        let field = kind.amount.trim_start_matches('/').replace('/', ".");
        for (text, currency, wanted) in [
            ("1.15", "USD", Ok(115)),
            ("0.01", "eur", Ok(1)),
            ("10", "USD", Ok(1_000)),
            ("19.9900", "USD", Ok(1_999)),
            ("9999999999.99", "USD", Ok(999_999_999_999)),
            ("500", "JPY", Ok(50_000)),
            ("1.230", "KWD", Ok(123)),
            ("10.005", "USD", Err("is finer than its currency")),
            ("500.5", "JPY", Err("is finer than its currency")),
            ("1.234", "KWD", Err("is finer than a cent")),
            ("10000000000.00", "USD", Err("is more than a payment may be")),
            ("-0.01", "USD", Err("is negative")),
            ("1e2", "USD", Err("is not decimal text")),
            ("1,000.00", "USD", Err("is not decimal text")),
            ("", "USD", Err("is not decimal text")),
        ] {
            let id = Uuid::new_v4().to_string();
            let mut body = kind.with(&id, kind.amount, text.into());
            *body.pointer_mut(kind.currency).unwrap() = currency.into();
            let (status, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
            assert_eq!(status, 200, "{}: {text} {currency}: {answer}", kind.path);
            let wanted = wanted
                .map(|cents| (cents, currency.to_ascii_uppercase()))
                .map_err(|problem| format!("`{field}` {problem}"));
            assert_eq!(
                fate(&deployment, &id).await,
                wanted,
                "{}: {text} {currency}",
                kind.path
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stripes_units_are_cents_or_no_event_whatever_the_currency() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in [&STRIPE_V1, &STRIPE_V2] {
        let field = kind.amount.trim_start_matches('/').replace('/', ".");
        for (units, currency, wanted) in [
            (json!(115), "usd", Ok(115)),
            (json!(0), "usd", Ok(0)),
            (json!(500), "jpy", Ok(50_000)),
            (json!(5_120), "kwd", Ok(512)),
            (json!(500), "isk", Ok(500)),
            (json!(5_124), "kwd", Err("is finer than a cent")),
            (json!(550), "isk", Err("is finer than its currency")),
            (json!(-1), "usd", Err("is negative")),
            (json!(i64::MAX), "usd", Err("is more than a payment may be")),
            (json!(u64::MAX), "usd", Err("is not a whole number")),
            (json!(115.0), "usd", Err("is not a whole number")),
            (json!("115"), "usd", Err("is not a whole number")),
        ] {
            let id = Uuid::new_v4().to_string();
            let mut body = kind.with(&id, kind.amount, units.clone());
            *body.pointer_mut(kind.currency).unwrap() = currency.into();
            let (status, _) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
            assert_eq!(status, 200, "{}: {units} {currency}", kind.path);
            let wanted = wanted
                .map(|cents| (cents, currency.to_ascii_uppercase()))
                .map_err(|problem| format!("`{field}` {problem}"));
            assert_eq!(
                fate(&deployment, &id).await,
                wanted,
                "{}: {units} {currency}",
                kind.path
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negative_amount_is_a_letter_with_the_amount_in_it_and_no_error_of_ours() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in &KINDS {
        let negative = if kind.vendor == "stripe" {
            json!(-5)
        } else {
            json!("-5")
        };
        let body = kind.with(kind.path.rsplit_once('/').unwrap().1, kind.amount, negative);
        let (status, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
        assert_eq!(
            (status, &answer["error"]),
            (200, &"schema_validation".into()),
            "{}",
            kind.path
        );
    }
    let kept = "select count(*) from dead_events where raw_payload->>'amount' = '-5'";
    assert_eq!(deployment.count(kept).await, 5);
    assert_eq!(
        deployment.count("select count(*) from attribution_events").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_the_vendors_and_the_day_is_utcs() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for (kind, time) in [
        (&SHOPIFY, json!("2026-03-01T19:30:00-05:00")),
        (&STRIPE_V1, json!(1_772_411_400)),
        (&STRIPE_V2, json!(1_772_411_400)),
        (&PAYPAL, json!("2026-03-02T00:30:00.950Z")),
        (&WOOCOMMERCE, json!("2026-03-02T00:30:00")),
    ] {
        let body = kind.with(kind.path, kind.time, time);
        let body = body
            .to_string()
            .replace(&format!("\"{}\"", kind.path), &format!("\"{}\"", Uuid::new_v4()));
        let (_, answer) = kind.send(&api, &tenant, body.as_bytes()).await;
        assert_eq!(answer["status"], "success", "{}", kind.path);
    }
    let moments: Vec<String> = sqlx::query_scalar(
        "select distinct (event_timestamp at time zone 'UTC')::text from attribution_events",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    assert_eq!(moments, ["2026-03-02 00:30:00"]);
    assert_eq!(
        deployment.count("select count(*) from attribution_events").await,
        5
    );
    let days = "select count(*) from attribution_recompute_jobs where window_start = '2026-03-02T00:00:00Z' and requests = 5";
    assert_eq!(deployment.count(days).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_every_vendor_the_source_decides_the_channel_and_nothing_else_is_unknown() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in &KINDS {
        for (source, channel) in [
            ("direct", "direct"),
            ("EMAIL", "email"),
            ("Referral", "referral"),
            ("organic", "organic"),
            ("fb_ads", "facebook_paid"),
            ("facebook_ads", "facebook_paid"),
            ("nobody", "unknown"),
        ] {
            let mut body = (kind.body)(&Uuid::new_v4().to_string(), 100);
            (kind.tag)(&mut body, source);
            let (_, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
            assert_eq!(answer["channel"], channel, "{}: {source}: {answer}", kind.path);
        }
        let bare = (kind.body)(&Uuid::new_v4().to_string(), 100);
        let (_, answer) = kind.send(&api, &tenant, bare.to_string().as_bytes()).await;
        assert_eq!(answer["channel"], "unknown", "{}", kind.path);
    }
    let mut body = (STRIPE_V2.body)("pi_last", 100);
    body["data"]["object"]["metadata"] =
        json!({"vendor": "google_ads", "utm_source": "google", "utm_medium": "cpc"});
    let (_, answer) = STRIPE_V2.send(&api, &tenant, body.to_string().as_bytes()).await;
    assert_eq!(answer["channel"], "google_search_paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_a_list_of_fields_and_the_database_refuses_more() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    for kind in &KINDS {
        let mut body = (kind.body)(kind.path.rsplit_once('/').unwrap().1, 100);
        (kind.tag)(&mut body, "direct");
        body["note"] = "call me".into();
        let (_, answer) = kind.send(&api, &tenant, body.to_string().as_bytes()).await;
        let kept: Value =
            sqlx::query_scalar("select raw_payload from attribution_events where id = $1::uuid")
                .bind(answer["event_id"].as_str())
                .fetch_one(&deployment.admin)
                .await
                .expect(kind.path);
        let mut names: Vec<_> = kept.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "channel",
                "currency",
                "event_timestamp",
                "event_type",
                "external_event_id",
                "idempotency_key",
                "utm_source"
            ],
            "{}",
            kind.path
        );
        assert_eq!(
            (&kept["event_type"], &kept["channel"]),
            (&kind.event_type.into(), &"direct".into())
        );
    }
    for payload in [
        r#"{"email": "x"}"#,
        r#"{"vendor": {"a": 1}}"#,
        r#"{"vendor": ["x"]}"#,
        r#"["vendor"]"#,
    ] {
        let refused = sqlx::query(
            "insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                    event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
             select tenant_id, 'k', vendor, event_type, 'x', channel, event_timestamp, 1, currency, $1::jsonb, correlation_id
               from attribution_events limit 1",
        )
        .bind(payload)
        .execute(&deployment.admin)
        .await
        .expect_err(payload);
        assert_eq!(
            refused.as_database_error().unwrap().code().unwrap(),
            "23514",
            "{payload}"
        );
    }
}
