//! Idempotency keys: the client's own, or one made of what it sent.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::stripe;

/// The longest key a client may choose.
const LONGEST: usize = 200;

/// The key of a request without a header of its own: the payment's id, or failing that the body's digest. The same
/// request always comes to the same key.
pub(crate) fn derived(parsed: Option<&Value>, bytes: &[u8]) -> String {
    match parsed.and_then(stripe::payment_id) {
        Some(id) => of_payment(&id),
        None => named(&format!("stripe_body_{}", hex::encode(Sha256::digest(bytes)))),
    }
}

/// The key that a payment's own id makes.
pub(crate) fn of_payment(id: &str) -> String {
    named(&format!("stripe_payment_intent_succeeded_{id}"))
}

/// Whether a client's key can be taken: visible ASCII, and not longer than anybody needs.
pub(crate) fn is_usable(key: &str) -> bool {
    (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn named(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_payment_makes_one_key_however_its_body_is_written() {
        let parsed = json!({"data": {"object": {"id": "pi_1"}}});
        assert_eq!(derived(Some(&parsed), b"one"), derived(Some(&parsed), b"another"));
        assert_eq!(derived(Some(&parsed), b"one"), of_payment("pi_1"));
        assert_ne!(of_payment("pi_1"), of_payment("pi_2"));
    }

    #[test]
    fn without_a_payment_the_bytes_make_the_key() {
        assert_eq!(derived(None, b"{"), derived(None, b"{"));
        assert_ne!(derived(None, b"{"), derived(None, b"["));
    }

    #[test]
    fn a_key_is_short_and_visible() {
        assert!(is_usable("k-1"));
        for key in ["", "with blank", "tab\t", "é", &"x".repeat(201)] {
            assert!(!is_usable(key), "{key}");
        }
    }
}
