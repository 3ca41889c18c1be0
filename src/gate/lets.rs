//! Named values: constants of the suite, of a profile, of a gate, and what a gate derives from observations. They may
//! be written in any order and are handed on in one in which each can be computed from those before it.

use std::collections::BTreeSet;

use crate::cel::Sentence;

use super::{
    course::Course,
    desk::Desk,
    functions::Stance,
    model::Tree,
    modifiers::shape_of,
    names::Names,
    node::{Entry, Node},
    shape::Shape,
    speech::sentences,
};

/// How many values may need one another in a row: enough for any suite, and an end to one made to exhaust the reader.
const LONGEST_CHAIN: usize = 64;

impl Desk<'_> {
    /// The constants under `let`, which are bound in `names`.
    pub(super) fn lets(&mut self, table: &Node, names: &mut Names, stance: Stance) -> Vec<(String, Tree)> {
        let entries = self.bare_named(table, "let", "let");
        for entry in &entries {
            self.strayed(entry);
            names.bind(&entry.key, Shape::written(&entry.value), true);
        }
        let read = |entry: &&Entry| {
            let tree = self.tree(&entry.value, &format!("`{}`", entry.key), names, stance)?;
            Some((entry.key.clone(), tree))
        };
        let trees = entries.iter().filter_map(read).collect();
        let reads = |tree: &Tree| sentences(tree).flat_map(Sentence::reads).collect();
        let sorted = self.sorted(trees, reads, &entries);
        for ((name, tree), entry) in sorted
            .iter()
            .filter_map(|pair| Some((pair, find(&entries, &pair.0)?)))
        {
            names.bind(
                name,
                Shape::written(&entry.value),
                self.is_constant_tree(tree, names),
            );
        }
        sorted
    }

    /// A key after a `[header]` belongs to it. Probes written there would be a constant that nobody uses.
    fn strayed(&mut self, entry: &Entry) {
        if entry.key == "probe" {
            let hint = "a key belongs to the `[header]` above it: write `probe = [` above the first one, or `[[probe]]`";
            self.pile.hint(&entry.at, "`probe` stands under a `[let]`", hint);
        }
    }

    /// Sentences over observations, under `derive`, seen like observations themselves.
    pub(super) fn derives(&mut self, gate: &Node, course: &mut Course) -> Vec<(String, Sentence)> {
        let entries = self.bare_named(gate, "derive", "derive");
        for entry in &entries {
            if course.names.get(&entry.key).is_some() {
                self.pile.add(
                    &entry.at,
                    format!("the name `{}` is taken by a let or a probe", entry.key),
                );
            }
            course.names.observe(&entry.key, Shape::Any);
        }
        let compile = |entry: &&Entry| {
            Some((
                entry.key.clone(),
                self.compiled(&entry.value, &format!("`{}`", entry.key))?,
            ))
        };
        let compiled = entries.iter().filter_map(compile).collect();
        let sorted = self.sorted(compiled, Sentence::reads, &entries);
        for ((name, sentence), entry) in sorted
            .iter()
            .filter_map(|pair| Some((pair, find(&entries, &pair.0)?)))
        {
            self.examine(sentence, &entry.value.at, &course.names, Stance::Judging);
            course.names.observe(name, shape_of(sentence, &course.names));
        }
        sorted
    }

    fn sorted<T>(
        &mut self,
        values: Vec<(String, T)>,
        names_in: impl Fn(&T) -> BTreeSet<String>,
        entries: &[&Entry],
    ) -> Vec<(String, T)> {
        let with_needs = |(name, value): (String, T)| (names_in(&value), name, value);
        let mut waiting: Vec<_> = values.into_iter().map(with_needs).collect();
        let mut sorted = Vec::new();
        for _ in 0..LONGEST_CHAIN {
            let pending: BTreeSet<String> = waiting.iter().map(|(_, name, _)| name.clone()).collect();
            let (now, later): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(needs, _, _)| needs.is_disjoint(&pending));
            waiting = later;
            if now.is_empty() {
                break;
            }
            sorted.extend(now.into_iter().map(|(_, name, value)| (name, value)));
        }
        let left: BTreeSet<String> = waiting.into_iter().map(|(_, name, _)| name).collect();
        self.circle(&left, entries);
        sorted
    }

    fn circle(&mut self, names: &BTreeSet<String>, entries: &[&Entry]) {
        let all = names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        if let Some(first) = entries.iter().find(|entry| names.contains(&entry.key)) {
            self.pile.add(
                &first.at,
                format!("none of these can be computed before the others: {all}"),
            );
        }
    }
}

fn find<'e>(entries: &[&'e Entry], name: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.key == name).copied()
}
