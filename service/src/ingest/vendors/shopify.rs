//! Shopify: `orders/create`. `X-Shopify-Hmac-Sha256` is the MAC of the body in base64; the scheme knows no time, so a
//! capture can be sent again for ever, and what keeps it from counting twice is the order's own id.

use serde_json::Value;
use url::form_urlencoded;

use super::{Kind, Reading, Vendor, fields};
use crate::ingest::tags::Tags;

/// `/shopify/order_create`.
pub(crate) const ORDER_CREATE: Kind = Kind {
    vendor: Vendor::Shopify,
    event_type: "order_create",
    key_name: "shopify_order_create",
    takes_client_key: false,
    is_genuine: |proof| proof.base64_signs_body("x-shopify-hmac-sha256"),
    read,
};

fn read(body: &Value) -> Reading {
    let field = fields(body, "");
    let currency = field("currency").currency();
    let total = field("total_price");
    // Where the customer first came in: a path, with what the advertisement added to it.
    let landing = field("landing_site").value().as_str().unwrap_or_default();
    let query = landing.split_once('?').map_or("", |(_, query)| query);
    Reading {
        fits: field("cancelled_at").must_be_null(),
        id: field("id").id(),
        at: field("created_at").rfc3339(),
        cents: currency.and_then(|currency| total.decimal(currency)),
        currency,
        tags: Tags::of(form_urlencoded::parse(query.as_bytes())),
        notification: None,
        status: field("financial_status").word(),
        amount: total.word(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::signature::testing::{SECRET, base64, believed};

    #[test]
    fn an_order_is_read_to_the_cent_with_its_customers_way_in() {
        let reading = read(&json!({
            "id": 820_982_911_946_154_508_u64, "created_at": "2026-11-21T05:00:00-05:00", "total_price": "199.65",
            "currency": "USD", "landing_site": "/shoes?utm_source=google&utm_medium=cpc&utm_campaign=autumn"
        }));
        assert_eq!(reading.id.as_deref(), Ok("820982911946154508"));
        assert_eq!(reading.cents, Ok(19_965));
        assert_eq!(
            reading.at.map(|at| at.to_rfc3339()),
            Ok("2026-11-21T10:00:00+00:00".to_owned())
        );
        assert_eq!(reading.tags.source.as_deref(), Some("google"));
        assert_eq!(reading.tags.campaign.as_deref(), Some("autumn"));
    }

    #[test]
    fn only_the_mac_of_the_body_under_the_secret_is_believed() {
        let header = "x-shopify-hmac-sha256";
        let body = br#"{"id":1}"#;
        let good = base64(body);
        let is_genuine = ORDER_CREATE.is_genuine;
        // Made with: printf '{"id":1}' | openssl dgst -sha256 -hmac whsec -binary | base64
        assert_eq!(good, "zC8fc2J1qFdixyP4o8Kfvsu3wUJ60d2+FFia1JA2pik=");
        assert!(believed(is_genuine, &[(header, &good)], body, SECRET));
        for (what, headers, body, secret) in [
            (
                "another body",
                vec![(header, good.as_str())],
                &br#"{"id":2}"#[..],
                SECRET,
            ),
            ("another secret", vec![(header, &good)], body, "whsed"),
            ("no header", vec![], body, SECRET),
            ("twice", vec![(header, &good), (header, &good)], body, SECRET),
            (
                "without padding",
                vec![(header, good.trim_end_matches('='))],
                body,
                SECRET,
            ),
            (
                "under another's name",
                vec![("x-wc-webhook-signature", &good)],
                body,
                SECRET,
            ),
        ] {
            assert!(!believed(is_genuine, &headers, body, secret), "{what}");
        }
    }
}
