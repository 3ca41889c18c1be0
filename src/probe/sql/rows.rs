//! Rows as JSON, with every digit they had.

use serde_json::{Map, Value};

use super::{super::Blind, Trouble};

/// One row, as `row_to_json` wrote it.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, Trouble> {
    serde_json::from_str(&exact(text))
        .map_err(|error| Blind::because(format!("a row is not JSON: {error}")).into())
}

/// The same JSON, with each number that would lose digits on the way through a double written as a text.
fn exact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let (token, is_number) = match c {
            '"' => (string(rest), false),
            '-' | '0'..='9' => (number(rest), true),
            _ => (&rest[..c.len_utf8()], false),
        };
        if is_number && loses_digits(token) {
            out.push('"');
            out.push_str(token);
            out.push('"');
        } else {
            out.push_str(token);
        }
        rest = &rest[token.len()..];
    }
    out
}

fn string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    end.map_or(text, |(at, _)| &text[..=at])
}

fn number(text: &str) -> &str {
    let belongs = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    &text[..text.find(|c| !belongs(c)).unwrap_or(text.len())]
}

/// A number with an exponent comes from a double, and is one. Of the others, whole numbers must fit 64 bits, and
/// decimals must be the shortest spelling of their double, but for zeros at the end.
fn loses_digits(token: &str) -> bool {
    if token.contains(['e', 'E']) {
        return false;
    }
    match token.split_once('.') {
        None => token.parse::<i64>().is_err(),
        Some((whole, fraction)) => {
            let fraction = fraction.trim_end_matches('0');
            let plain = if fraction.is_empty() {
                whole.to_owned()
            } else {
                format!("{whole}.{fraction}")
            };
            token
                .parse::<f64>()
                .is_ok_and(|double| double.to_string() != plain)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{exact, read};

    #[test]
    fn numbers_that_a_double_cannot_hold_become_texts() {
        let row = r#"{"a":1.10,"b":12345678901234567890.5,"c":9223372036854775808,"d":9223372036854775807,"e":1e+20,"f":"1\"2345678901234567890.5","g":-0.00,"h":[5000.00]}"#;
        let row = serde_json::Value::Object(read(row).expect("a row"));
        assert_eq!(
            row,
            json!({"a": 1.1, "b": "12345678901234567890.5", "c": "9223372036854775808", "d": i64::MAX, "e": 1e20,
                   "f": "1\"2345678901234567890.5", "g": -0.0, "h": [5000.0]})
        );
    }

    proptest! {
        #[test]
        fn texts_and_whole_numbers_are_left_alone(text in "\\PC{0,30}", number in any::<i64>()) {
            let json = json!({"t": text, "n": number}).to_string();
            prop_assert_eq!(exact(&json), json);
        }
    }
}
