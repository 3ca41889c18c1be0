//! The desk at which a file is read: what is known about the suite, and the pile of complaints.

use std::collections::{BTreeMap, BTreeSet};

use crate::name;

use super::{
    complaint::{Pile, Spot},
    functions::Functions,
    model::{Address, Database, Snapshot},
    node::{Entry, Is, Node},
    template::Template,
    types::Key,
};

/// What every gate may lean on.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) services: BTreeMap<String, Address>,
    /// Services of which something could not be read: nothing they lack is held against those who use them.
    pub(super) doubtful: BTreeSet<String>,
    pub(super) databases: BTreeMap<String, Database>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) functions: Functions,
    pub(super) templates: BTreeMap<String, Template>,
    pub(super) profiles: BTreeSet<String>,
}

/// Reads the parts of one file.
pub(super) struct Desk<'a> {
    pub(super) pile: &'a mut Pile,
    pub(super) shared: &'a Shared,
    /// The folder of the file, relative to the suite's; empty for the suite itself.
    pub(super) folder: &'a str,
    /// Every file of the suite.
    pub(super) files: &'a BTreeMap<String, Vec<u8>>,
    /// The files something refers to.
    pub(super) used: &'a mut BTreeSet<String>,
    /// How often a template has been filled in.
    pub(super) fills: &'a mut usize,
}

impl Desk<'_> {
    /// Complain unless a value is a table, every key of it is known and every required one is there. The values
    /// are left to whoever reads them.
    pub(super) fn table(&mut self, node: &Node, what: &str, keys: &[&[Key]]) -> bool {
        let is_table = matches!(node.is, Is::Table(_));
        if is_table {
            self.known_keys(node, what, keys);
            for keys in keys {
                self.required_keys(node, what, keys);
            }
        } else {
            self.pile
                .add(&node.at, format!("{what} is {}, not a table", node.word()));
        }
        is_table
    }

    /// Complain about keys of a table that nobody knows.
    pub(super) fn known_keys(&mut self, node: &Node, what: &str, keys: &[&[Key]]) {
        let known = || keys.iter().copied().flatten();
        for entry in node
            .entries()
            .iter()
            .filter(|entry| !known().any(|key| key.name == entry.key))
        {
            let message = format!("unknown key `{}` in {what}", entry.key);
            self.pile
                .unknown(&entry.at, message, &entry.key, known().map(|key| key.name));
        }
    }

    /// Complain about keys that are not there.
    pub(super) fn required_keys(&mut self, node: &Node, what: &str, keys: &[Key]) {
        for key in keys
            .iter()
            .filter(|key| key.required && node.get(key.name).is_none())
        {
            self.pile.add(&node.at, format!("{what} lacks `{}`", key.name));
        }
    }

    /// The entries of an optional table of things whose names stand bare in sentences.
    pub(super) fn bare_named<'n>(&mut self, of: &'n Node, key: &str, what: &str) -> Vec<&'n Entry> {
        let mut entries = self.named(of, key, what);
        entries.retain(|entry| self.bare_name(&entry.key, &entry.at, what));
        entries
    }

    /// The entries of an optional table of named things.
    pub(super) fn named<'n>(&mut self, of: &'n Node, key: &str, what: &str) -> Vec<&'n Entry> {
        let Some(table) = of.get(key) else {
            return Vec::new();
        };
        if !matches!(table.is, Is::Table(_)) {
            self.pile
                .add(&table.at, format!("`{key}` is {}, not a table", table.word()));
        }
        let entries = table.entries().iter();
        entries
            .filter(|entry| self.identifier(&entry.key, &entry.at, what))
            .collect()
    }

    /// Complain unless a name is one.
    pub(super) fn identifier(&mut self, name: &str, at: &Spot, what: &str) -> bool {
        let good = name::is_identifier(name);
        if !good {
            let hint = "use letters, digits and `_`, and do not begin with a digit";
            self.pile.hint(at, format!("{what} `{name}` is no name"), hint);
        }
        good
    }

    /// Complain unless a name can stand bare in a sentence and hides nothing that every sentence sees.
    pub(super) fn bare_name(&mut self, name: &str, at: &Spot, what: &str) -> bool {
        let good = self.identifier(name, at, what);
        let taken = RESERVED.contains(&name);
        if taken {
            self.pile
                .add(at, format!("{what} cannot be called `{name}`: the word is taken"));
        }
        good && !taken
    }

    /// Words for people, or a name: a string without `${…}`.
    pub(super) fn words(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.string(node, what)?;
        match text {
            "" => self.pile.add(&node.at, format!("{what} is empty")),
            text if text.contains("${") => {
                self.pile.add(
                    &node.at,
                    format!("{what} is taken as it is and cannot hold `${{…}}`"),
                );
            }
            text => return Some(text.to_owned()),
        }
        None
    }

    /// A list of words.
    pub(super) fn list_of_words(&mut self, node: &Node, what: &str) -> Vec<(Spot, String)> {
        let Is::List(elements) = &node.is else {
            self.pile
                .add(&node.at, format!("{what} is {}, not a list", node.word()));
            return Vec::new();
        };
        let one = |element: &Node| {
            let word = self.words(element, &format!("an element of {what}"))?;
            Some((element.at.clone(), word))
        };
        let words: Vec<(Spot, String)> = elements.iter().filter_map(one).collect();
        let mut seen = BTreeSet::new();
        for (at, word) in &words {
            if !seen.insert(word) {
                self.pile.add(at, format!("{what} names `{word}` twice"));
            }
        }
        words
    }

    /// A string.
    pub(super) fn string<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        if node.text().is_none() {
            self.pile
                .add(&node.at, format!("{what} is {}, not a string", node.word()));
        }
        node.text()
    }
}

/// Names every sentence sees, and words CEL keeps for itself.
const RESERVED: &[&str] = &[
    "suite",
    "profile",
    "run",
    "compose",
    "from",
    "controls",
    "it",
    "lists",
    "strings",
    "math",
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
