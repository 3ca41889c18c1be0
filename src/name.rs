//! Checked names.

/// True for names of probes, lets, assertions, controls, services: a letter or `_`, then letters, digits, `_`.
/// They appear bare in CEL, so they must be CEL identifiers.
pub fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// True for ids of gates and suites: letters, digits, `.`, `_`, `-`, beginning with a letter; at most 64 bytes.
pub fn is_gate_id(text: &str) -> bool {
    text.len() <= 64
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// True for a path that may stand in a pack or a suite: relative, forward slashes, no empty, `.` or `..` part,
/// no control characters, no backslash, no colon, at most 240 bytes.
pub fn is_safe_path(text: &str) -> bool {
    let part_is_safe = |part: &str| !part.is_empty() && part != "." && part != "..";
    text.len() <= 240
        && !text.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
        && text.split('/').all(part_is_safe)
}

/// The nearest of `candidates` to a misspelt `word`, when one is near enough to be worth suggesting.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{is_gate_id, is_identifier, is_safe_path, nearest};

    #[test]
    fn identifiers_are_what_cel_accepts() {
        assert!(is_identifier("is_app_user"));
        assert!(!is_identifier("3rd"));
        assert!(!is_identifier("a-b"));
        assert!(!is_identifier(""));
    }

    #[test]
    fn gate_ids_may_hold_dots() {
        assert!(is_gate_id("EG8.2a"));
        assert!(!is_gate_id(".hidden"));
        assert!(!is_gate_id("a/b"));
    }

    #[test]
    fn paths_that_leave_their_folder_are_unsafe() {
        assert!(is_safe_path("gates/EG8.1/gate.toml"));
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "C:x",
            "a\\b",
            "./a",
            "a\u{7}",
        ] {
            assert!(!is_safe_path(bad), "{bad}");
        }
    }

    #[test]
    fn a_near_miss_is_suggested_and_nonsense_is_not() {
        assert_eq!(nearest("probee", ["probe", "control"]), Some("probe"));
        assert_eq!(nearest("xyz", ["probe", "control"]), None);
    }
}
