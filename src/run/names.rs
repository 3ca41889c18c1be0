//! Which probes a pass looks at again, and which it carries over.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cel::{Sentence, Text},
    gate::model::{Gate, LookAt, Probe, Tree},
};

/// What a red or closing pass repeats: probe → the elements of its loop to repeat (none: all of them).
pub(super) type Repeats = BTreeMap<String, Option<Sentence>>;

/// Spread a control's `rerun` over what depends on it: the spans around a named probe, what stands inside them, every
/// probe whose own words refer to one that is repeated, and a contract below one, which judges what that was answered.
/// `None` repeats everything.
pub(super) fn repeats(gate: &Gate, rerun: Option<&[(String, Option<Sentence>)]>) -> Option<Repeats> {
    let mut repeats: Repeats = rerun?.iter().cloned().collect();
    loop {
        let before = repeats.len();
        for (at, probe) in gate.probes.iter().enumerate() {
            let above = || {
                gate.probes[..at]
                    .iter()
                    .any(|above| repeats.contains_key(&above.name))
            };
            let pulled_in = probe
                .during
                .as_ref()
                .is_some_and(|span| repeats.contains_key(span))
                || gate.probes.iter().any(|inner| {
                    inner.during.as_ref() == Some(&probe.name) && repeats.contains_key(&inner.name)
                })
                || words(probe).iter().any(|name| repeats.contains_key(name))
                || (is_contract(probe) && above());
            if pulled_in && !repeats.contains_key(&probe.name) {
                repeats.insert(probe.name.clone(), None);
            }
        }
        if repeats.len() == before {
            return Some(repeats);
        }
    }
}

fn is_contract(probe: &Probe) -> bool {
    matches!(&probe.look, LookAt::Kind { kind, .. } if kind == "contract")
}

/// Every free name in a probe's own words.
fn words(probe: &Probe) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, sentence) in &probe.for_each {
        names.extend(sentence.reads());
    }
    for (_, tree) in &probe.with {
        of_tree(tree, &mut names);
    }
    for text in [&probe.at, &probe.every, &probe.delay].into_iter().flatten() {
        of_text(text, &mut names);
    }
    match &probe.look {
        LookAt::Kind { kind, params } => {
            of_tree(params, &mut names);
            // Some looks name another one by a plain text, not by an expression.
            let other = match kind.as_str() {
                "conserve" => params.get("load"),
                "contract" => params.get("spec"),
                _ => None,
            };
            names.extend(other.and_then(Tree::literal).map(str::to_owned));
        }
        LookAt::Steps(steps) => steps.iter().for_each(|step| names.extend(words(step))),
    }
    names
}

fn of_tree(tree: &Tree, names: &mut BTreeSet<String>) {
    match tree {
        Tree::Plain(_) => {}
        Tree::Text(text) => of_text(text, names),
        Tree::List(items) => items.iter().for_each(|item| of_tree(item, names)),
        Tree::Table(entries) => {
            for (key, value) in entries {
                of_text(key, names);
                of_tree(value, names);
            }
        }
    }
}

fn of_text(text: &Text, names: &mut BTreeSet<String>) {
    text.sentences()
        .for_each(|sentence| names.extend(sentence.reads()));
}
