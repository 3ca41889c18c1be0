//! What stands above a probe in its gate, while the gate is read from top to bottom.

use std::collections::{BTreeMap, BTreeSet};

use super::{names::Names, shape::Shape, types::Kind};

/// What can be named from where the reader has come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    pub(super) names: Names,
    /// The looks above, by name.
    pub(super) looks: BTreeMap<String, Above>,
    /// Those of them that stand in the same sequence: only they can be spans of what comes below.
    pub(super) lane: BTreeSet<String>,
    /// Names of the assertions that `until`s make.
    pub(super) promised: BTreeSet<String>,
    /// How many groups it stands in.
    pub(super) depth: usize,
    /// The gate has a database of its own.
    pub(super) has_clone: bool,
}

/// A look above.
#[derive(Clone, Debug)]
pub(super) struct Above {
    /// None for a group, or when the kind could not be read.
    pub(super) kind: Option<&'static Kind>,
    /// It runs over a list.
    pub(super) looped: bool,
    /// It is a group of steps.
    pub(super) group: bool,
    /// What is observed.
    pub(super) shape: Shape,
}

impl Course {
    /// Where the steps of a group begin: they see everything above the group, but share no spans with it.
    pub(super) fn inside(&self, names: Names) -> Self {
        let looks = self.looks.clone();
        Self {
            names,
            looks,
            depth: self.depth + 1,
            has_clone: self.has_clone,
            ..Self::default()
        }
    }

    /// The same place, seen with other names.
    pub(super) fn seeing(&self, names: Names) -> Self {
        Self {
            names,
            ..self.clone()
        }
    }

    /// An `until` makes an assertion; a probe whose name could not be read makes none.
    pub(super) fn promise(&mut self, name: &str) {
        if !name.is_empty() && !name.starts_with('.') {
            self.promised.insert(name.to_owned());
        }
    }

    /// A look has been read.
    pub(super) fn pass(&mut self, name: &str, look: Above) {
        self.names.observe(name, look.shape.clone());
        self.lane.insert(name.to_owned());
        self.looks.insert(name.to_owned(), look);
    }
}
