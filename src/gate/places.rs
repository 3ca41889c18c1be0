//! Where the parts of a gate stand in its file, for whoever has to open it. What cannot be read stands nowhere.

use std::collections::BTreeMap;

use super::{
    complaint::{Complaint, Pile, Spot},
    node::{Entry, Is, Node, parse},
};

/// A place in one file: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// The places of one `gate.toml`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    claim: Option<Place>,
    probes: BTreeMap<String, Place>,
    /// Assertions, those that `until`s make among them.
    assertions: BTreeMap<String, Place>,
    controls: BTreeMap<String, Place>,
}

impl Place {
    /// Something to say about this place of a file.
    pub fn finding(self, file: &str, message: impl Into<String>, hint: impl Into<String>) -> Complaint {
        Complaint {
            file: file.to_owned(),
            line: self.line,
            column: self.column,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// The first character of a file.
    pub fn top() -> Self {
        Self { line: 1, column: 1 }
    }

    fn of(spot: &Spot) -> Self {
        Self {
            line: spot.line,
            column: spot.column,
        }
    }
}

impl Places {
    /// Find the places of a gate's file.
    pub fn of(bytes: &[u8]) -> Self {
        let root = parse("gate.toml", bytes, &mut Pile::default());
        let mut places = Self {
            claim: entry(&root, "claim").map(|entry| Place::of(&entry.at)),
            controls: named(&root, "control"),
            ..Self::default()
        };
        places.probes(&root, "probe", "");
        places.assertions.extend(named(&root, "assert"));
        places
    }

    /// The claim; the top of the file when it has none.
    pub fn claim(&self) -> Place {
        self.claim.unwrap_or_else(Place::top)
    }

    /// A probe; `group.step` for a step of a group.
    pub fn probe(&self, name: &str) -> Option<Place> {
        self.probes.get(name).copied()
    }

    /// An assertion. One that an `until` makes stands there, or, where a template wrote it, at its probe.
    pub fn assertion(&self, name: &str) -> Option<Place> {
        self.assertions.get(name).copied().or_else(|| self.probe(name))
    }

    /// A control.
    pub fn control(&self, name: &str) -> Option<Place> {
        self.controls.get(name).copied()
    }

    fn probes(&mut self, of: &Node, key: &str, prefix: &str) {
        let Some(Is::List(probes)) = of.get(key).map(|list| &list.is) else {
            return;
        };
        for probe in probes {
            let Some(name) = probe.get("name").and_then(Node::text) else {
                continue;
            };
            let name = format!("{prefix}{name}");
            if let Some(until) = entry(probe, "until") {
                self.assertions.insert(name.clone(), Place::of(&until.at));
            }
            self.probes(probe, "step", &format!("{name}."));
            // Where its name stands: a header says nothing.
            let at = entry(probe, "name").map_or(&probe.at, |entry| &entry.at);
            self.probes.insert(name, Place::of(at));
        }
    }
}

fn entry<'n>(table: &'n Node, key: &str) -> Option<&'n Entry> {
    table.entries().iter().find(|entry| entry.key == key)
}

fn named(root: &Node, key: &str) -> BTreeMap<String, Place> {
    let entries = root.get(key).map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.clone(), Place::of(&entry.at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Place, Places};

    const GATE: &str = "\
id = \"X\"
claim = \"c\"

[[probe]]
name  = \"a\"
until = \"count >= 3\"

[[probe]]
name = \"g\"
[[probe.step]]
kind = \"http\"
name = \"s\"

[assert]
one = { that = \"a.count == 3\" }

[control.frozen]
says = \"x\"
";

    const fn at(line: usize, column: usize) -> Place {
        Place { line, column }
    }

    #[test]
    fn every_part_is_found_where_a_reader_would_look_for_it() {
        let places = Places::of(GATE.as_bytes());
        assert_eq!(places.claim(), at(2, 1));
        assert_eq!(places.probe("a"), Some(at(5, 1)));
        assert_eq!(places.assertion("a"), Some(at(6, 1)), "the `until` itself");
        assert_eq!(
            (places.probe("g"), places.probe("g.s")),
            (Some(at(9, 1)), Some(at(12, 1)))
        );
        assert_eq!(places.assertion("one"), Some(at(15, 1)));
        assert_eq!(places.control("frozen"), Some(at(17, 10)));
        assert_eq!(places.assertion("nobody"), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_has_no_places_and_does_no_harm() {
        for bytes in [&b"\xff"[..], b"= =", b"probe = 3", b"probe = [1, {}]", b""] {
            let places = Places::of(bytes);
            assert_eq!((places.claim(), places.probe("a")), (Place::top(), None));
        }
    }
}
