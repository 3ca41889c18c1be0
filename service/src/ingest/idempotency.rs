//! Idempotency keys: the client's own, or one made of what it sent.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::vendors::Kind;

/// The longest key a client may choose.
const LONGEST: usize = 200;

/// The key of a request without one of its own: the payment's id, or failing that the body's digest. The same request
/// always comes to the same key.
pub(crate) fn derived(kind: &Kind, payment: Option<&str>, body: &[u8]) -> String {
    match payment {
        Some(id) => of_payment(kind, id),
        None => named(&format!(
            "{}_body_{}",
            kind.vendor.as_str(),
            hex::encode(Sha256::digest(body))
        )),
    }
}

/// The key that a payment's own id makes.
pub(crate) fn of_payment(kind: &Kind, id: &str) -> String {
    named(&format!("{}_{id}", kind.key_name))
}

/// Whether a client's key can be taken: a code, not longer than anybody needs. It is stored and answered, so it must not
/// be able to hold an address or a name.
pub(crate) fn is_usable(key: &str) -> bool {
    (1..=LONGEST).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
}

fn named(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::vendors::{ORDER_COMPLETED, ORDER_CREATE, PAYMENT_INTENT, PAYMENT_INTENT_EVENT};

    #[test]
    fn one_payment_makes_one_key_however_it_is_told() {
        let key = derived(&PAYMENT_INTENT_EVENT, Some("pi_1"), b"one");
        assert_eq!(key, derived(&PAYMENT_INTENT, Some("pi_1"), b"another"));
        assert_ne!(key, of_payment(&PAYMENT_INTENT, "pi_2"));
        assert_ne!(of_payment(&ORDER_CREATE, "1"), of_payment(&ORDER_COMPLETED, "1"));
    }

    #[test]
    fn the_key_is_the_one_that_other_readers_compute() {
        // python3 -c 'from uuid import *; print(uuid5(NAMESPACE_URL, "stripe_payment_intent_succeeded_pi_1"))'
        assert_eq!(
            of_payment(&PAYMENT_INTENT, "pi_1"),
            "94749144-df2e-585e-a281-0756768ae871"
        );
        assert_eq!(
            of_payment(&ORDER_CREATE, "1"),
            "0916d4fc-1b08-5dfb-b71b-09e968385584"
        );
    }

    #[test]
    fn without_a_payment_the_bytes_make_the_key() {
        let of = |body: &[u8]| derived(&ORDER_CREATE, None, body);
        assert_eq!(of(b"{"), of(b"{"));
        assert_ne!(of(b"{"), of(b"["));
    }

    #[test]
    fn a_key_is_short_and_a_code() {
        assert!(is_usable("k-1") && is_usable("a:B.c_9"));
        for key in [
            "",
            "with blank",
            "tab\t",
            "é",
            "ann@example.org",
            "\"",
            &"x".repeat(201),
        ] {
            assert!(!is_usable(key), "{key}");
        }
    }
}
