//! `seal.json`: what the run was done to (source, binary, images, compose model, settings by name), looked at when it
//! begins, at every boundary between gates, and when it ends.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What was proven, and that it stayed the same thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentitySeal {
    /// Identity at the start: name of a part → its digest or description.
    pub start: Map<String, Value>,
    /// One look per boundary, in order.
    #[serde(default)]
    pub checks: Vec<IdentityCheck>,
    /// Identity at the end; absent in a record that has not got there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Map<String, Value>>,
}

/// One look at a boundary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityCheck {
    /// The boundary: `after EG8.1`.
    pub at: String,
    /// Milliseconds of the run's clock.
    pub t_ms: u64,
    /// Names of the parts that were no longer what they were at the start.
    pub changed: Vec<String>,
}

impl IdentitySeal {
    /// The identity at the start of a run.
    pub fn start(identity: Map<String, Value>) -> Self {
        Self {
            start: identity,
            ..Self::default()
        }
    }

    /// Look at a boundary; true while nothing has changed.
    pub fn check(&mut self, at: &str, t_ms: u64, identity: &Map<String, Value>) -> bool {
        let changed = differing(&self.start, identity);
        let same = changed.is_empty();
        self.checks.push(IdentityCheck {
            at: at.to_owned(),
            t_ms,
            changed,
        });
        same
    }

    /// The identity at the end.
    pub fn finish(&mut self, identity: Map<String, Value>) {
        self.end = Some(identity);
    }

    /// Everything that was ever different from the start, by name; an absent end is called `end`.
    pub fn broken(&self) -> Vec<String> {
        let mut broken: Vec<String> = self
            .checks
            .iter()
            .flat_map(|check| check.changed.clone())
            .collect();
        match &self.end {
            Some(end) => broken.extend(differing(&self.start, end)),
            None => broken.push("end".to_owned()),
        }
        broken.sort();
        broken.dedup();
        broken
    }
}

/// Names whose values differ, on either side.
fn differing(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = a
        .keys()
        .chain(b.keys())
        .filter(|name| a.get(*name) != b.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::IdentitySeal;

    fn identity(binary: &str) -> Map<String, Value> {
        Map::from_iter([
            ("binary".to_owned(), json!(binary)),
            ("tree".to_owned(), json!("t")),
        ])
    }

    #[test]
    fn an_identity_that_stays_is_unbroken_only_once_it_was_seen_at_the_end() {
        let mut seal = IdentitySeal::start(identity("b"));
        assert!(seal.check("after EG8.1", 5, &identity("b")));
        assert_eq!(seal.broken(), ["end"]);
        seal.finish(identity("b"));
        assert!(seal.broken().is_empty());
    }

    #[test]
    fn a_part_that_changed_and_changed_back_is_named() {
        let mut seal = IdentitySeal::start(identity("b"));
        assert!(!seal.check("after EG8.1", 5, &identity("c")));
        seal.finish(identity("b"));
        assert_eq!(seal.broken(), ["binary"]);
    }

    #[test]
    fn a_part_that_vanished_is_named() {
        let mut seal = IdentitySeal::start(identity("b"));
        seal.finish(Map::from_iter([("binary".to_owned(), json!("b"))]));
        assert_eq!(seal.broken(), ["tree"]);
    }
}
