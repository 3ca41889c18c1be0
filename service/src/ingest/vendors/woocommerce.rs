//! WooCommerce: a completed order. `X-WC-Webhook-Signature` is the MAC of the body in base64; as with Shopify, the
//! scheme knows no time, and the order's own id keeps a repetition from counting twice.

use serde_json::Value;

use super::{Kind, Reading, Vendor, fields};
use crate::ingest::{field::Field, tags::Tags};

/// What stands before the name of a tag in an order's metadata.
const ATTRIBUTION: &str = "_wc_order_attribution_";

/// `/woocommerce/order_completed`.
pub(crate) const ORDER_COMPLETED: Kind = Kind {
    vendor: Vendor::WooCommerce,
    event_type: "order_completed",
    key_name: "woocommerce_order_completed",
    takes_client_key: false,
    is_genuine: |proof| proof.base64_signs_body("x-wc-webhook-signature"),
    read,
};

fn read(body: &Value) -> Reading {
    let field = fields(body, "");
    let currency = field("currency").currency();
    let total = field("total");
    Reading {
        fits: field("status").may_only_be("completed"),
        id: field("id").id(),
        // The shop's own clock says nothing without its offset, so it is taken only with one.
        at: match field("date_completed_gmt") {
            gmt if gmt.value().is_null() => field("date_completed").rfc3339(),
            gmt => gmt.utc(),
        },
        cents: currency.and_then(|currency| total.decimal(currency)),
        currency,
        tags: tags(field("meta_data")),
        notification: None,
        status: field("status").word(),
        amount: total.word(),
    }
}

fn tags(metadata: Field<'_>) -> Tags {
    let entries = metadata.value().as_array().into_iter().flatten();
    Tags::of(entries.filter_map(|entry| {
        let name = entry["key"].as_str()?.strip_prefix(ATTRIBUTION)?;
        Some((name, entry["value"].as_str()?))
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::signature::testing::{SECRET, base64, believed};

    #[test]
    fn an_order_is_read_to_the_cent_with_its_customers_way_in() {
        let reading = read(&json!({
            "id": 727, "status": "completed", "date_completed": "2026-11-21T05:00:00",
            "date_completed_gmt": "2026-11-21T10:00:00", "total": "29.35", "currency": "EUR",
            "meta_data": [{"id": 1, "key": "_other", "value": {"a": 1}},
                          {"id": 2, "key": "_wc_order_attribution_utm_source", "value": "organic"}]
        }));
        assert!(reading.fits.is_ok());
        assert_eq!(reading.id.as_deref(), Ok("727"));
        assert_eq!(reading.cents, Ok(2_935));
        assert_eq!(
            reading.at.map(|at| at.to_rfc3339()),
            Ok("2026-11-21T10:00:00+00:00".to_owned())
        );
        assert_eq!(reading.tags.source.as_deref(), Some("organic"));
    }

    #[test]
    fn a_shops_own_clock_counts_only_with_its_offset() {
        assert!(
            read(&json!({"date_completed": "2026-11-21T05:00:00-05:00"}))
                .at
                .is_ok()
        );
        assert!(
            read(&json!({"date_completed": "2026-11-21T05:00:00"}))
                .at
                .is_err()
        );
    }

    #[test]
    fn only_its_own_header_is_looked_at() {
        let body = br#"{"id":1}"#;
        let good = base64(body);
        for (header, believable) in [("x-wc-webhook-signature", true), ("x-shopify-hmac-sha256", false)] {
            let headers = [(header, good.as_str())];
            assert_eq!(
                believed(ORDER_COMPLETED.is_genuine, &headers, body, SECRET),
                believable,
                "{header}"
            );
        }
    }
}
