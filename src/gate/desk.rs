//! The desk at which a file is read: what is known about the suite, and the pile of complaints.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cel::{Fault, Sentence, Text},
    name,
};

use super::{
    complaint::{Pile, Spot},
    functions::{Functions, Stance},
    kinds::Key,
    model::{Address, Database, Snapshot, Tree},
    names::Names,
    node::{Entry, Is, Node},
    template::Template,
};

/// What every gate may lean on.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) services: BTreeMap<String, Address>,
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
}

impl Desk<'_> {
    /// Complain unless a value is a table, every key of it is known and every required one is there. The values
    /// are left to whoever reads them.
    pub(super) fn table(&mut self, node: &Node, what: &str, keys: &[&[Key]]) -> bool {
        let is_table = matches!(node.is, Is::Table(_));
        if is_table {
            self.known_keys(node, what, keys);
            keys.iter().for_each(|keys| self.required_keys(node, what, keys));
        } else {
            self.pile.add(&node.at, format!("{what} is {}, not a table", node.word()));
        }
        is_table
    }

    /// Complain about keys of a table that nobody knows.
    pub(super) fn known_keys(&mut self, node: &Node, what: &str, keys: &[&[Key]]) {
        let known = || keys.iter().copied().flatten();
        for entry in node.entries().iter().filter(|entry| !known().any(|key| key.name == entry.key)) {
            let message = format!("unknown key `{}` in {what}", entry.key);
            self.pile.unknown(&entry.at, message, &entry.key, known().map(|key| key.name));
        }
    }

    /// Complain about keys that are not there.
    pub(super) fn required_keys(&mut self, node: &Node, what: &str, keys: &[Key]) {
        for key in keys.iter().filter(|key| key.required && node.get(key.name).is_none()) {
            self.pile.add(&node.at, format!("{what} lacks `{}`", key.name));
        }
    }

    /// The entries of an optional table of named things, whose names can stand in sentences.
    pub(super) fn named<'n>(&mut self, of: &'n Node, key: &str, what: &str) -> Vec<&'n Entry> {
        let Some(table) = of.get(key) else { return Vec::new() };
        if !matches!(table.is, Is::Table(_)) {
            self.pile.add(&table.at, format!("`{key}` is {}, not a table", table.word()));
        }
        let entries = table.entries().iter();
        entries.filter(|entry| self.identifier(&entry.key, &entry.at, what)).collect()
    }

    /// Complain unless a name can stand bare in a sentence and hides nothing that every sentence sees.
    pub(super) fn identifier(&mut self, name: &str, at: &Spot, what: &str) -> bool {
        if !name::is_identifier(name) {
            let hint = "use letters, digits and `_`, and do not begin with a digit";
            self.pile.hint(at, format!("{what} `{name}` cannot stand in a sentence"), hint);
        } else if RESERVED.contains(&name) {
            self.pile.add(at, format!("{what} cannot be called `{name}`: the word is taken"));
        } else {
            return true;
        }
        false
    }

    /// Words for people, or a name: a string without `${…}`.
    pub(super) fn words(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.string(node, what)?;
        match text {
            "" => self.pile.add(&node.at, format!("{what} is empty")),
            text if text.contains("${") => {
                self.pile.add(&node.at, format!("{what} is taken as it is and cannot hold `${{…}}`"));
            }
            text => return Some(text.to_owned()),
        }
        None
    }

    /// A list of words.
    pub(super) fn list_of_words(&mut self, node: &Node, what: &str) -> Vec<(Spot, String)> {
        let Is::List(elements) = &node.is else {
            self.pile.add(&node.at, format!("{what} is {}, not a list", node.word()));
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
            self.pile.add(&node.at, format!("{what} is {}, not a string", node.word()));
        }
        node.text()
    }

    /// A sentence.
    pub(super) fn sentence(&mut self, node: &Node, what: &str, names: &Names) -> Option<Sentence> {
        let sentence = self.compiled(node, what)?;
        self.examine(&sentence, &node.at, names, Stance::Judging);
        Some(sentence)
    }

    /// A sentence of which nobody has asked yet whether it can stand where it does.
    pub(super) fn compiled(&mut self, node: &Node, what: &str) -> Option<Sentence> {
        let source = self.string(node, what)?;
        Sentence::compile(source).map_err(|fault| self.fault(&node.at, what, &fault)).ok()
    }

    /// A text.
    pub(super) fn text(&mut self, node: &Node, what: &str, names: &Names, stance: Stance) -> Option<Text> {
        let source = self.string(node, what)?;
        self.cut(source, &node.at, what, names, stance)
    }

    fn cut(&mut self, source: &str, at: &Spot, what: &str, names: &Names, stance: Stance) -> Option<Text> {
        let text = Text::parse(source).map_err(|fault| self.fault(at, what, &fault)).ok()?;
        text.sentences().for_each(|sentence| self.examine(sentence, at, names, stance));
        Some(text)
    }

    /// Anything, with texts in it.
    pub(super) fn tree(&mut self, node: &Node, what: &str, names: &Names, stance: Stance) -> Option<Tree> {
        Some(match &node.is {
            Is::Text(_) => Tree::Text(self.text(node, what, names, stance)?),
            Is::Int(int) => Tree::Plain((*int).into()),
            Is::Float(float) => Tree::Plain((*float).into()),
            Is::Bool(bool) => Tree::Plain((*bool).into()),
            Is::List(elements) => {
                let read = elements.iter().map(|element| self.tree(element, what, names, stance));
                Tree::List(all(read)?)
            }
            Is::Table(entries) => {
                let read = entries.iter().map(|entry| {
                    let key = self.cut(&entry.key, &entry.at, what, names, stance);
                    let value = self.tree(&entry.value, what, names, stance);
                    key.zip(value)
                });
                Tree::Table(all(read)?)
            }
        })
    }

    fn fault(&mut self, at: &Spot, what: &str, fault: &Fault) {
        let Fault { message, line, column } = fault;
        let place = if *line == 1 { format!("character {column}") } else { format!("line {line}, character {column}") };
        let message = message.lines().next().unwrap_or_default();
        self.pile.add(at, format!("{what}: {message} (at {place} of it)"));
    }

    /// Complain about every name, field and function of a sentence that it cannot have where it stands.
    pub(super) fn examine(&mut self, sentence: &Sentence, at: &Spot, names: &Names, stance: Stance) {
        for name in &sentence.reads() {
            match names.get(name) {
                None if name == "it" => {
                    let hint = "`it` is an element of `each` or of a `rerun`; there is none here";
                    self.pile.hint(at, "unknown name `it`", hint);
                }
                None => self.pile.unknown(at, format!("unknown name `{name}`"), name, names.all()),
                Some(known) if stance == Stance::Constant && !known.constant => self.pile.hint(
                    at,
                    format!("`{name}` is not known before anything starts"),
                    "use constants, `suite`, `profile` and loop variables over them",
                ),
                Some(_) => {}
            }
        }
        for path in sentence.paths() {
            self.path(path, at, names);
        }
        self.shared.functions.check(sentence, at, stance, self.pile);
    }

    fn path(&mut self, path: &[String], at: &Spot, names: &Names) {
        let Some((root, steps)) = path.split_first() else { return };
        let Some(known) = names.get(root) else { return };
        let Err(stray) = known.shape.follow(steps) else { return };
        let step = &steps[stray.good];
        let before = path[..=stray.good].join(".");
        let near = stray.known.iter().map(String::as_str);
        match (root.as_str(), stray.good) {
            ("from", 0) => {
                let hint = format!("add `needs = [\"{step}\"]`");
                self.pile.hint(at, format!("gate `{step}` is not among `needs`"), hint);
            }
            _ if stray.known.is_empty() => {
                self.pile.add(at, format!("`{before}` is a plain value and has no field `{step}`"));
            }
            _ => self.pile.unknown(at, format!("unknown field `{step}` of `{before}`"), step, near),
        }
    }

    /// The value of a sentence can be told before the run.
    pub(super) fn is_constant(&self, sentence: &Sentence, names: &Names) -> bool {
        let known = |name: &String| names.get(name).is_some_and(|known| known.constant);
        sentence.reads().iter().all(known) && self.shared.functions.all_pure(sentence)
    }

    /// The value of a tree can be told before the run.
    pub(super) fn is_constant_tree(&self, tree: &Tree, names: &Names) -> bool {
        sentences(tree).all(|sentence| self.is_constant(sentence, names))
    }
}

/// Every expression in a tree.
pub(super) fn sentences(tree: &Tree) -> Box<dyn Iterator<Item = &Sentence> + '_> {
    match tree {
        Tree::Plain(_) => Box::new(std::iter::empty()),
        Tree::Text(text) => Box::new(text.sentences()),
        Tree::List(elements) => Box::new(elements.iter().flat_map(sentences)),
        Tree::Table(entries) => {
            Box::new(entries.iter().flat_map(|(key, value)| key.sentences().chain(sentences(value))))
        }
    }
}

/// Collect all, or nothing if one is missing; but look at every one, because each may have something to complain about.
pub(super) fn all<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

/// Names every sentence sees, names it may be given, and words CEL keeps for itself.
const RESERVED: &[&str] = &[
    "suite", "profile", "run", "compose", "from", "it", "before", "after", "T", "lists", "strings", "math",
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
    "let", "loop", "package", "namespace", "return", "var", "void", "while",
];
