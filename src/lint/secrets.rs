//! Secrets of the compose file that fall back to something when nobody tells them.

use std::collections::BTreeSet;

use super::Weakness;
use crate::{
    cel::Sentence,
    compose::{Source, Variable},
    gate::{Complaint, SECRET_FUNCTIONS, model::Suite},
};

/// Words in a name that make it a secret's.
const SECRET_WORDS: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "DSN",
    "CREDENTIAL",
    "CREDENTIALS",
    "KEY",
];

/// Words that, before an address, make it one that holds a password.
const STORES: &[&str] = &[
    "DATABASE",
    "DB",
    "POSTGRES",
    "POSTGRESQL",
    "MYSQL",
    "MONGO",
    "REDIS",
    "AMQP",
    "BROKER",
    "BACKEND",
];

const ADDRESSES: &[&str] = &["URL", "URI", "BACKEND"];

pub(super) fn look(suite: &Suite, compose: &Source) -> Vec<Weakness> {
    let minted = minted(suite);
    let variables = compose.variables();
    let fallen = variables.iter().filter(|variable| variable.has_default());
    let secret = fallen.filter_map(|variable| Some((variable, why_secret(variable, &minted)?)));
    secret.map(|(variable, why)| weakness(variable, why)).collect()
}

fn weakness(variable: &Variable, why: &str) -> Weakness {
    let name = &variable.name;
    let place = &variable.place;
    Weakness::finding(Complaint {
        file: place.file.to_string(),
        line: place.line,
        column: place.column,
        message: format!("`{name}` has a fallback, and {why}: a service would start although nobody told it"),
        hint: Some(format!("write `${{{name}?missing {name}}}`")),
    })
}

/// Why a variable is one that must be told.
fn why_secret(variable: &Variable, minted: &BTreeSet<String>) -> Option<&'static str> {
    let key = variable.key.rsplit('.').next().unwrap_or_default();
    if minted.contains(&variable.name) {
        return Some("the suite fills it with a secret");
    }
    if is_secret_name(&variable.name) || is_secret_name(key) {
        return Some("its name is a secret's");
    }
    let fallback = variable.fallback.as_deref().unwrap_or_default();
    holds_password(fallback).then_some("the fallback holds a password")
}

fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
    let ends_with = |known: &[&str]| words.last().is_some_and(|last| known.contains(last));
    // A public key is no secret, and the name of a file is none either.
    let is_told_to_all = has(&["PUBLIC"]) || ends_with(&["FILE", "PATH", "NAME", "ID"]);
    let is_store = has(STORES) && ends_with(ADDRESSES);
    !is_told_to_all && (has(SECRET_WORDS) || is_store)
}

/// `scheme://user:password@host`.
fn holds_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| {
        user.split_once(':')
            .is_some_and(|(_, password)| !password.is_empty())
    })
}

/// Variables that the suite fills with something secret, through as many of its functions as it takes.
fn minted(suite: &Suite) -> BTreeSet<String> {
    let is_minted = |(name, text): &(String, crate::cel::Text)| {
        text.sentences()
            .any(|sentence| hands_out(suite, sentence, &mut BTreeSet::new()))
            .then(|| name.clone())
    };
    suite.env.iter().filter_map(is_minted).collect()
}

fn hands_out(suite: &Suite, sentence: &Sentence, seen: &mut BTreeSet<String>) -> bool {
    sentence.calls().into_iter().any(|name| {
        let is_secret = SECRET_FUNCTIONS.contains(&name.as_str());
        let function = suite.functions.get(&name);
        is_secret
            || (seen.insert(name) && function.is_some_and(|function| hands_out(suite, &function.is, seen)))
    })
}

#[cfg(test)]
mod tests {
    use super::{holds_password, is_secret_name};

    #[test]
    fn a_secret_is_known_by_its_name() {
        for name in [
            "POSTGRES_PASSWORD",
            "E2E_DATABASE_URL",
            "CELERY_BROKER_URL",
            "CELERY_RESULT_BACKEND",
            "LLM_OPENAI_API_KEY",
            "api-token",
            "CLIENT_ID_SECRET",
            "dsn",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "E2E_POSTGRES_IMAGE",
            "JWT_PUBLIC_KEY",
            "API_URL",
            "KEYBOARD",
            "SECRET_FILE",
            "image",
            "BACKEND_HOST",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_seen() {
        assert!(holds_password("postgresql://a:b@127.0.0.1/else"));
        for text in [
            "postgresql://a@127.0.0.1/x",
            "http://x/a:b@c",
            "a:b@c",
            "http://a:@x",
        ] {
            assert!(!holds_password(text), "{text}");
        }
    }
}
