//! A YAML tree with places, after anchors, aliases and merges: what every other file of this room works on.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::complaint::Place;

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    /// How many characters after `place` the text begins, when it stands in the file character by character.
    pub(super) literal_at: Option<usize>,
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number, in the only spelling that is accepted: every reader of YAML would print it the same way.
    Number(String),
    Text(String),
    /// Nobody can say yet (it holds a variable), or somebody has complained already.
    Unknown,
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

impl PartialEq for Node {
    /// Two nodes are alike when they say the same, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Node {
    /// A node that stands where another one stood.
    pub(super) fn at(place: &Place, value: Value) -> Self {
        Self {
            place: place.clone(),
            literal_at: None,
            value,
        }
    }

    /// What this is, in words for a complaint.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) | Value::Unknown => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The value under a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Map(entries) => entries
                .iter_mut()
                .find(|entry| entry.key == key)
                .map(|entry| &mut entry.value),
            _ => None,
        }
    }

    /// The entries of a map; nothing for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// How many nodes this is.
    pub(super) fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|entry| entry.value.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// The place of the character `offset` characters into the text; of the text when that cannot be said.
    pub(super) fn place_inside(&self, offset: usize) -> Place {
        self.literal_at
            .map_or_else(|| self.place.clone(), |start| self.place.further(start + offset))
    }

    /// Call `each` with every text below, and with the keys and indices that lead to it. Where `enter` says no to
    /// a path, nothing below it is visited.
    pub(super) fn each_text(
        &mut self,
        path: &mut Vec<String>,
        enter: fn(&[String]) -> bool,
        each: &mut impl FnMut(&[String], &mut Self),
    ) {
        let mut step = |key: String, node: &mut Self| {
            path.push(key);
            if enter(path) {
                node.each_text(path, enter, each);
            }
            path.pop();
        };
        match &mut self.value {
            Value::Text(_) => each(path, self),
            Value::List(items) => (0..)
                .zip(items)
                .for_each(|(i, item): (usize, _)| step(i.to_string(), item)),
            Value::Map(entries) => entries.iter_mut().for_each(|e| step(e.key.clone(), &mut e.value)),
            _ => {}
        }
    }

    /// The tree as JSON with sorted keys: the same for every way of writing the same thing.
    pub(super) fn canonical(&self) -> Json {
        match &self.value {
            Value::Null | Value::Unknown => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(spelt) => {
                serde_json::from_str(spelt).unwrap_or_else(|_| Json::String(spelt.clone()))
            }
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::canonical).collect()),
            Value::Map(entries) => {
                let sorted: BTreeMap<_, _> = entries
                    .iter()
                    .map(|e| (e.key.clone(), e.value.canonical()))
                    .collect();
                Json::Object(sorted.into_iter().collect())
            }
        }
    }
}
