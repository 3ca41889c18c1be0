//! Stripe's `payment_intent.succeeded`: the shape it must have, and what of it is kept.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::channel;

/// The one event type of this route. Any other on it would count money that was not paid.
pub(crate) const EVENT_TYPE: &str = "payment_intent.succeeded";

/// The most that one payment may be, in cents: far above what Stripe takes, far below where sums overflow.
const MOST_CENTS: i64 = 999_999_999_999;

/// A payment, read from a body that has the right shape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    /// The payment's own id.
    pub(crate) id: String,
    /// When it happened, by Stripe's clock.
    pub(crate) created: DateTime<Utc>,
    /// How much, in the currency's smallest unit.
    pub(crate) cents: i64,
    /// Three letters, in capitals.
    pub(crate) currency: String,
    /// Where its customer came from.
    pub(crate) channel: &'static str,
    /// The campaign its metadata names.
    pub(crate) campaign: Option<String>,
}

impl Payment {
    /// Reads a body. The error names the field that is wrong, and never its value.
    pub(crate) fn read(body: &Value) -> Result<Self, &'static str> {
        let object = &body["data"]["object"];
        let metadata = &object["metadata"];
        if body["type"] != EVENT_TYPE {
            return Err("`type` is not this route's");
        }
        if !matches!(object["status"].as_str(), None | Some("succeeded")) {
            return Err("`data.object.status` is not `succeeded`");
        }
        Ok(Self {
            id: word(&object["id"]).ok_or("`data.object.id` is not an id")?,
            created: moment(&body["created"]).ok_or("`created` is not a time in whole seconds")?,
            cents: cents(&object["amount"]).ok_or("`data.object.amount` is not whole cents")?,
            currency: currency(&object["currency"]).ok_or("`data.object.currency` is not three letters")?,
            channel: channel::of(
                metadata["vendor"].as_str(),
                metadata["utm_source"].as_str(),
                metadata["utm_medium"].as_str(),
            ),
            campaign: word(&metadata["campaign_id"]),
        })
    }
}

/// The payment's id, also in a body that is wrong elsewhere.
pub(crate) fn payment_id(body: &Value) -> Option<String> {
    word(&body["data"]["object"]["id"])
}

/// The fields of a body that may be kept whatever else is in it: words and numbers from an allowlist. A value that is
/// not a plain word (an address, a sentence) is dropped even under a harmless key.
pub(crate) fn keepable(body: &Value) -> Map<String, Value> {
    let object = &body["data"]["object"];
    let metadata = &object["metadata"];
    let words = [
        ("vendor_event_id", &body["id"]),
        ("event_type", &body["type"]),
        ("external_event_id", &object["id"]),
        ("currency", &object["currency"]),
        ("status", &object["status"]),
        ("vendor", &metadata["vendor"]),
        ("utm_source", &metadata["utm_source"]),
        ("utm_medium", &metadata["utm_medium"]),
        ("campaign_id", &metadata["campaign_id"]),
    ];
    let numbers = [
        ("event_timestamp", &body["created"]),
        ("amount_cents", &object["amount"]),
    ];
    let words = words
        .into_iter()
        .filter_map(|(key, value)| Some((key, word(value)?.into())));
    let numbers = numbers
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_i64()?.into())));
    words
        .chain(numbers)
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// A short text of letters, digits and joints: an id, a code. It cannot hold an e-mail address or a person's full name.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    (plain && (1..=100).contains(&text.len())).then(|| text.to_owned())
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    // Up to the year 9999, where the other readers of this database end.
    let seconds = value
        .as_i64()
        .filter(|seconds| (0..=253_402_300_799).contains(seconds))?;
    DateTime::from_timestamp(seconds, 0)
}

fn cents(value: &Value) -> Option<i64> {
    // `1.0` and `1e3` are floating point numbers to the reader, and are refused here with every other one.
    value.as_i64().filter(|cents| (0..=MOST_CENTS).contains(cents))
}

fn currency(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let letters = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn body() -> Value {
        json!({
            "id": "evt_1", "type": EVENT_TYPE, "created": 1_800_000_000,
            "data": {"object": {"id": "pi_1", "amount": 111, "currency": "usd", "status": "succeeded", "receipt_email": null}}
        })
    }

    #[test]
    fn a_whole_body_is_read_to_the_cent() {
        let payment = Payment::read(&body()).expect("it is whole");
        assert_eq!(
            (payment.id.as_str(), payment.cents, payment.currency.as_str()),
            ("pi_1", 111, "USD")
        );
        assert_eq!(payment.created.timestamp(), 1_800_000_000);
        assert_eq!(payment.channel, channel::UNKNOWN);
    }

    #[test]
    fn whatever_is_wrong_is_named_and_refused() {
        for (pointer, value) in [
            ("/type", json!("payment_intent.payment_failed")),
            ("/created", json!("not_an_int")),
            ("/created", json!(-1)),
            ("/data/object/id", json!(null)),
            ("/data/object/id", json!("a b")),
            ("/data/object/amount", json!(null)),
            ("/data/object/amount", json!(1.0)),
            ("/data/object/amount", json!("111")),
            ("/data/object/amount", json!(-1)),
            ("/data/object/amount", json!(1_000_000_000_000_i64)),
            ("/data/object/currency", json!("dollars")),
            ("/data/object/status", json!("requires_action")),
        ] {
            let mut body = body();
            *body.pointer_mut(pointer).expect("the field is there") = value;
            let error = Payment::read(&body).expect_err(pointer);
            let field = pointer.trim_start_matches('/').replace('/', ".");
            assert!(error.contains(&format!("`{field}`")), "{pointer}: {error}");
        }
        for shape in [
            json!(null),
            json!([]),
            json!("text"),
            json!(3),
            json!({"data": [1]}),
        ] {
            assert!(Payment::read(&shape).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_sentence_and_no_address_is_kept(text in "[a-z]{1,9}[ @:/,][a-z]{1,9}") {
            let mut body = body();
            for pointer in ["/id", "/type", "/data/object/id", "/data/object/currency", "/data/object/status"] {
                *body.pointer_mut(pointer).expect("the field is there") = json!(text);
            }
            let kept = Value::Object(keepable(&body)).to_string();
            prop_assert!(!kept.contains(&text));
        }
    }
}
