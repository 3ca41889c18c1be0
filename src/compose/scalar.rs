//! Plain scalars that every reader of YAML reads alike, and the others.
//!
//! YAML 1.1 and 1.2 disagree about `yes`, `0755`, `1_000`, `22:30` and their kin, and a number like `1.50` is printed
//! back as `1.5`. Compose files are read by tools of both schools, so such a scalar is refused: it must be quoted.

use super::tree::Value;

/// What a plain (unquoted) scalar is; `None` when readers of YAML disagree about it.
pub(super) fn plain(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        "=" | "<<" => None,
        _ if is_canonical_number(text) => Some(Value::Number(text.to_owned())),
        _ if is_old_boolean(text) || is_some_number(text) || is_date(text) => None,
        _ => Some(Value::Text(text.to_owned())),
    }
}

/// A decimal number spelt the way it would be printed.
fn is_canonical_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
            || (text.contains('.')
                && text
                    .parse::<f64>()
                    .is_ok_and(|number| format!("{number:?}") == text)))
}

/// The booleans that only YAML 1.1 knows.
fn is_old_boolean(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    matches!(lower.as_str(), "yes" | "no" | "on" | "off")
}

/// Anything that some version of YAML takes for a number: other bases, underscores, exponents, sexagesimals.
fn is_some_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return true;
    }
    let begins = lower
        .strip_prefix('.')
        .unwrap_or(&lower)
        .starts_with(|c: char| c.is_ascii_digit());
    let of = |digits: &str, allowed: fn(char) -> bool| !digits.is_empty() && digits.chars().all(allowed);
    let in_base = |prefix: &str, radix: u32| {
        lower
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c == '_' || c.is_digit(radix)))
    };
    begins
        && (in_base("0x", 16)
            || in_base("0o", 8)
            || in_base("0b", 2)
            || is_decimal(&lower)
            || (is_sexagesimal(&lower) && of(&lower, |c| matches!(c, '0'..='9' | '_' | ':' | '.'))))
}

/// Digits with at most one point, underscores anywhere, and perhaps an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    mantissa.matches('.').count() <= 1
        && mantissa.chars().all(|c| matches!(c, '0'..='9' | '_' | '.'))
        && !exponent.is_empty()
        && exponent.chars().all(|c| c.is_ascii_digit())
}

/// `22:30`: base sixty in YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.split(':').skip(1).peekable();
    let below_sixty = |part: &str| {
        let whole = part.split('.').next().unwrap_or(part);
        whole.len() <= 2 && whole.parse::<u8>().is_ok_and(|number| number < 60)
    };
    parts.peek().is_some() && parts.all(below_sixty)
}

/// `2026-11-20`, perhaps with a time of day: a date in YAML 1.1.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or(text);
    let parts: Vec<&str> = day.split('-').collect();
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    matches!(parts[..], [year, month, date] if year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(date, 2))
}

#[cfg(test)]
mod tests {
    use super::{Value, plain};

    #[test]
    fn what_every_reader_agrees_on_is_read() {
        assert_eq!(plain("true"), Some(Value::Bool(true)));
        assert_eq!(plain(""), Some(Value::Null));
        for number in ["0", "-1", "5432", "0.5", "1.0", "3.8"] {
            assert_eq!(plain(number), Some(Value::Number(number.to_owned())), "{number}");
        }
        for text in [
            "postgres:15-alpine",
            "127.0.0.1",
            "8000:80",
            "512m",
            "30s",
            "-q",
            "1.2.3",
            "e2e",
            "deadbeef",
            "v2026-1-1",
        ] {
            assert_eq!(plain(text), Some(Value::Text(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        for text in [
            "yes",
            "No",
            "ON",
            "off",
            "0755",
            "0o17",
            "0x1F",
            "0b11",
            "1_000",
            "+5",
            ".5",
            "5.",
            "1.50",
            "1e3",
            "1.0e+3",
            "22:30",
            "10:10",
            "1:30:00",
            "2026-11-20",
            "2026-11-20T10:00:00Z",
            ".inf",
            "-.INF",
            ".nan",
            "=",
            "-0",
            "99999999999999999999",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
