//! The judge on made-up gates and records.

mod controls;
mod counterfeits;
mod decorative;
mod standings;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    judge,
    verdict::{AssertionVerdict, Constants, ControlVerdict, GateVerdict, Kills, Standing},
};
use crate::{
    cel::{Sentence, Text},
    gate::model::{Assertion, Change, Control, Function, Gate, LookAt, Place, Probe, Tree, Until},
    observation::{ChangeRecord, ControlRecord, GateRecord, Names, Pass, Witness},
};

/// A gate from the few keys the judge looks at.
fn gate(source: &str) -> Gate {
    let table: toml::Table = source.parse().expect("a good gate");
    let table = serde_json::to_value(table).expect("TOML is JSON enough");
    let named = |key: &str| -> Vec<(String, Value)> {
        let entries = table.get(key).and_then(Value::as_object).cloned();
        entries.unwrap_or_default().into_iter().collect()
    };
    let probes = table.get("probe").and_then(Value::as_array).cloned();
    Gate {
        id: word(&table, "id").unwrap_or_else(|| "G".into()),
        name: "made_up".into(),
        claim: "a claim".into(),
        folder: "g".into(),
        needs: Vec::new(),
        profiles: None,
        clone: None,
        lets: Vec::new(),
        probes: probes.unwrap_or_default().iter().map(probe).collect(),
        derives: named("derive")
            .iter()
            .map(|(name, is)| (name.clone(), cel(is.as_str())))
            .collect(),
        assertions: named("assert")
            .iter()
            .map(|(name, keys)| assertion(name, keys))
            .collect(),
        controls: named("control")
            .iter()
            .map(|(name, keys)| control(name, keys))
            .collect(),
        papers: Vec::new(),
        files: BTreeMap::new(),
    }
}

fn word(table: &Value, key: &str) -> Option<String> {
    table.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn words(table: &Value, key: &str) -> Vec<String> {
    let list = table
        .get(key)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn cel(source: Option<&str>) -> Sentence {
    Sentence::compile(source.expect("a sentence")).expect("a good sentence")
}

fn loops(keys: &Value) -> Vec<(String, Sentence)> {
    let table = keys
        .get("for_each")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    table
        .iter()
        .map(|(name, over)| (name.clone(), cel(over.as_str())))
        .collect()
}

fn probe(keys: &Value) -> Probe {
    let look = match keys.get("step").and_then(Value::as_array) {
        Some(steps) => LookAt::Steps(steps.iter().map(probe).collect()),
        None => LookAt::Kind {
            kind: word(keys, "kind").unwrap_or_else(|| "http".into()),
            params: Tree::Table(Vec::new()),
        },
    };
    Probe {
        name: word(keys, "name").expect("a name"),
        look,
        with: Vec::new(),
        for_each: loops(keys),
        at_once: false,
        until: word(keys, "until").map(|that| Until {
            that: cel(Some(&that)),
            within: Text::parse("1s").expect("a text"),
            poll: std::time::Duration::from_millis(100),
            says: "in time".into(),
        }),
        during: None,
        at: None,
        every: None,
        delay: None,
        once: false,
    }
}

fn assertion(name: &str, keys: &Value) -> Assertion {
    Assertion {
        name: name.to_owned(),
        that: cel(word(keys, "that").as_deref()),
        each: word(keys, "each").map(|each| cel(Some(&each))),
        at_least: match keys.get("at_least") {
            Some(Value::String(source)) => cel(Some(source)),
            Some(number) => cel(Some(&number.to_string())),
            None => cel(Some("1")),
        },
        says: word(keys, "says").unwrap_or_else(|| "so it is".into()),
        otherwise_inconclusive: keys.get("otherwise").is_some(),
    }
}

fn control(name: &str, keys: &Value) -> Control {
    Control {
        name: name.to_owned(),
        says: "a sabotage".into(),
        for_each: loops(keys),
        sabotage: vec![Change {
            kind: "sql".into(),
            place: Place::Live,
            params: Tree::Table(Vec::new()),
        }],
        witness: None,
        landed: word(keys, "landed").map(|source| cel(Some(&source))),
        rerun: None,
        must_fail: words(keys, "must_fail"),
        may_fail: words(keys, "may_fail"),
        because: word(keys, "because").map(|source| cel(Some(&source))),
        profiles: keys.get("profiles").map(|_| words(keys, "profiles")),
    }
}

fn names(value: Value) -> Names {
    match value {
        Value::Object(names) => names,
        other => panic!("{other} is no map"),
    }
}

fn pass(seen: Value) -> Pass {
    Pass {
        seen: names(seen),
        ..Pass::default()
    }
}

/// A record with a green pass and nothing else.
fn seen(seen: Value) -> GateRecord {
    GateRecord {
        gate: "G".into(),
        pass: Some(pass(seen)),
        ..GateRecord::default()
    }
}

/// A control carried out as it should be: landed, red as given, undone.
fn carried_out(control: &str, rerun: &[&str], red: Value) -> ControlRecord {
    ControlRecord {
        control: control.to_owned(),
        changes: vec![ChangeRecord {
            kind: "sql".into(),
            place: "live".into(),
            witness: Witness {
                before: json!(1),
                after: json!(2),
                undone: json!(1),
            },
            ..ChangeRecord::default()
        }],
        rerun: rerun.iter().map(|name| (*name).to_owned()).collect(),
        red: Some(pass(red)),
        closing: Some(0),
        ..ControlRecord::default()
    }
}

fn judged(gate: &Gate, record: &GateRecord) -> GateVerdict {
    judged_with(gate, &BTreeMap::new(), record)
}

fn judged_with(gate: &Gate, functions: &BTreeMap<String, Function>, record: &GateRecord) -> GateVerdict {
    let constants = Constants {
        profile: json!({"floor": 2}),
        suite: json!({"vendors": ["a", "b"]}),
        ..Constants::default()
    };
    let from = names(json!({"EG8.1": {"services": ["api"]}}));
    judge(gate, functions, &constants, &from, record, "ci_subset")
}

impl GateVerdict {
    fn of(&self, assertion: &str) -> &AssertionVerdict {
        let found = self.assertions.iter().find(|verdict| verdict.name == assertion);
        found.unwrap_or_else(|| panic!("no assertion {assertion}"))
    }

    fn standing(&self, assertion: &str) -> Standing {
        self.of(assertion).standing
    }

    fn control(&self, control: &str) -> &ControlVerdict {
        let found = self.controls.iter().find(|verdict| verdict.control == control);
        found.unwrap_or_else(|| panic!("no control {control}"))
    }

    fn row(&self, assertion: &str) -> &Kills {
        let found = self.kills.rows.iter().find(|row| row.assertion == assertion);
        found.unwrap_or_else(|| panic!("no row {assertion}"))
    }
}
