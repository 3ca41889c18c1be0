//! Controls: the sabotages that prove that a gate can go red.

use std::collections::BTreeSet;

use crate::cel::Sentence;

use super::{
    complaint::Spot,
    course::Course,
    desk::Desk,
    keys,
    model::{Control, LookAt, Place, Probe},
    node::{Entry, Is, Node},
    shape::Shape,
};

type Rerun = Vec<(String, Option<Sentence>)>;

impl Desk<'_> {
    /// The controls of a gate, in the order in which they are written.
    pub(super) fn controls(&mut self, gate: &Node, probes: &[Probe], course: &Course) -> Vec<Control> {
        let entries = self.named(gate, "control", "control");
        entries
            .into_iter()
            .filter_map(|entry| self.control(entry, probes, course))
            .collect()
    }

    fn control(&mut self, entry: &Entry, probes: &[Probe], course: &Course) -> Option<Control> {
        let node = &entry.value;
        if !self.table(node, &format!("control `{}`", entry.key), &[keys::CONTROL]) {
            return None;
        }
        let mut inside = course.clone();
        let for_each = node
            .get("for_each")
            .map(|loops| self.loops(loops, &mut inside.names));
        let says = node.get("says").and_then(|says| self.words(says, "`says`"));
        let scratch = probes.iter().any(makes_scratch);
        let sabotage = node
            .get("sabotage")
            .and_then(|changes| self.changes(changes, &inside, Some(scratch)));
        let (witness, landed) = self.witness(node, &inside);
        let rerun = node.get("rerun").map(|rerun| self.rerun(rerun, &inside));
        let because = node
            .get("because")
            .and_then(|node| self.sentence(node, "`because`", &inside.names));
        let must_fail = self.breakable(node, "must_fail", &inside);
        let may_fail = self.breakable(node, "may_fail", &inside);
        self.promises(node, &must_fail, &may_fail);
        let profiles = self.profiles(node);
        let sabotage = sabotage?.0;
        if sabotage.iter().any(|change| change.place == Place::Rollback) {
            self.rolled_back(node, rerun.as_ref(), probes, &inside);
        }
        if sabotage.iter().any(|change| change.kind == "plant") && !probes.iter().any(scans_logs) {
            let hint = "add a probe of kind `scan` with `logs`";
            self.pile.hint(
                &node.at,
                "a `plant` that nobody could see: no probe searches logs",
                hint,
            );
        }
        Some(Control {
            name: entry.key.clone(),
            says: says?,
            for_each: for_each.unwrap_or_default(),
            sabotage,
            witness,
            landed,
            rerun,
            must_fail: words(must_fail),
            may_fail: words(may_fail),
            because,
            profiles,
        })
    }

    /// A probe and a sentence that replace the built-in witness of a change.
    fn witness(&mut self, node: &Node, course: &Course) -> (Option<Probe>, Option<Sentence>) {
        let (witness, landed) = match (node.get("witness"), node.get("landed")) {
            (None, None) => return (None, None),
            (Some(witness), Some(landed)) => (witness, landed),
            (Some(one), None) | (None, Some(one)) => {
                self.pile.add(&one.at, "`witness` and `landed` stand together");
                return (None, None);
            }
        };
        if !matches!(witness.is, Is::Table(_)) {
            self.pile.add(
                &witness.at,
                format!("`witness` is {}, not a table", witness.word()),
            );
            return (None, None);
        }
        let mut aside = course.clone();
        let probe = self.probe(&witness.without(&["name"]), "witness", &mut aside);
        let shape = probe
            .as_ref()
            .map_or(Shape::Any, |(_, above)| above.shape.clone());
        let names = course.names.with("before", shape.clone()).with("after", shape);
        let landed = self.sentence(landed, "`landed`", &names);
        (probe.map(|(probe, _)| probe), landed)
    }

    /// What is looked at again: names, or a table that picks elements of loops.
    fn rerun(&mut self, node: &Node, course: &Course) -> Rerun {
        if let Is::Table(entries) = &node.is {
            return entries
                .iter()
                .filter_map(|entry| self.picked(entry, course))
                .collect();
        }
        let names = self.list_of_words(node, "`rerun`");
        if names.is_empty() && matches!(node.is, Is::List(_)) {
            self.pile.hint(
                &node.at,
                "`rerun` looks at nothing again",
                "without `rerun`, everything is",
            );
        }
        let known = |(at, name): (Spot, String)| {
            self.known_look(&name, &at, course)?;
            Some((name, None))
        };
        names.into_iter().filter_map(known).collect()
    }

    fn picked(&mut self, entry: &Entry, course: &Course) -> Option<(String, Option<Sentence>)> {
        let above = self.known_look(&entry.key, &entry.at, course)?;
        if !above.looped {
            let hint = "without `for_each` there are no elements to pick from; write a list of names";
            self.pile.hint(
                &entry.at,
                format!("`{}` does not run over a list", entry.key),
                hint,
            );
        }
        let names = course.names.with("it", above.shape.element().clone());
        let sentence = self.sentence(&entry.value, &format!("`{}`", entry.key), &names)?;
        Some((entry.key.clone(), Some(sentence)))
    }

    fn known_look(&mut self, name: &str, at: &Spot, course: &Course) -> Option<super::course::Above> {
        let found = course.looks.get(name).cloned();
        if found.is_none() {
            let known = course.looks.keys().map(String::as_str);
            self.pile
                .unknown(at, format!("`rerun` names no probe `{name}`"), name, known);
        }
        found
    }

    /// Names of assertions, the ones that `until`s make among them.
    fn breakable(&mut self, node: &Node, key: &str, course: &Course) -> Vec<(Spot, String)> {
        let Some(list) = node.get(key) else {
            return Vec::new();
        };
        let names = self.list_of_words(list, &format!("`{key}`"));
        for (at, name) in &names {
            if !course.promised.contains(name) {
                let known = course.promised.iter().map(String::as_str);
                self.pile
                    .unknown(at, format!("`{key}` names no assertion `{name}`"), name, known);
            }
        }
        names
    }

    fn promises(&mut self, node: &Node, must: &[(Spot, String)], may: &[(Spot, String)]) {
        if let Some(list) = node.get("must_fail").filter(|list| list.elements().is_empty()) {
            self.pile.add(
                &list.at,
                "a control that breaks nothing proves nothing: `must_fail` is empty",
            );
        }
        let certain: BTreeSet<_> = must.iter().map(|(_, name)| name).collect();
        for (at, name) in may.iter().filter(|(_, name)| certain.contains(name)) {
            self.pile
                .add(at, format!("`{name}` stands under `must_fail` already"));
        }
    }

    /// What is rolled back at the end of its transaction can only be seen from inside that transaction.
    fn rolled_back(&mut self, node: &Node, rerun: Option<&Rerun>, probes: &[Probe], course: &Course) {
        let at = node.get("rerun").map_or(&node.at, |rerun| &rerun.at);
        for (name, _) in rerun.into_iter().flatten() {
            let kind = course.looks.get(name).and_then(|above| above.kind);
            if let Some(kind) = kind.filter(|kind| !["sql", "conserve", "scan"].contains(&kind.name)) {
                let hint = "only `sql`, `conserve` and a `scan` of tables look from inside the transaction";
                self.pile.hint(
                    at,
                    format!("`{name}` of kind `{}` cannot see what is rolled back", kind.name),
                    hint,
                );
            }
            if probes
                .iter()
                .any(|probe| probe.name == *name && scans_no_table(probe))
            {
                let message = format!("`{name}` searches no table and cannot see what is rolled back");
                self.pile.hint(
                    at,
                    message,
                    "give it `tables`, or make the change live, with an `undo`",
                );
            }
            if probes
                .iter()
                .any(|probe| probe.name == *name && looks_inside(probe))
            {
                let hint =
                    "a service asks over a connection of its own: make the change live, with an `undo`";
                let message = format!("`{name}` looks inside a service and cannot see what is rolled back");
                self.pile.hint(at, message, hint);
            }
        }
    }

    /// Profiles of a gate or a control; none means all.
    pub(super) fn profiles(&mut self, node: &Node) -> Option<Vec<String>> {
        let list = self.list_of_words(node.get("profiles")?, "`profiles`");
        for (at, name) in &list {
            if !self.shared.profiles.contains(name) {
                let known = self.shared.profiles.iter().map(String::as_str);
                self.pile
                    .unknown(at, format!("no profile `{name}` in `suite.toml`"), name, known);
            }
        }
        Some(words(list))
    }
}

fn words(spotted: Vec<(Spot, String)>) -> Vec<String> {
    spotted.into_iter().map(|(_, word)| word).collect()
}

fn looks_inside(probe: &Probe) -> bool {
    matches!(&probe.look, LookAt::Kind { kind, params } if kind == "sql" && params.get("inside").is_some())
}

fn scans_no_table(probe: &Probe) -> bool {
    matches!(&probe.look, LookAt::Kind { kind, params } if kind == "scan" && params.get("tables").is_none())
}

fn scans_logs(probe: &Probe) -> bool {
    match &probe.look {
        LookAt::Kind { kind, params } => kind == "scan" && params.get("logs").is_some(),
        LookAt::Steps(steps) => steps.iter().any(scans_logs),
    }
}

fn makes_scratch(probe: &Probe) -> bool {
    match &probe.look {
        LookAt::Kind { kind, .. } => kind == "startup",
        LookAt::Steps(steps) => steps.iter().any(makes_scratch),
    }
}
