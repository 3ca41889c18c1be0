//! PayPal: a completed sale. `PayPal-Transmission-Sig` is the MAC of `<PayPal-Transmission-Time>.<body>` in
//! hexadecimal, the time as RFC 3339 writes it. Without the time a capture could be sent again for ever. PayPal's own
//! scheme signs with a certificate that has to be fetched; here the tenant's forwarder signs with the shared secret.

use chrono::DateTime;
use serde_json::Value;
use url::form_urlencoded;

use super::{Kind, Reading, Vendor, fields};
use crate::ingest::{signature::Proof, tags::Tags};

/// `/paypal/sale_completed`: the notification with the sale in `resource`, or the sale itself.
pub(crate) const SALE_COMPLETED: Kind = Kind {
    vendor: Vendor::PayPal,
    event_type: "sale_completed",
    key_name: "paypal_sale_completed",
    takes_client_key: false,
    is_genuine,
    read: |body| match body.get(RESOURCE) {
        Some(_) => read_notification(body),
        None => read_sale(body, ""),
    },
};

/// Where a notification has its sale.
const RESOURCE: &str = "resource";

fn read_notification(body: &Value) -> Reading {
    let field = fields(body, "");
    let sale = read_sale(body, RESOURCE);
    Reading {
        fits: field("event_type")
            .must_be("PAYMENT.SALE.COMPLETED")
            .and(sale.fits),
        notification: field("id").word(),
        ..sale
    }
}

fn read_sale(body: &Value, object: &'static str) -> Reading {
    let field = fields(body, object);
    let currency = field("amount.currency").currency();
    let total = field("amount.total");
    Reading {
        fits: field("state").may_only_be("completed"),
        id: field("id").id(),
        at: field("create_time").rfc3339(),
        cents: currency.and_then(|currency| total.decimal(currency)),
        currency,
        tags: tags(field("custom").value()),
        notification: None,
        status: field("state").word(),
        amount: total.word(),
    }
}

/// The one field a merchant may fill as it likes, written like the query of an address: `utm_source=…&utm_medium=…`.
fn tags(custom: &Value) -> Tags {
    Tags::of(form_urlencoded::parse(
        custom.as_str().unwrap_or_default().as_bytes(),
    ))
}

fn is_genuine(proof: &Proof<'_>) -> bool {
    let time = proof.header("paypal-transmission-time");
    let signed = proof.hex_signs_at(proof.header("paypal-transmission-sig"), time);
    let moment = DateTime::parse_from_rfc3339(time).ok();
    signed & proof.is_fresh(moment.map(|moment| moment.timestamp()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::signature::testing::{NOW, SECRET, believed, hex};

    const SIGNATURE: &str = "paypal-transmission-sig";
    const TIME: &str = "paypal-transmission-time";
    const BODY: &[u8] = br#"{"id":"1"}"#;

    fn at(offset: i64) -> String {
        let moment = DateTime::from_timestamp(NOW + offset, 0).expect("a moment");
        moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    fn signed(time: &str) -> String {
        hex(&[time.as_bytes(), b".", BODY])
    }

    #[test]
    fn three_hundred_seconds_either_way_are_accepted_and_not_one_more() {
        for (offset, accepted) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            let time = at(offset);
            let headers = [(TIME, time.as_str()), (SIGNATURE, &signed(&time))];
            assert_eq!(
                believed(is_genuine, &headers, BODY, SECRET),
                accepted,
                "{offset} s"
            );
        }
    }

    #[test]
    fn the_time_is_signed_too_and_must_be_one() {
        let (now, later) = (at(0), at(1));
        let bare = hex(&[BODY]);
        let seconds = NOW.to_string();
        for (what, headers) in [
            (
                "another time",
                vec![(TIME, later.as_str()), (SIGNATURE, &signed(&now))],
            ),
            ("a body signed alone", vec![(TIME, &now), (SIGNATURE, &bare)]),
            ("no time", vec![(SIGNATURE, &signed(""))]),
            ("seconds", vec![(TIME, &seconds), (SIGNATURE, &signed(&seconds))]),
            (
                "two times",
                vec![(TIME, &now), (TIME, &now), (SIGNATURE, &signed(&now))],
            ),
            ("no signature", vec![(TIME, &now)]),
        ] {
            assert!(!believed(is_genuine, &headers, BODY, SECRET), "{what}");
        }
    }

    #[test]
    fn the_notification_and_the_sale_itself_tell_of_the_same_payment() {
        let sale = json!({"id": "80021663DE681814L", "state": "completed", "create_time": "2026-11-21T10:00:00Z",
                          "amount": {"total": "21.00", "currency": "USD"}, "custom": "utm_source=referral"});
        let notification = json!({"id": "WH-1", "event_type": "PAYMENT.SALE.COMPLETED", "resource": sale});
        let read = SALE_COMPLETED.read;
        let (one, other) = (read(&notification), read(&sale));
        assert!(one.fits.is_ok() && other.fits.is_ok());
        assert_eq!(
            (&one.id, &one.cents, &one.at),
            (&other.id, &other.cents, &other.at)
        );
        assert_eq!(
            (one.id.as_deref(), one.cents),
            (Ok("80021663DE681814L"), Ok(2_100))
        );
        assert_eq!(one.tags.source.as_deref(), Some("referral"));
        assert_eq!(one.notification.as_deref(), Some("WH-1"));
    }
}
