//! Vendor signatures, over the bytes as they came.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far a Stripe timestamp may lie from our clock, either way, in seconds.
const TOLERANCE: i64 = 300;

/// Signatures looked at in one header. Stripe sends one per active secret, so two while a secret is rolled.
const MOST_SIGNATURES: usize = 8;

/// Whether `Stripe-Signature: t=<epoch seconds>,v1=<hex>[,v1=…]` signs these bytes with this secret, now.
///
/// The work does not depend on what is wrong: a header that says nothing is compared all the same.
pub(crate) fn stripe_is_genuine(header: &str, body: &[u8], secret: &str, now: i64) -> bool {
    let claim = Claim::read(header);
    let mut signed = false;
    for signature in &claim.signatures {
        signed |= mac_of(secret, claim.timestamp, body)
            .verify_slice(signature)
            .is_ok();
    }
    let fresh = claim
        .timestamp
        .parse::<i64>()
        .is_ok_and(|timestamp| now.abs_diff(timestamp) <= TOLERANCE.unsigned_abs());
    signed && fresh
}

fn mac_of(secret: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    // A key of any length is a key for HMAC; the error is there for other constructions.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// What a header claims. Never empty of signatures: an unreadable one stands in, and is not equal to anything.
struct Claim<'a> {
    timestamp: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Claim<'a> {
    fn read(header: &'a str) -> Self {
        let mut timestamps = Vec::new();
        let mut signatures = Vec::new();
        for part in header.split(',').take(MOST_SIGNATURES * 2) {
            match part.trim().split_once('=') {
                Some(("t", value)) => timestamps.push(value),
                Some(("v1", value)) if signatures.len() < MOST_SIGNATURES => {
                    signatures.push(hex::decode(value).unwrap_or_default());
                }
                _ => {}
            }
        }
        if signatures.is_empty() {
            signatures.push(Vec::new());
        }
        // Two timestamps are a contradiction, and a sign or a blank in front is not how Stripe writes a number.
        let timestamp = match timestamps[..] {
            [one] if !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_digit()) => one,
            _ => "",
        };
        Self {
            timestamp,
            signatures,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn header(timestamp: i64, body: &[u8], secret: &str) -> String {
        let mac = mac_of(secret, &timestamp.to_string(), body);
        format!("t={timestamp},v1={}", hex::encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn a_known_vector_is_reproduced() {
        // Made with: printf '1800000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec
        assert_eq!(header(NOW, BODY, "whsec"), VECTOR);
    }
    const VECTOR: &str = "t=1800000000,v1=c43aa959bd1ae793e1f2d96b9eac10ea89f5b4d6aebdcb5b573112005d512bca";

    #[test]
    fn the_tolerance_is_three_hundred_seconds_either_way() {
        for (offset, genuine) in [
            (-301, false),
            (-300, true),
            (-299, true),
            (0, true),
            (300, true),
            (301, false),
        ] {
            let header = header(NOW + offset, BODY, "whsec");
            assert_eq!(
                stripe_is_genuine(&header, BODY, "whsec", NOW),
                genuine,
                "{offset} s"
            );
        }
    }

    #[test]
    fn one_byte_or_another_secret_is_enough_to_refuse() {
        let good = header(NOW, BODY, "whsec");
        assert!(stripe_is_genuine(&good, BODY, "whsec", NOW));
        assert!(!stripe_is_genuine(&good, br#"{"id":"evt_2"}"#, "whsec", NOW));
        assert!(!stripe_is_genuine(&good, BODY, "whsed", NOW));
        assert!(!stripe_is_genuine(
            &good.replace("t=18", "t=17"),
            BODY,
            "whsec",
            NOW
        ));
    }

    #[test]
    fn any_of_several_signatures_may_match() {
        let good = header(NOW, BODY, "whsec");
        let (timestamp, signature) = good.split_once(',').expect("two parts");
        let rolled = format!("{timestamp},v1={},{signature},v0=00", "00".repeat(32));
        assert!(stripe_is_genuine(&rolled, BODY, "whsec", NOW));
    }

    #[test]
    fn a_header_with_two_timestamps_is_refused() {
        let good = header(NOW, BODY, "whsec");
        assert!(!stripe_is_genuine(&format!("t={NOW},{good}"), BODY, "whsec", NOW));
    }

    proptest! {
        #[test]
        fn no_text_that_nobody_signed_is_genuine(header in ".{0,200}") {
            prop_assert!(!stripe_is_genuine(&header, BODY, "whsec", NOW));
        }
    }
}
