//! What a name looks like inside: enough to find a misspelt field, and no more.

use std::collections::BTreeMap;

use super::{
    node::{Is, Node},
    types::Sees,
};

/// The inside of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Nobody knows.
    Any,
    /// A plain value.
    Leaf,
    /// A list of one shape.
    List(Box<Shape>),
    /// Values of one shape by keys nobody listed.
    Map(Box<Shape>),
    /// These fields and no others.
    Fields(BTreeMap<String, Shape>),
}

/// A step that leads nowhere.
#[derive(Debug, PartialEq)]
pub(super) struct Stray {
    /// How many steps were good.
    pub(super) good: usize,
    /// The fields there are at that place.
    pub(super) known: Vec<String>,
}

impl Shape {
    /// Fields of a table of kinds.
    pub(super) fn seen(fields: &[(&str, Sees)]) -> Self {
        Self::Fields(
            fields
                .iter()
                .map(|(name, sees)| ((*name).to_owned(), Self::of(sees)))
                .collect(),
        )
    }

    fn of(sees: &Sees) -> Self {
        match sees {
            Sees::Any => Self::Any,
            Sees::Leaf => Self::Leaf,
            Sees::List(element) => Self::List(Box::new(Self::of(element))),
            Sees::Map(value) => Self::Map(Box::new(Self::of(value))),
            Sees::Fields(fields) => Self::seen(fields),
        }
    }

    /// A constant as it is written. What an expression will give, nobody knows; elements of a written list may differ.
    pub(super) fn written(node: &Node) -> Self {
        match &node.is {
            Is::Text(text) if text.contains("${") => Self::Any,
            Is::Table(entries) if entries.iter().any(|entry| entry.key.contains("${")) => Self::Any,
            Is::Table(entries) => Self::Fields(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), Self::written(&e.value)))
                    .collect(),
            ),
            Is::List(_) => Self::List(Box::new(Self::Any)),
            _ => Self::Leaf,
        }
    }

    /// The same with more fields; a shape without fields stays what it is.
    pub(super) fn and(mut self, more: impl IntoIterator<Item = (String, Shape)>) -> Self {
        if let Self::Fields(fields) = &mut self {
            fields.extend(more);
        }
        self
    }

    pub(super) fn list(self) -> Self {
        Self::List(Box::new(self))
    }

    /// Has a field of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self, Self::Fields(fields) if fields.contains_key(name))
    }

    /// One element of a list; anything else is its own element.
    pub(super) fn element(&self) -> &Self {
        match self {
            Self::List(element) => element,
            other => other,
        }
    }

    /// Follow a path of fields. Lists are walked through, since a path says nothing about which element is meant, and
    /// `*` is an index or key that only the evaluation knows.
    pub(super) fn follow(&self, steps: &[String]) -> Result<&Self, Stray> {
        let mut here = self;
        for (good, step) in steps.iter().enumerate() {
            let stray = |known: Vec<String>| Stray { good, known };
            here = match (here, step.as_str()) {
                (Self::List(element), "*") => element,
                (Self::Fields(_), "*") => return Ok(&Self::Any),
                _ => match here.innermost() {
                    Self::Any => return Ok(&Self::Any),
                    Self::Map(value) => value,
                    Self::Leaf if step == "*" => return Ok(&Self::Any),
                    Self::Leaf | Self::List(_) => return Err(stray(Vec::new())),
                    Self::Fields(fields) => fields
                        .get(step)
                        .ok_or_else(|| stray(fields.keys().cloned().collect()))?,
                },
            };
        }
        Ok(here)
    }

    fn innermost(&self) -> &Self {
        match self {
            Self::List(element) => element.innermost(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shape, Stray};
    use crate::gate::kinds;

    fn follow(path: &[&str]) -> Result<Shape, Stray> {
        let load = kinds::kind("load").expect("a kind");
        let steps: Vec<_> = path.iter().map(|step| (*step).to_owned()).collect();
        Shape::seen(load.sees).follow(&steps).cloned()
    }

    #[test]
    fn a_path_is_followed_through_lists_and_maps() {
        assert_eq!(follow(&["latency", "intended", "p95_ms"]), Ok(Shape::Leaf));
        assert_eq!(follow(&["by_second", "status", "200"]), Ok(Shape::Leaf));
        assert_eq!(follow(&["by_second", "*", "p95_ms"]), Ok(Shape::Leaf));
        assert_eq!(follow(&["classes", "unique", "sent"]), Ok(Shape::Any));
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_it_left_the_road() {
        let stray = follow(&["latency", "intnded", "p95_ms"]).expect_err("misspelt");
        assert_eq!(stray.good, 1);
        assert!(stray.known.contains(&"intended".to_owned()));
        assert_eq!(
            follow(&["sent", "x"]),
            Err(Stray {
                good: 1,
                known: Vec::new()
            })
        );
    }
}
