//! The forms in which a secret can slip through: plain, JSON-escaped, URL-encoded, hexadecimal, Base64.

use std::{collections::BTreeSet, fmt::Write};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

use super::SHORTEST;

/// A way in which a value can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// Base64 with `+` and `/`, at any of its three alignments.
    Base64,
    /// Base64 with `-` and `_`, likewise.
    Base64Url,
    /// Percent-encoded, or as a form does it.
    Url,
    /// Inside a JSON string.
    Json,
    /// Hexadecimal, all in one case.
    Hex,
    /// Packed: it has no form of its own there, and shows itself when it is unpacked.
    Gzip,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Base64,
        Self::Base64Url,
        Self::Url,
        Self::Json,
        Self::Hex,
        Self::Gzip,
    ];

    /// As a gate writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Url => "url",
            Self::Json => "json",
            Self::Hex => "hex",
            Self::Gzip => "gzip",
        }
    }
}

/// Every text by which a secret can be recognised.
pub(super) fn of(secret: &str) -> BTreeSet<String> {
    let mut forms: BTreeSet<_> = forms(secret).into_iter().map(|(_, form)| form).collect();
    // A key file is printed line by line as often as whole; its first and last lines are no secret.
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    forms.extend(lines.filter(|line| line.len() >= 2 * SHORTEST).map(str::to_owned));
    forms
}

/// The same, each with the encoding it belongs to. What encodings share stands under each of them.
pub(super) fn forms(secret: &str) -> Vec<(Encoding, String)> {
    let mut forms = vec![
        (Encoding::Plain, secret.to_owned()),
        (Encoding::Json, json(secret)),
    ];
    forms.extend(hexadecimal(secret).map(|form| (Encoding::Hex, form)));
    forms.extend(url(secret).map(|form| (Encoding::Url, form)));
    forms.extend(base64(secret));
    forms
}

fn json(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn hexadecimal(secret: &str) -> [String; 2] {
    [hex::encode(secret), hex::encode_upper(secret)]
}

/// Percent-encoded in both cases, and as a form does it, with `+` for a blank.
fn url(secret: &str) -> [String; 3] {
    let mut upper = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            upper.push(char::from(byte));
        } else {
            write!(upper, "%{byte:02X}").expect("a string can always be written");
        }
    }
    [lower_escapes(&upper), upper.replace("%20", "+"), upper]
}

/// The same with lower-case digits behind every `%`; the rest keeps its case.
fn lower_escapes(upper: &str) -> String {
    let mut parts = upper.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        lower.push('%');
        lower.push_str(&digits.to_lowercase());
        lower.push_str(rest);
    }
    lower
}

/// Base64 cuts bytes into groups of three, so a secret inside a longer text looks one of three ways. Of each we take
/// the characters that depend on nothing but the secret.
fn base64(secret: &str) -> Vec<(Encoding, String)> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let shifted = [&[0; 3][..before], secret.as_bytes()].concat();
        let first = (8 * before).div_ceil(6);
        let last = 8 * shifted.len() / 6;
        for (encoding, encoded) in [
            (Encoding::Base64, BASE64_STANDARD_NO_PAD.encode(&shifted)),
            (Encoding::Base64Url, BASE64_URL_SAFE_NO_PAD.encode(&shifted)),
        ] {
            forms.push((encoding, encoded[first..last].to_owned()));
        }
    }
    forms
}
