//! The names a sentence or a text can see from where it stands.

use std::collections::BTreeMap;

use super::shape::Shape;

/// Names in scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, Known>);

/// What is known about a name before anything runs.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) shape: Shape,
    /// Its value can be told before the run.
    pub(super) constant: bool,
    /// It is an observation: an `until`, which looks at its own probe only, does not see it.
    pub(super) observed: bool,
}

impl Names {
    /// A value that can, or cannot, be told before the run.
    pub(super) fn bind(&mut self, name: &str, shape: Shape, constant: bool) {
        self.0.insert(name.to_owned(), Known { shape, constant, observed: false });
    }

    /// An observation, or something computed from observations.
    pub(super) fn observe(&mut self, name: &str, shape: Shape) {
        self.0.insert(name.to_owned(), Known { shape, constant: false, observed: true });
    }

    /// These names and one more, of which nothing is known.
    pub(super) fn with(&self, name: &str, shape: Shape) -> Self {
        let mut more = self.clone();
        more.bind(name, shape, false);
        more
    }

    /// These names without any observation.
    pub(super) fn unobserved(&self) -> Self {
        let kept = self.0.iter().filter(|(_, known)| !known.observed);
        Self(kept.map(|(name, known)| (name.clone(), known.clone())).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Known> {
        self.0.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
