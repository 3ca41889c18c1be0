//! Reading single values out of the tree: each either comes out typed, or is complained about, or is not known yet.

use std::collections::BTreeMap;

use super::complaint::{Complaints, Place};
use super::subset;
use super::tree::{Entry, Node, Value};
use super::units::Kind;

/// A map of which every key is known.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    node: &'a Node,
}

impl<'a> Table<'a> {
    /// Refuse what is not a map, and every key that is not among `known`. `what` names it in complaints.
    pub(super) fn read(
        node: &'a Node,
        what: &str,
        known: &[&str],
        complaints: &mut Complaints,
    ) -> Option<Self> {
        if let Value::Unknown = node.value {
            return None;
        }
        if !matches!(node.value, Value::Map(_)) {
            complaints.say(&node.place, format!("{what} must be a map, not {}", node.kind()));
            return None;
        }
        node.entries()
            .iter()
            .for_each(|entry| subset::check_key(entry, what, known, complaints));
        Some(Self { node })
    }

    /// The field under a key.
    pub(super) fn field(self, key: &str) -> Option<Field<'a>> {
        self.node
            .entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(Field::of)
    }

    /// The field under a key that may not be missing. `what` names the table.
    pub(super) fn required(self, key: &str, what: &str, complaints: &mut Complaints) -> Option<Field<'a>> {
        let field = self.field(key);
        if field.is_none() {
            complaints.say(&self.node.place, format!("{what} lacks `{key}`"));
        }
        field
    }

    pub(super) fn text(self, key: &str, complaints: &mut Complaints) -> Option<String> {
        self.field(key)?.text(complaints)
    }

    /// False when it is missing.
    pub(super) fn boolean(self, key: &str, complaints: &mut Complaints) -> bool {
        self.field(key)
            .and_then(|field| field.boolean(complaints))
            .unwrap_or_default()
    }

    pub(super) fn parsed<T>(self, key: &str, kind: &Kind<T>, complaints: &mut Complaints) -> Option<T> {
        self.field(key)?.parsed(kind, complaints)
    }

    /// Empty when it is missing.
    pub(super) fn texts(self, key: &str, complaints: &mut Complaints) -> Vec<String> {
        self.field(key)
            .and_then(|field| field.texts(complaints))
            .unwrap_or_default()
    }

    /// Empty when it is missing.
    pub(super) fn pairs(self, key: &str, complaints: &mut Complaints) -> BTreeMap<String, String> {
        self.field(key)
            .and_then(|field| field.pairs(complaints))
            .unwrap_or_default()
    }
}

/// A value and the key it stands under; an item of a list stands under the key of the list.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) key: &'a str,
    pub(super) node: &'a Node,
}

impl<'a> Field<'a> {
    pub(super) fn of(entry: &'a Entry) -> Self {
        Self {
            key: &entry.key,
            node: &entry.value,
        }
    }

    pub(super) fn place(&self) -> &'a Place {
        &self.node.place
    }

    /// Complain that this is not what was wanted.
    pub(super) fn wrong<T>(&self, wanted: &str, complaints: &mut Complaints) -> Option<T> {
        if let Value::Unknown = self.node.value {
            return None;
        }
        let message = format!("`{}` must be {wanted}, not {}", self.key, self.node.kind());
        match self.node.value {
            Value::Bool(_) | Value::Number(_) if wanted.contains("text") => {
                complaints.hint(self.place(), message, "put it in quotes");
            }
            _ => complaints.say(self.place(), message),
        }
        None
    }

    pub(super) fn text(&self, complaints: &mut Complaints) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.clone()),
            _ => self.wrong("a text", complaints),
        }
    }

    /// A text or a number, as it is spelt.
    pub(super) fn spelt(&self, complaints: &mut Complaints) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) | Value::Number(text) => Some(text),
            _ => self.wrong("a text or a number", complaints),
        }
    }

    /// `true` or `false`; as a text too, because that is what a variable leaves.
    pub(super) fn boolean(&self, complaints: &mut Complaints) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            Value::Text(text) => {
                complaints.say(
                    self.place(),
                    format!("`{}` must be `true` or `false`, not `{text}`", self.key),
                );
                None
            }
            Value::Number(number) => {
                complaints.say(
                    self.place(),
                    format!("`{}` must be `true` or `false`, not `{number}`", self.key),
                );
                None
            }
            _ => self.wrong("`true` or `false`", complaints),
        }
    }

    /// A text or a number of some kind.
    pub(super) fn parsed<T>(&self, kind: &Kind<T>, complaints: &mut Complaints) -> Option<T> {
        let spelt = self.spelt(complaints)?;
        let value = (kind.parse)(spelt);
        if value.is_none() {
            let message = format!("`{}` must be {}, not `{spelt}`", self.key, kind.wanted);
            complaints.hint(self.place(), message, kind.hint);
        }
        value
    }

    /// The items of a list.
    pub(super) fn items(&self, complaints: &mut Complaints) -> Option<Vec<Self>> {
        match &self.node.value {
            Value::List(items) => Some(items.iter().map(|node| Self { key: self.key, node }).collect()),
            _ => self.wrong("a list", complaints),
        }
    }

    /// A list of texts, complete or not at all.
    pub(super) fn texts(&self, complaints: &mut Complaints) -> Option<Vec<String>> {
        let texts: Vec<_> = self
            .items(complaints)?
            .iter()
            .map(|item| item.text(complaints))
            .collect();
        texts.into_iter().collect()
    }

    /// One text, or a list of them.
    pub(super) fn one_or_more(&self, complaints: &mut Complaints) -> Option<Vec<String>> {
        match self.node.value {
            Value::List(_) => self.texts(complaints),
            _ => self.text(complaints).map(|text| vec![text]),
        }
    }

    /// Names with values: a map, or a list of `NAME=value`.
    pub(super) fn pairs(&self, complaints: &mut Complaints) -> Option<BTreeMap<String, String>> {
        match &self.node.value {
            Value::Map(entries) => Some(
                entries
                    .iter()
                    .filter_map(|entry| Some((entry.key.clone(), value(entry, complaints)?)))
                    .collect(),
            ),
            Value::List(_) => {
                let mut pairs = BTreeMap::new();
                for item in self.items(complaints)? {
                    item.pair(&mut pairs, complaints);
                }
                Some(pairs)
            }
            _ => self.wrong("a map, or a list of `NAME=value`", complaints),
        }
    }

    fn pair(&self, pairs: &mut BTreeMap<String, String>, complaints: &mut Complaints) {
        let Some(text) = self.text(complaints) else { return };
        match text.split_once('=') {
            None => without_value(self.place(), &text, complaints),
            Some((name, value)) => {
                if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
                    complaints.say(self.place(), format!("`{name}` has a value already"));
                }
            }
        }
    }
}

/// The value of a name.
fn value(entry: &Entry, complaints: &mut Complaints) -> Option<String> {
    if entry.value.value == Value::Null {
        without_value(&entry.place, &entry.key, complaints);
        return None;
    }
    Field::of(entry).spelt(complaints).map(str::to_owned)
}

/// Elsewhere such a name is filled from the shell that happens to start the run: a source of values we do not have.
fn without_value(place: &Place, name: &str, complaints: &mut Complaints) {
    let hint = "nothing is taken from the environment of this process; for an empty value write `\"\"`";
    complaints.hint(place, format!("`{name}` has no value"), hint);
}
