//! Named values: constants of the suite, of a profile, of a gate, and what a gate derives from observations. They may
//! be written in any order and are handed on in one in which each can be computed from those before it.

use std::collections::BTreeSet;

use crate::cel::Sentence;

use super::{
    course::Course,
    desk::{Desk, sentences},
    functions::Stance,
    model::Tree,
    modifiers::shape_of,
    names::Names,
    node::{Entry, Node},
    shape::Shape,
};

impl Desk<'_> {
    /// The constants under `let`, which are bound in `names`.
    pub(super) fn lets(&mut self, table: &Node, names: &mut Names, stance: Stance) -> Vec<(String, Tree)> {
        let entries = self.named(table, "let", "let");
        for entry in &entries {
            names.bind(&entry.key, Shape::written(&entry.value), true);
        }
        let read = |entry: &&Entry| {
            let tree = self.tree(&entry.value, &format!("`{}`", entry.key), names, stance)?;
            Some((entry.key.clone(), tree))
        };
        let trees = entries.iter().filter_map(read).collect();
        let reads = |tree: &Tree| sentences(tree).flat_map(Sentence::reads).collect();
        let sorted = self.sorted(trees, reads, &entries);
        for ((name, tree), entry) in sorted.iter().filter_map(|pair| Some((pair, find(&entries, &pair.0)?))) {
            names.bind(name, Shape::written(&entry.value), self.is_constant_tree(tree, names));
        }
        sorted
    }

    /// Sentences over observations, under `derive`, seen like observations themselves.
    pub(super) fn derives(&mut self, gate: &Node, course: &mut Course) -> Vec<(String, Sentence)> {
        let entries = self.named(gate, "derive", "derive");
        for entry in &entries {
            if course.names.get(&entry.key).is_some() {
                self.pile.add(&entry.at, format!("the name `{}` is taken by a let or a probe", entry.key));
            }
        }
        entries.iter().for_each(|entry| course.names.observe(&entry.key, Shape::Any));
        let compile = |entry: &&Entry| {
            Some((entry.key.clone(), self.compiled(&entry.value, &format!("`{}`", entry.key))?))
        };
        let compiled = entries.iter().filter_map(compile).collect();
        let sorted = self.sorted(compiled, Sentence::reads, &entries);
        for ((name, sentence), entry) in sorted.iter().filter_map(|pair| Some((pair, find(&entries, &pair.0)?))) {
            self.examine(sentence, &entry.value.at, &course.names, Stance::Judging);
            course.names.observe(name, shape_of(sentence, &course.names));
        }
        sorted
    }

    fn sorted<T>(
        &mut self,
        mut waiting: Vec<(String, T)>,
        reads: impl Fn(&T) -> BTreeSet<String>,
        entries: &[&Entry],
    ) -> Vec<(String, T)> {
        let mut sorted = Vec::new();
        while !waiting.is_empty() {
            let pending: BTreeSet<String> = waiting.iter().map(|(name, _)| name.clone()).collect();
            let ready = |(_, value): &(String, T)| reads(value).is_disjoint(&pending);
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
            if now.is_empty() {
                self.circle(&pending, entries);
                break;
            }
            sorted.extend(now);
            waiting = later;
        }
        sorted
    }

    fn circle(&mut self, names: &BTreeSet<String>, entries: &[&Entry]) {
        let all = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if let Some(first) = entries.iter().find(|entry| names.contains(&entry.key)) {
            self.pile.add(&first.at, format!("none of these can be computed before the others: {all}"));
        }
    }
}

fn find<'e>(entries: &[&'e Entry], name: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.key == name).copied()
}
