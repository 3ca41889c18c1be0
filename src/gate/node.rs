//! A TOML file as a tree in which every key and every value knows where it stands, in the order of the file.

use std::sync::Arc;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::complaint::{Pile, Spot};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Spot,
    pub(super) is: Is,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Is {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// One key of a table with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) at: Spot,
    pub(super) key: String,
    pub(super) value: Node,
}

impl Node {
    /// The value under a key, when this is a table that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a table; nothing for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.is {
            Is::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; a value that is no list counts as its only element.
    pub(super) fn elements(&self) -> &[Node] {
        match &self.is {
            Is::List(elements) => elements,
            _ => std::slice::from_ref(self),
        }
    }

    /// The characters of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.is {
            Is::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in a word for people.
    pub(super) fn word(&self) -> &'static str {
        match self.is {
            Is::Text(_) => "a string",
            Is::Int(_) => "an integer",
            Is::Float(_) => "a float",
            Is::Bool(_) => "a boolean",
            Is::List(_) => "a list",
            Is::Table(_) => "a table",
        }
    }

    /// A number as the string that spells it; anything else as it is.
    pub(super) fn spelled(&self) -> Self {
        let is = match self.is {
            Is::Int(int) => Is::Text(int.to_string()),
            _ => self.is.clone(),
        };
        Self { at: self.at.clone(), is }
    }

    /// The same table without some of its keys.
    pub(super) fn without(&self, keys: &[&str]) -> Self {
        let kept = self.entries().iter().filter(|entry| !keys.contains(&entry.key.as_str()));
        Self { at: self.at.clone(), is: Is::Table(kept.cloned().collect()) }
    }

    /// This table laid over another: its keys win, tables merge.
    pub(super) fn over(&self, below: &Self) -> Self {
        let mut merged = below.entries().to_vec();
        for entry in self.entries() {
            match merged.iter_mut().find(|old| old.key == entry.key) {
                Some(old) if matches!((&old.value.is, &entry.value.is), (Is::Table(_), Is::Table(_))) => {
                    old.value = entry.value.over(&old.value);
                }
                Some(old) => *old = entry.clone(),
                None => merged.push(entry.clone()),
            }
        }
        Self { at: self.at.clone(), is: Is::Table(merged) }
    }
}

/// Read one file. Syntax errors go to the pile, every one; what could be read around them comes back all the same.
pub(super) fn parse(file: &str, bytes: &[u8], pile: &mut Pile) -> Node {
    let source = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to here");
            pile.add(&Source::new(file, good).spot(good.len()), "not UTF-8");
            return Node { at: Spot::top(file), is: Is::Table(Vec::new()) };
        }
    };
    let places = Source::new(file, source);
    let (table, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        let at = places.spot(error.span().map_or(0, |span| span.start));
        pile.add(&at, format!("not TOML: {}", error.message().replace('\n', " ")));
    }
    Node { at: Spot::top(file), is: Is::Table(places.entries(table.get_ref(), pile)) }
}

/// A file's characters, with what it takes to turn an offset into a line and a column.
struct Source<'a> {
    file: Arc<str>,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(file: &str, text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file: file.into(), text, line_starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    fn spot(&self, offset: usize) -> Spot {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..offset).map_or(0, |part| part.chars().count());
        Spot { file: self.file.clone(), line, column: before + 1 }
    }

    fn entries(&self, table: &DeTable<'_>, pile: &mut Pile) -> Vec<Entry> {
        let mut pairs: Vec<_> = table.iter().collect();
        pairs.sort_by_key(|(key, value)| (key.span().start, value.span().start));
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            let at = self.spot(key.span().start);
            Some(Entry { at, key: key.get_ref().to_string(), value: self.node(value, pile)? })
        };
        pairs.into_iter().filter_map(entry).collect()
    }

    fn node(&self, value: &Spanned<DeValue<'_>>, pile: &mut Pile) -> Option<Node> {
        let at = self.spot(value.span().start);
        let is = match value.get_ref() {
            DeValue::String(text) => Is::Text(text.to_string()),
            DeValue::Boolean(bool) => Is::Bool(*bool),
            DeValue::Array(list) => Is::List(list.iter().filter_map(|e| self.node(e, pile)).collect()),
            DeValue::Table(table) => Is::Table(self.entries(table, pile)),
            DeValue::Integer(int) => match i64::from_str_radix(int.as_str(), int.radix()) {
                Ok(int) => Is::Int(int),
                Err(_) => return complain(pile, &at, "an integer of more than 64 bits"),
            },
            DeValue::Float(float) => match float.as_str().parse() {
                Ok(float) if f64::is_finite(float) => Is::Float(float),
                _ => return complain(pile, &at, "a float that is not finite"),
            },
            DeValue::Datetime(_) => return complain(pile, &at, "dates are written as strings"),
        };
        Some(Node { at, is })
    }
}

fn complain(pile: &mut Pile, at: &Spot, message: &str) -> Option<Node> {
    pile.add(at, message);
    None
}
