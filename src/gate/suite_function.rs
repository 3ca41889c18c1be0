//! Functions of a suite: one expression each, as pure as what they call.

use std::collections::BTreeMap;

use crate::cel::{Sentence, is_taken};

use super::{
    desk::{Desk, Shared},
    functions::Stance,
    keys,
    model::Function,
    names::Names,
    node::{Entry, Node},
    read::Ground,
    shape::Shape,
};

/// The suite's functions. Each may call the others, so all are declared before any is looked at.
pub(super) fn read(
    node: &Node,
    names: &Names,
    shared: &mut Shared,
    ground: &mut Ground<'_>,
) -> BTreeMap<String, Function> {
    let read = ground.desk(shared, "").functions(node);
    for (entry, function) in &read {
        shared.functions.declare(&entry.key, function.of.len());
    }
    let bodies: Vec<_> = read
        .iter()
        .map(|(entry, function)| (entry.key.as_str(), &function.is))
        .collect();
    shared.functions.learn(&bodies);
    let mut desk = ground.desk(shared, "");
    for (entry, function) in &read {
        let mut inside = names.clone();
        for parameter in &function.of {
            inside.bind(parameter, Shape::Any, false);
        }
        let at = entry.value.get("is").map_or(&entry.at, |is| &is.at);
        desk.examine(&function.is, at, &inside, Stance::Doing);
        desk.recursion(entry, &read);
    }
    read.into_iter()
        .map(|(entry, function)| (entry.key.clone(), function))
        .collect()
}

impl Desk<'_> {
    fn functions<'n>(&mut self, node: &'n Node) -> Vec<(&'n Entry, Function)> {
        let mut functions = Vec::new();
        for entry in self.named(node, "fn", "function") {
            if is_taken(&entry.key) {
                self.pile
                    .add(&entry.at, format!("there is a function `{}` already", entry.key));
                continue;
            }
            if !self.table(
                &entry.value,
                &format!("function `{}`", entry.key),
                &[keys::FUNCTION],
            ) {
                continue;
            }
            let of = self.parameter_names(&entry.value, &format!("function `{}`", entry.key));
            let is = entry.value.get("is").and_then(|is| self.compiled(is, "`is`"));
            functions.extend(is.map(|is| (entry, Function { of, is })));
        }
        functions
    }

    fn recursion(&mut self, entry: &Entry, functions: &[(&Entry, Function)]) {
        let body = |name: &str| functions.iter().find(|(e, _)| e.key == name).map(|(_, f)| &f.is);
        let mut reached = Vec::new();
        let mut ahead: Vec<String> = body(&entry.key)
            .map(Sentence::calls)
            .into_iter()
            .flatten()
            .collect();
        while let Some(name) = ahead.pop() {
            if !reached.contains(&name) {
                ahead.extend(body(&name).map(Sentence::calls).into_iter().flatten());
                reached.push(name);
            }
        }
        if reached.contains(&entry.key) {
            self.pile
                .add(&entry.at, format!("function `{}` calls itself", entry.key));
        }
    }
}
