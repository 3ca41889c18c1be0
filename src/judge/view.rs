//! What sentences see of one pass: constants, lets, observations, and the derives over them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::verdict::Constants;
use crate::{
    cel::{Scope, Sentence, World},
    gate::model::{Function, Gate},
    observation::{Names, Pass},
};

/// The judging world: the pure functions and the suite's.
pub(super) fn world(functions: &BTreeMap<String, Function>) -> World {
    let bodies = functions
        .iter()
        .map(|(name, function)| (name.as_str(), &function.is));
    let endless = crate::cel::recursive(&bodies.collect());
    let mut world = World::pure();
    for (name, function) in functions.iter().filter(|(name, _)| !endless.contains(*name)) {
        world.define(name, &function.of, &function.is);
    }
    world
}

/// The names that are the same in every pass.
pub(super) fn ground<'w>(world: &'w World, constants: &Constants, from: &Names) -> Scope<'w> {
    let mut scope = world.scope();
    scope.bind("suite", &constants.suite);
    scope.bind("profile", &constants.profile);
    scope.bind("run", &constants.run);
    scope.bind("compose", &constants.compose);
    scope.bind("from", &Value::Object(from.clone()));
    scope
}

/// One pass, as sentences see it.
pub(super) struct View<'w> {
    pub(super) scope: Scope<'w>,
    pass: &'w Pass,
    derives: &'w Derives<'w>,
    failed: BTreeMap<&'w str, String>,
    /// An observation that was replaced by a counterfeit.
    instead: Option<(&'w str, &'w Value)>,
}

impl<'w> View<'w> {
    pub(super) fn of(ground: &'w Scope<'w>, derives: &'w Derives<'w>, pass: &'w Pass) -> Self {
        let mut scope = ground.child();
        for (name, value) in pass.lets.iter().chain(&pass.seen) {
            scope.bind(name, value);
        }
        let mut view = Self {
            scope,
            pass,
            derives,
            failed: BTreeMap::new(),
            instead: None,
        };
        view.derive(|_| true);
        view
    }

    /// The same pass with one observation replaced; of the derives, those in `needed` that read it are made again.
    pub(super) fn with<'v>(
        &'v self,
        probe: &'v str,
        value: &'v Value,
        needed: &BTreeSet<String>,
    ) -> View<'v> {
        let mut scope = self.scope.child();
        scope.bind(probe, value);
        let mut view = View {
            scope,
            pass: self.pass,
            derives: self.derives,
            failed: BTreeMap::new(),
            instead: Some((probe, value)),
        };
        view.derive(|derive| needed.contains(derive.name) && derive.reads.contains(probe));
        view
    }

    /// What a probe saw.
    pub(super) fn observation(&self, probe: &str) -> Option<&'w Value> {
        match self.instead {
            Some((name, value)) if name == probe => Some(value),
            _ => self.pass.seen.get(probe),
        }
    }

    pub(super) fn pass(&self) -> &'w Pass {
        self.pass
    }

    /// The first of these derives that has no value, and why. A counterfeit's view still sees the value from before
    /// the counterfeit under that name, so nothing that needs the derive may be evaluated.
    pub(super) fn failed<'n>(&self, mut derives: impl Iterator<Item = &'n String>) -> Option<String> {
        derives.find_map(|name| {
            let why = self.failed.get(name.as_str())?;
            Some(format!("`{name}`: {why}"))
        })
    }

    fn derive(&mut self, wanted: impl Fn(&Derive<'_>) -> bool) {
        let derives = self.derives;
        for derive in derives.in_order.iter().filter(|derive| wanted(derive)) {
            match self.scope.know(derive.is) {
                Ok(known) => self.scope.give(derive.name, known),
                Err(error) => {
                    self.failed.insert(derive.name, error.to_string());
                }
            }
        }
    }
}

/// The derives of a gate in an order in which each finds those it reads.
pub(super) struct Derives<'a> {
    in_order: Vec<Derive<'a>>,
}

struct Derive<'a> {
    name: &'a str,
    is: &'a Sentence,
    /// Every name it reads, through other derives too.
    reads: BTreeSet<String>,
}

impl<'a> Derives<'a> {
    pub(super) fn of(gate: &'a Gate) -> Self {
        let all: BTreeMap<&str, &Sentence> = gate
            .derives
            .iter()
            .map(|(name, is)| (name.as_str(), is))
            .collect();
        let mut in_order = Vec::new();
        let mut done = BTreeSet::new();
        for (name, _) in &gate.derives {
            visit(name, &all, &mut done, &mut in_order);
        }
        Self { in_order }
    }
}

/// Put what a derive reads before it. In a ring somebody comes first, finds nothing, and fails to evaluate.
fn visit<'a>(
    name: &'a str,
    all: &BTreeMap<&'a str, &'a Sentence>,
    done: &mut BTreeSet<&'a str>,
    in_order: &mut Vec<Derive<'a>>,
) {
    let Some(&is) = all.get(name) else { return };
    if !done.insert(name) {
        return;
    }
    let direct = is.reads();
    let mut reads = direct.clone();
    for (other, _) in all.iter().filter(|(other, _)| direct.contains(**other)) {
        visit(other, all, done, in_order);
        let before = in_order.iter().find(|derive| derive.name == *other);
        reads.extend(before.iter().flat_map(|derive| derive.reads.iter().cloned()));
    }
    in_order.push(Derive { name, is, reads });
}
