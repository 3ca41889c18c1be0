//! What may not reach paper: every secret of a run by value, in every encoding in which it could slip through.
//!
//! Two shapes are hidden even where nobody registered the value: bearer tokens and passwords in URLs.

mod encodings;
mod matcher;
mod secret;
mod shapes;

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::Value;

pub use encodings::Encoding;
use matcher::Matcher;
pub use secret::Secret;

/// The fewest bytes a secret may have: anything shorter would hide innocent text all over the record.
pub const SHORTEST: usize = 6;

/// A value that is too short to be hidden by value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret `{label}` is shorter than {SHORTEST} bytes and cannot be hidden by value\nhint: mint a longer one"
)]
pub struct TooShort {
    /// The secret's name; never its value.
    pub label: String,
}

/// Hides secrets. Clones share what was registered.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    matcher: Arc<RwLock<Matcher>>,
    known: Arc<RwLock<BTreeSet<Secret>>>,
}

impl Redactor {
    /// Hide a value, and all its encodings, from now on. In its place stands `‹label›`.
    pub fn register(&self, secret: &str, label: &str) -> Result<(), TooShort> {
        if secret.len() < SHORTEST {
            return Err(TooShort {
                label: label.to_owned(),
            });
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.insert(Secret::new(label, secret)) {
            return Ok(());
        }
        let needles = encodings::of(secret);
        // The matcher is whole between any two of its calls, also when another thread died holding it.
        let mut matcher = self.matcher.write().unwrap_or_else(PoisonError::into_inner);
        matcher.add(needles, &format!("‹{label}›"));
        Ok(())
    }

    /// Everything registered so far, by label and value.
    pub fn known(&self) -> Vec<Secret> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().cloned().collect()
    }

    /// A text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let matcher = self.matcher.read().unwrap_or_else(PoisonError::into_inner);
        let by_value = matcher.replace(text);
        match shapes::hide(&by_value) {
            Some(hidden) => Cow::Owned(hidden),
            None => by_value,
        }
    }

    /// A JSON tree without secrets, in its strings and in its keys.
    pub fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match self.text(&text) {
                Cow::Owned(hidden) => Value::String(hidden),
                Cow::Borrowed(_) => Value::String(text),
            },
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| (self.text(&key).into_owned(), self.json(value)))
                .collect(),
            plain => plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::json;

    use super::Redactor;

    const SECRET: &str = "p\"ss w/rd~ü+9?";

    fn knowing(secret: &str) -> Redactor {
        let redactor = Redactor::default();
        redactor.register(secret, "owner").expect("it is long enough");
        redactor
    }

    #[test]
    fn a_secret_is_hidden_in_every_encoding() {
        let redactor = knowing(SECRET);
        let escaped = serde_json::to_string(SECRET).expect("a string can be written");
        let lower = hex::encode(SECRET);
        for shown in [
            SECRET.to_owned(),
            escaped.trim_matches('"').to_owned(),
            lower.to_uppercase(),
            lower,
            "p%22ss%20w%2Frd~%C3%BC%2B9%3F".to_owned(),
            "p%22ss%20w%2frd~%c3%bc%2b9%3f".to_owned(),
            "p%22ss+w%2Frd~%C3%BC%2B9%3F".to_owned(),
        ] {
            assert_eq!(redactor.text(&format!("<{shown}>")), "<‹owner›>", "{shown}");
        }
    }

    #[test]
    fn base64_hides_a_secret_at_no_alignment() {
        let redactor = knowing(SECRET);
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{SECRET}:rest");
            for shown in [
                BASE64_STANDARD.encode(&text),
                BASE64_URL_SAFE_NO_PAD.encode(&text),
            ] {
                assert!(redactor.text(&shown).contains("‹owner›"), "{shown}");
            }
        }
    }

    #[test]
    fn json_trees_are_hidden_in_keys_and_strings_and_keep_their_shape() {
        let seen =
            knowing("hunter22").json(json!({"k-hunter22": ["hunter22", 7, null, {"a": "xhunter22y"}]}));
        assert_eq!(
            seen,
            json!({"k-‹owner›": ["‹owner›", 7, null, {"a": "x‹owner›y"}]})
        );
    }

    #[test]
    fn the_longer_of_two_secrets_wins() {
        let redactor = knowing("secret-one");
        redactor
            .register("secret-one-and-more", "longer")
            .expect("it is long enough");
        assert_eq!(
            redactor.text("secret-one-and-more secret-one"),
            "‹longer› ‹owner›"
        );
    }

    #[test]
    fn each_line_of_a_key_file_is_hidden_on_its_own() {
        let redactor = knowing("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n");
        assert_eq!(
            redactor.text("-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq"),
            "-----BEGIN PRIVATE KEY-----\\n‹owner›"
        );
    }

    #[test]
    fn a_value_too_short_to_hide_is_refused_without_being_named() {
        let error = Redactor::default()
            .register("abc", "pin")
            .expect_err("it is short");
        assert!(error.to_string().contains("`pin`"));
        assert!(!error.to_string().contains("abc"));
    }

    #[test]
    fn what_is_known_is_told_by_label_once_and_no_print_shows_its_value() {
        let redactor = knowing("hunter22");
        redactor.register("hunter22", "owner").expect("it is long enough");
        redactor.register("hunter23", "owner").expect("it is long enough");
        let known = redactor.known();
        let values: Vec<_> = known
            .iter()
            .map(|secret| (secret.label(), secret.value()))
            .collect();
        assert_eq!(values, [("owner", "hunter22"), ("owner", "hunter23")]);
        assert!(!format!("{redactor:?}").contains("hunter2"));
    }

    #[test]
    fn clones_share_what_was_registered() {
        let redactor = Redactor::default();
        let clone = redactor.clone();
        redactor.register("hunter22", "owner").expect("it is long enough");
        assert_eq!(clone.text("hunter22"), "‹owner›");
    }

    proptest! {
        #[test]
        fn no_registered_secret_survives(secret in "[ -~]{6,20}", before in ".{0,20}", after in ".{0,20}") {
            prop_assume!(!"‹owner›".contains(&secret));
            let redactor = knowing(&secret);
            let hidden = redactor.text(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!hidden.contains(&secret));
        }

        #[test]
        fn hiding_twice_is_hiding_once(text in ".{0,80}") {
            let redactor = knowing("hunter22");
            let once = redactor.text(&text).into_owned();
            prop_assert_eq!(redactor.text(&once), once.as_str());
        }
    }
}
