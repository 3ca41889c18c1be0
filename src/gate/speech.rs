//! Sentences and texts: compiled, and asked whether they can stand where they do.

use crate::cel::{Fault, Sentence, Text};

use super::{
    complaint::Spot,
    desk::Desk,
    functions::Stance,
    model::Tree,
    names::Names,
    node::{Is, Node},
};

impl Desk<'_> {
    /// A sentence.
    pub(super) fn sentence(&mut self, node: &Node, what: &str, names: &Names) -> Option<Sentence> {
        let sentence = self.compiled(node, what)?;
        self.examine(&sentence, &node.at, names, Stance::Judging);
        Some(sentence)
    }

    /// A sentence of which nobody has asked yet whether it can stand where it does.
    pub(super) fn compiled(&mut self, node: &Node, what: &str) -> Option<Sentence> {
        let source = self.string(node, what)?;
        Sentence::compile(source)
            .map_err(|fault| self.fault(&node.at, what, &fault))
            .ok()
    }

    /// A text.
    pub(super) fn text(&mut self, node: &Node, what: &str, names: &Names, stance: Stance) -> Option<Text> {
        let source = self.string(node, what)?;
        self.cut(source, &node.at, what, names, stance)
    }

    fn cut(&mut self, source: &str, at: &Spot, what: &str, names: &Names, stance: Stance) -> Option<Text> {
        let text = Text::parse(source)
            .map_err(|fault| self.fault(at, what, &fault))
            .ok()?;
        text.sentences()
            .for_each(|sentence| self.examine(sentence, at, names, stance));
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
                let read = elements
                    .iter()
                    .map(|element| self.tree(element, what, names, stance));
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
        let Fault {
            message,
            line,
            column,
        } = fault;
        let place = if *line == 1 {
            format!("character {column}")
        } else {
            format!("line {line}, character {column}")
        };
        let message = message.lines().next().unwrap_or_default();
        let message = message.trim_start_matches("Syntax error: ");
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
                None => self
                    .pile
                    .unknown(at, format!("unknown name `{name}`"), name, names.all()),
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
        let Some((root, steps)) = path.split_first() else {
            return;
        };
        let Some(known) = names.get(root) else { return };
        let Err(stray) = known.shape.follow(steps) else {
            return;
        };
        let step = &steps[stray.good];
        let before = path[..=stray.good].join(".");
        let near = stray.known.iter().map(String::as_str);
        match (root.as_str(), stray.good) {
            ("from", 0) => {
                let hint = format!("add `needs = [\"{step}\"]`");
                self.pile
                    .hint(at, format!("gate `{step}` is not among `needs`"), hint);
            }
            _ if stray.known.is_empty() => {
                self.pile.add(
                    at,
                    format!("`{before}` is a plain value and has no field `{step}`"),
                );
            }
            _ => self
                .pile
                .unknown(at, format!("unknown field `{step}` of `{before}`"), step, near),
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
        Tree::Table(entries) => Box::new(
            entries
                .iter()
                .flat_map(|(key, value)| key.sentences().chain(sentences(value))),
        ),
    }
}

/// Collect all, or nothing if one is missing; but look at every one, because each may have something to complain about.
pub(super) fn all<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}
