//! Stripe: `payment_intent.succeeded`, as the event (v2) and as the bare payment intent (v1).
//!
//! `Stripe-Signature: t=<seconds since 1970>,v1=<hex>[,v1=…]`, each `v1` the MAC of `<t>.<body>`. Stripe sends one per
//! active secret, so two while a secret is rolled.

use serde_json::Value;

use super::{Kind, Reading, Vendor, fields};
use crate::ingest::{field::Field, signature::Proof, tags::Tags};

const EVENT_TYPE: &str = "payment_intent.succeeded";

/// Signatures looked at in one header.
const MOST_SIGNATURES: usize = 8;

/// `/stripe/payment_intent/succeeded`: the event, with the payment intent in `data.object`.
pub(crate) const PAYMENT_INTENT_EVENT: Kind = Kind {
    vendor: Vendor::Stripe,
    event_type: EVENT_TYPE,
    key_name: "stripe_payment_intent_succeeded",
    takes_client_key: true,
    is_genuine,
    read: read_event,
};

/// `/stripe/payment_intent_succeeded`: the payment intent itself.
pub(crate) const PAYMENT_INTENT: Kind = Kind {
    read: |body| read_intent(body, ""),
    ..PAYMENT_INTENT_EVENT
};

fn read_event(body: &Value) -> Reading {
    let field = fields(body, "");
    let intent = read_intent(body, "data.object");
    Reading {
        // Any other event on this route would count money that was not paid.
        fits: field("type").must_be(EVENT_TYPE).and(intent.fits),
        at: field("created").epoch(),
        notification: field("id").word(),
        ..intent
    }
}

fn read_intent(body: &Value, object: &'static str) -> Reading {
    let field = fields(body, object);
    let currency = field("currency").currency();
    let amount = field("amount");
    Reading {
        fits: field("object")
            .may_only_be("payment_intent")
            .and(field("status").may_only_be("succeeded")),
        id: field("id").id(),
        at: field("created").epoch(),
        cents: currency.and_then(|currency| amount.stripe_units(currency)),
        currency,
        tags: tags(field("metadata")),
        notification: None,
        status: field("status").word(),
        amount: amount.word(),
    }
}

fn tags(metadata: Field<'_>) -> Tags {
    let pairs = metadata.value().as_object().into_iter().flatten();
    Tags::of(pairs.filter_map(|(name, value)| Some((name, value.as_str()?))))
}

fn is_genuine(proof: &Proof<'_>) -> bool {
    let claim = Claim::read(proof.header("stripe-signature"));
    let mut signed = false;
    for signature in &claim.signatures {
        signed |= proof.hex_signs_at(signature, claim.time);
    }
    signed & proof.is_fresh(claim.time.parse().ok())
}

/// What a header claims. Never empty of signatures: an empty one stands in, and is not equal to anything.
struct Claim<'a> {
    time: &'a str,
    signatures: Vec<&'a str>,
}

impl<'a> Claim<'a> {
    fn read(header: &'a str) -> Self {
        let (mut times, mut signatures) = (Vec::new(), Vec::new());
        for part in header.split(',').take(MOST_SIGNATURES * 2) {
            match part.trim().split_once('=') {
                Some(("t", value)) => times.push(value),
                Some(("v1", value)) if signatures.len() < MOST_SIGNATURES => signatures.push(value),
                _ => {}
            }
        }
        if signatures.is_empty() {
            signatures.push("");
        }
        // Two times are a contradiction, and a sign or a blank in front is not how Stripe writes a number.
        let time = match times[..] {
            [one] if one.bytes().all(|byte| byte.is_ascii_digit()) => one,
            _ => "",
        };
        Self { time, signatures }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ingest::signature::testing::{NOW, SECRET, believed, hex};

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn header(time: i64) -> String {
        format!("t={time},v1={}", hex(&[time.to_string().as_bytes(), b".", BODY]))
    }

    fn genuine(header: &str) -> bool {
        believed(is_genuine, &[("stripe-signature", header)], BODY, SECRET)
    }

    #[test]
    fn a_known_vector_is_reproduced() {
        // Made with: printf '1800000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec
        let vector = "t=1800000000,v1=c43aa959bd1ae793e1f2d96b9eac10ea89f5b4d6aebdcb5b573112005d512bca";
        assert_eq!(header(NOW), vector);
    }

    #[test]
    fn three_hundred_seconds_either_way_are_accepted_and_not_one_more() {
        for (offset, accepted) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            assert_eq!(genuine(&header(NOW + offset)), accepted, "{offset} s");
        }
    }

    #[test]
    fn any_of_several_signatures_may_match_up_to_a_bound() {
        let good = header(NOW);
        let (time, signature) = good.split_once(',').expect("two parts");
        let other = format!("v1={}", "00".repeat(32));
        assert!(genuine(&format!("{time},{other},{signature},v0=00")));
        assert!(!genuine(&format!("{time},{other},{other}")));
        let many = [other.as_str(); MOST_SIGNATURES].join(",");
        assert!(!genuine(&format!("{time},{many},{signature}")));
    }

    #[test]
    fn a_time_that_was_not_signed_or_is_there_twice_is_refused() {
        let good = header(NOW);
        for wrong in [
            good.replace("t=18", "t=17"),
            good.replace("t=18", "t=+18"),
            format!("t={NOW},{good}"),
            good.replace("t=1800000000,", ""),
            good.replace("v1=", "v0="),
        ] {
            assert!(!genuine(&wrong), "{wrong}");
        }
    }

    #[test]
    fn the_event_and_the_bare_intent_tell_of_the_same_payment() {
        let intent = json!({"id": "pi_1", "object": "payment_intent", "amount": 111, "currency": "usd", "created": NOW,
                            "status": "succeeded", "metadata": {"utm_source": "direct"}});
        let event = json!({"id": "evt_1", "type": EVENT_TYPE, "created": NOW, "data": {"object": intent}});
        let (one, other) = (read_event(&event), read_intent(&intent, ""));
        assert!(one.fits.is_ok() && other.fits.is_ok());
        assert_eq!(
            (&one.id, &one.cents, &one.at),
            (&other.id, &other.cents, &other.at)
        );
        assert_eq!((one.id.as_deref(), one.cents), (Ok("pi_1"), Ok(111)));
    }

    proptest! {
        #[test]
        fn no_text_that_nobody_signed_is_genuine(header in "[ -~]{0,200}") {
            prop_assert!(!genuine(&header));
        }
    }
}
