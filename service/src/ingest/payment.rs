//! What becomes of a body: a payment, with the fields an event keeps of it, or a dead letter, with the fields that
//! keeps. Both are allowlists, and every value in them is a number, a moment or a plain word.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    channel::Channels,
    field::Fault,
    money::Currency,
    vendors::{Kind, Reading},
};

/// A payment: a body that was whole.
pub(crate) struct Payment {
    /// The payment's own id.
    pub(crate) id: String,
    /// When it happened, by the vendor's clock.
    pub(crate) at: DateTime<Utc>,
    /// How much, in cents.
    pub(crate) cents: i64,
    /// Of which currency.
    pub(crate) currency: Currency,
    /// Where its customer came from.
    pub(crate) channel: String,
    /// The campaign its tags name.
    pub(crate) campaign: Option<String>,
    /// What is kept of the body.
    pub(crate) kept: Map<String, Value>,
}

impl Payment {
    /// A payment, if all of it could be read. The error is the first field that could not.
    pub(crate) fn of(kind: &Kind, reading: &Reading, channels: &Channels) -> Result<Self, Fault> {
        reading.fits?;
        let id = reading.id.clone()?;
        let (at, currency, cents) = (reading.at?, reading.currency?, reading.cents?);
        let channel = channels.of(kind.vendor, &reading.tags).to_owned();
        let mut kept = common(reading);
        kept.insert("event_type".to_owned(), json!(kind.event_type));
        kept.insert("channel".to_owned(), json!(channel));
        Ok(Self {
            id,
            at,
            cents,
            currency,
            channel,
            campaign: reading.tags.campaign.clone(),
            kept,
        })
    }
}

/// What a dead letter keeps of a body: its digest and its length, and if it was read at all, what could be read of it.
pub(crate) fn remains(kind: &Kind, reading: Option<&Reading>, body: &[u8]) -> Map<String, Value> {
    let mut kept = reading.map(common).unwrap_or_default();
    if let Some(reading) = reading {
        let cents = reading.cents.ok().map(|cents| json!(cents));
        keep(&mut kept, "amount_cents", cents);
        keep(&mut kept, "amount", reading.amount.clone().map(Value::from));
        keep(&mut kept, "status", reading.status.clone().map(Value::from));
        keep(
            &mut kept,
            "notification_id",
            reading.notification.clone().map(Value::from),
        );
    }
    kept.insert("event_type".to_owned(), json!(kind.event_type));
    kept.insert("body_sha256".to_owned(), json!(hex::encode(Sha256::digest(body))));
    kept.insert("body_bytes".to_owned(), json!(body.len()));
    kept
}

/// What both keep.
fn common(reading: &Reading) -> Map<String, Value> {
    let Reading {
        id,
        at,
        currency,
        tags,
        ..
    } = reading;
    let at = at.ok().map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let currency = currency.ok().map(|currency| currency.code().to_owned());
    let mut kept = Map::new();
    for (key, value) in [
        ("external_event_id", id.clone().ok()),
        ("event_timestamp", at),
        ("currency", currency),
        ("vendor", tags.vendor.clone()),
        ("utm_source", tags.source.clone()),
        ("utm_medium", tags.medium.clone()),
        ("campaign_id", tags.campaign.clone()),
    ] {
        keep(&mut kept, key, value.map(Value::from));
    }
    kept
}

fn keep(kept: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        kept.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::vendors::{
        ORDER_COMPLETED, ORDER_CREATE, PAYMENT_INTENT, PAYMENT_INTENT_EVENT, SALE_COMPLETED,
    };

    const KINDS: [&Kind; 5] = [
        &ORDER_CREATE,
        &PAYMENT_INTENT,
        &PAYMENT_INTENT_EVENT,
        &SALE_COMPLETED,
        &ORDER_COMPLETED,
    ];

    /// A body that has every place any vendor's body has, all of them saying the same.
    fn saying(text: &str) -> Value {
        let tags = json!({"vendor": text, "utm_source": text, "utm_medium": text, "campaign_id": text});
        let query = format!("/?vendor={text}&utm_source={text}&utm_medium={text}&campaign_id={text}");
        let mut body = json!({
            "id": text, "type": text, "event_type": text, "object": text, "status": text, "state": text,
            "financial_status": text, "amount": {"total": text, "currency": text}, "currency": text, "created": text,
            "created_at": text, "create_time": text, "date_completed": text, "date_completed_gmt": text,
            "total": text, "total_price": text, "metadata": tags, "custom": query, "landing_site": query,
            "meta_data": [{"key": "_wc_order_attribution_utm_source", "value": text}]
        });
        body["data"] = json!({"object": body.clone()});
        body
    }

    #[test]
    fn the_first_field_that_could_not_be_read_is_named() {
        let channels = Channels::embedded().expect("the file is whole");
        for (kind, first) in KINDS.into_iter().zip([
            "`id` is not an id",
            "`object` is not what this route is for",
            "`type` is not what this route is for",
            "`state` is not what this route is for",
            "`status` is not what this route is for",
        ]) {
            let mut body = saying("a b");
            body["cancelled_at"] = Value::Null;
            let fault = Payment::of(kind, &(kind.read)(&body), &channels)
                .err()
                .expect("it is no payment");
            assert_eq!(fault.to_string(), first);
        }
    }

    proptest! {
        #[test]
        fn no_sentence_and_no_address_is_kept_of_any_vendors_body(text in "[a-z]{2,9}[ @:/,][a-z]{2,9}") {
            let body = saying(&text);
            for kind in KINDS {
                let kept = Value::Object(remains(kind, Some(&(kind.read)(&body)), b"")).to_string();
                prop_assert!(!kept.contains(&text), "{kept}");
            }
        }

        #[test]
        fn whatever_a_body_says_reading_it_ends(text in r#"\{"(id|amount|currency|data|resource|meta_data|metadata|created|total)":(null|\[\]|"[ -~&&[^"\\]]{0,9}"|-?[1-9][0-9]{0,20}|\{"object":\[\{\}\]\})\}"#) {
            let body = serde_json::from_str(&text).expect("JSON");
            for kind in KINDS {
                let channels = Channels::embedded().expect("the file is whole");
                prop_assert!(Payment::of(kind, &(kind.read)(&body), &channels).is_err());
            }
        }
    }
}
