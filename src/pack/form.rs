//! The form of what closure writes itself: JSON that every reader reads alike, and lines that are all complete.

use std::{
    collections::HashSet,
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use serde::{
    Serialize,
    de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor},
};

use super::{
    finding::{Code, Finding},
    layout::{Role, role_of},
};

/// A JSON document in the one form in which closure writes it: indented, its keys in their order, a line feed behind.
pub(crate) fn document_of(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("maps with string keys can always be written");
    bytes.push(b'\n');
    bytes
}

/// Check the form of a file by its name. Given files are checked by whoever reads them; logs are opaque.
pub(crate) fn check(path: &str, contents: impl Read, findings: &mut Vec<Finding>) -> io::Result<()> {
    if matches!(role_of(path), Role::Given | Role::Log) && path != super::layout::PLAN {
        return Ok(());
    }
    if is_lines(path) {
        return lines(path, contents, findings);
    }
    if extension(path) == Some("json") {
        document(path, contents, findings);
    }
    Ok(())
}

/// True for a file of lines, by its name.
pub(crate) fn is_lines(path: &str) -> bool {
    extension(path) == Some("jsonl")
}

fn extension(path: &str) -> Option<&str> {
    path.rsplit_once('.').map(|(_, extension)| extension)
}

fn document(path: &str, contents: impl Read, findings: &mut Vec<Finding>) {
    if let Err(error) = serde_json::from_reader::<_, Unambiguous>(BufReader::new(contents)) {
        let (code, expected) = if is_twin(&error) {
            (Code::AmbiguousJson, "every key once")
        } else {
            (Code::BrokenJson, "one JSON value")
        };
        findings.push(Finding::new(code, path, "contents", expected, error));
    }
}

/// Only the first broken line is reported: what follows a cut is rarely news.
fn lines(path: &str, contents: impl Read, findings: &mut Vec<Finding>) -> io::Result<()> {
    let mut reader = BufReader::new(contents);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let complete = line.ends_with(b"\n") && line.starts_with(b"{");
        let (code, expected, actual) = match serde_json::from_slice::<Unambiguous>(&line) {
            Ok(_) if complete => continue,
            Ok(_) => (
                Code::BrokenLines,
                "a JSON object and a line feed",
                "something else".to_owned(),
            ),
            Err(error) if is_twin(&error) => (Code::AmbiguousJson, "every key once", error.to_string()),
            Err(error) => (
                Code::BrokenLines,
                "a JSON object and a line feed",
                error.to_string(),
            ),
        };
        findings.push(Finding::new(
            code,
            path,
            format!("line {number}"),
            expected,
            actual,
        ));
        break;
    }
    Ok(())
}

const TWIN: &str = "key is there twice: ";

fn is_twin(error: &serde_json::Error) -> bool {
    error.to_string().starts_with(TWIN)
}

/// Any JSON value in which no object holds a key twice. Nothing of it is kept.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unambiguous, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, _)) = entries.next_entry::<String, Unambiguous>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("{TWIN}`{key}`")));
            }
            keys.insert(key);
        }
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, check};

    fn codes(path: &str, contents: &str) -> Vec<Code> {
        let mut findings = Vec::new();
        check(path, contents.as_bytes(), &mut findings).expect("memory can be read");
        findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_key_that_is_there_twice_is_found_at_any_depth() {
        assert_eq!(
            codes("seal.json", r#"{"a": [{"b": 1, "c": 1.5, "d": null}]}"#),
            []
        );
        assert_eq!(
            codes("seal.json", r#"{"a": [{"b": 1, "b": 2}]}"#),
            [Code::AmbiguousJson]
        );
        assert_eq!(
            codes("timeline.jsonl", "{\"b\": 1, \"b\": 2}\n"),
            [Code::AmbiguousJson]
        );
    }

    #[test]
    fn lines_that_are_cut_or_no_objects_are_found() {
        assert_eq!(codes("timeline.jsonl", ""), []);
        assert_eq!(codes("timeline.jsonl", "{}\n{}\n"), []);
        for bad in ["{}\n{", "{}\n{}", "{}\n\n", "[]\n", "{}{}\n"] {
            assert_eq!(codes("timeline.jsonl", bad), [Code::BrokenLines], "{bad:?}");
        }
    }

    #[test]
    fn what_is_given_and_what_is_opaque_may_have_any_form() {
        assert_eq!(codes("gates/EG8.1/bad.json", "{"), []);
        assert_eq!(codes("logs/api.log", "{"), []);
        assert_eq!(codes("report.json", "{"), [Code::BrokenJson]);
    }
}
