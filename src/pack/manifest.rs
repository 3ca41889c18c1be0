//! `manifest.sha256`: the checksum of every file of the pack but itself, as `sha256sum -c` reads it.
//!
//! One form only: `<64 digits><two blanks><path>` per line, sorted by the bytes of the path, LF at every end.

use std::collections::BTreeMap;

use super::finding::{Code, Finding};
use super::layout::MANIFEST;
use crate::digest::Digest;

/// Path → checksum, sorted by the bytes of the path.
pub type Manifest = BTreeMap<String, Digest>;

/// The manifest as text.
pub fn write(manifest: &Manifest) -> String {
    manifest.iter().map(|(path, digest)| line(digest, path)).collect()
}

/// One line of a checksum file.
pub fn line(digest: &Digest, path: &str) -> String {
    format!("{digest}  {path}\n")
}

/// Take one line of a checksum file apart, without its line feed.
pub fn parse_line(line: &str) -> Option<(Digest, &str)> {
    let (digest, path) = line.split_once("  ")?;
    Some((Digest::parse(digest)?, path))
}

/// Read a manifest; whatever is not in the one form goes to `findings`.
pub fn parse(bytes: &[u8], findings: &mut Vec<Finding>) -> Manifest {
    let mut complain = |what: String, expected: &str, actual: &str| {
        findings.push(Finding::new(
            Code::ManifestMalformed,
            MANIFEST,
            what,
            expected,
            actual,
        ));
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        complain("text".to_owned(), "UTF-8", "other bytes");
        return Manifest::new();
    };
    let mut manifest = Manifest::new();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let bare = line.strip_suffix('\n').unwrap_or_default();
        let Some((digest, path)) = parse_line(bare) else {
            complain(
                format!("line {number}"),
                "`<64 digits>  <path>` and a line feed",
                line.trim_end(),
            );
            continue;
        };
        let last = manifest.last_key_value().map(|(last, _)| last.as_str());
        if last.is_some_and(|last| last >= path) {
            complain(format!("line {number}"), "paths sorted by bytes, each once", path);
        }
        manifest.insert(path.to_owned(), digest);
    }
    manifest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Manifest, parse, write};
    use crate::digest::Digest;

    #[test]
    fn what_is_written_is_read() {
        let manifest: Manifest = [("b", "2"), ("a/c", "1")]
            .map(|(path, text)| (path.to_owned(), Digest::of(text)))
            .into();
        let text = write(&manifest);
        assert!(text.lines().next().is_some_and(|line| line.ends_with("  a/c")));
        let mut findings = Vec::new();
        assert_eq!(parse(text.as_bytes(), &mut findings), manifest);
        assert_eq!(findings, []);
    }

    #[test]
    fn every_other_form_is_reported() {
        let [a, b] = ["a", "b"].map(|path| super::line(&Digest::of(path), path));
        for bad in [
            format!("{b}{a}"),
            format!("{a}{a}"),
            a.trim_end().to_owned(),
            a.replace("  ", " *"),
            a.to_uppercase(),
            "\n".to_owned(),
        ] {
            let mut findings = Vec::new();
            parse(bad.as_bytes(), &mut findings);
            assert_eq!(findings.len(), 1, "{bad:?}: {findings:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            parse(&bytes, &mut Vec::new());
        }
    }
}
