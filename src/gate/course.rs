//! What stands above a probe in its gate, while the gate is read from top to bottom.

use std::collections::{BTreeMap, BTreeSet};

use super::{kinds::Kind, names::Names, shape::Shape};

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
        Self { names, looks, lane: BTreeSet::new(), promised: BTreeSet::new() }
    }

    /// The same place, seen with other names.
    pub(super) fn seeing(&self, names: Names) -> Self {
        Self { names, ..self.clone() }
    }

    /// A look has been read.
    pub(super) fn pass(&mut self, name: &str, look: Above) {
        self.names.observe(name, look.shape.clone());
        self.lane.insert(name.to_owned());
        self.looks.insert(name.to_owned(), look);
    }
}
