//! Finding many needles in one walk over a text: at each place the longest wins.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Needles by their first two bytes, the longest first, each with what stands in its place.
#[derive(Clone, Default)]
pub(super) struct Matcher {
    needles: BTreeMap<[u8; 2], Vec<(String, String)>>,
}

impl Matcher {
    /// Know these needles from now on. A needle that is known already keeps its first label.
    pub(super) fn add(&mut self, needles: BTreeSet<String>, label: &str) {
        for needle in needles {
            let Some(start) = needle.as_bytes().first_chunk() else {
                continue;
            };
            let group = self.needles.entry(*start).or_default();
            if !group.iter().any(|(known, _)| *known == needle) {
                group.push((needle, label.to_owned()));
                group.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
            }
        }
    }

    /// The text with every needle replaced.
    pub(super) fn replace<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut replaced = String::new();
        let mut kept = 0;
        let mut at = 0;
        while let Some(start) = text.as_bytes()[at..].first_chunk() {
            if let Some((needle, label)) = self.at(*start, &text.as_bytes()[at..]) {
                // A needle is UTF-8 and begins where a character begins, so it ends where one ends.
                replaced.push_str(&text[kept..at]);
                replaced.push_str(label);
                at += needle.len();
                kept = at;
            } else {
                at += 1;
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        replaced.push_str(&text[kept..]);
        Cow::Owned(replaced)
    }

    fn at(&self, start: [u8; 2], rest: &[u8]) -> Option<&(String, String)> {
        let group = self.needles.get(&start)?;
        group
            .iter()
            .find(|(needle, _)| rest.starts_with(needle.as_bytes()))
    }
}

/// A list of secrets has no business in a debug print.
impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: usize = self.needles.values().map(Vec::len).sum();
        write!(f, "Matcher({known} needles)")
    }
}
