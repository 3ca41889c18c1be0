//! Open a record, sealed or not: read what it holds, and judge it with the gate text it holds.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Doubt, Reason};
use crate::{
    gate::{self, model::Suite},
    judge::{
        judge,
        verdict::{Constants, GateVerdict},
    },
    observation::{GateRecord, OnPaper, from_needed},
    pack::{Files, layout},
    plan::Plan,
    report::Case,
};

/// Read a record and judge it. `run` calls it on the folder it has just written, `verify` on a whole pack: there is no
/// other way to an outcome.
pub fn open(files: &dyn Files) -> Result<Case, Vec<Doubt>> {
    Ok(Unjudged::read(files)?.judge())
}

/// A record that was read, and of which nothing is known yet.
pub struct Unjudged(Case);

impl Unjudged {
    /// Read a record.
    pub fn read(files: &dyn Files) -> Result<Self, Vec<Doubt>> {
        unjudged(files).map(Self)
    }

    /// What was going to be done.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// Judge every gate.
    pub fn judge(self) -> Case {
        self.judge_those(|_| true)
    }

    /// Judge one gate and no other. What comes of it holds that verdict alone, and says nothing of the whole run.
    pub fn judge_one(self, gate: &str) -> Case {
        self.judge_those(|id| id == gate)
    }

    fn judge_those(self, wanted: impl Fn(&str) -> bool) -> Case {
        let Self(mut case) = self;
        case.verdicts = verdicts(&case, wanted);
        case
    }
}

fn unjudged(files: &dyn Files) -> Result<Case, Vec<Doubt>> {
    let mut doubts = Vec::new();
    let plan: Option<Plan> = read(files, layout::PLAN, &mut doubts);
    let constants: Option<Constants> = read(files, layout::CONSTANTS, &mut doubts);
    let seal: Option<Value> = read(files, layout::SEAL, &mut doubts);
    let physics: Option<Value> = read(files, layout::PHYSICS, &mut doubts);
    let suite = suite(files, &mut doubts);
    let records = records(files, &mut doubts);
    match (plan, constants, seal, physics, suite) {
        (Some(plan), Some(constants), Some(seal), Some(physics), Some(suite)) if doubts.is_empty() => {
            Ok(Case {
                plan,
                suite,
                constants,
                seal,
                physics,
                records,
                verdicts: Vec::new(),
            })
        }
        _ => Err(doubts),
    }
}

fn read<T: DeserializeOwned>(files: &dyn Files, path: &str, doubts: &mut Vec<Doubt>) -> Option<T> {
    let read = files.bytes(path).map_err(|error| error.to_string());
    let parsed = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    parsed
        .map_err(|error| {
            doubts.push(Doubt::new(
                Reason::Unreadable,
                path,
                "the file",
                "one of its format",
                error,
            ));
        })
        .ok()
}

/// The suite as the record holds it: `suite/` and each gate's own folder under `gates/<id>/`.
fn suite(files: &dyn Files, doubts: &mut Vec<Doubt>) -> Option<Suite> {
    let mut texts = BTreeMap::new();
    for path in files.paths() {
        if let Some(name) = given(&path) {
            match files.bytes(&path) {
                Ok(bytes) => drop(texts.insert(name, bytes)),
                Err(error) => doubts.push(Doubt::new(
                    Reason::Unreadable,
                    &path,
                    "the file",
                    "readable",
                    error,
                )),
            }
        }
    }
    gate::read_from(&texts, "suite")
        .map_err(|complaints| {
            doubts.push(Doubt::new(
                Reason::BadSuite,
                "suite/",
                "its text",
                "good",
                complaints,
            ));
        })
        .ok()
}

/// The name of a given file inside its suite: `suite/seed/x.sql` is `seed/x.sql`, `gates/A/gate.toml` is `A/gate.toml`.
fn given(path: &str) -> Option<String> {
    if layout::role_of(path) != layout::Role::Given {
        return None;
    }
    path.strip_prefix("suite/")
        .or_else(|| path.strip_prefix("gates/"))
        .map(str::to_owned)
}

fn records(files: &dyn Files, doubts: &mut Vec<Doubt>) -> BTreeMap<String, GateRecord> {
    let mut records = BTreeMap::new();
    for path in files.paths() {
        let Some(gate) = layout::gate_of_observations(&path) else {
            continue;
        };
        match read::<OnPaper>(files, &path, doubts).map(OnPaper::read) {
            None => {}
            Some(Ok(record)) if record.gate == gate => {
                records.insert(gate.to_owned(), record);
            }
            Some(Ok(record)) => doubts.push(Doubt::new(
                Reason::GateSets,
                &path,
                "the gate it speaks of",
                gate,
                record.gate,
            )),
            Some(Err(reason)) => doubts.push(Doubt::new(
                Reason::Unreadable,
                &path,
                "what its passes took over",
                "of the gate's own pass",
                reason,
            )),
        }
    }
    records
}

/// One verdict for each planned gate that is wanted, in the order of the plan.
fn verdicts(case: &Case, wanted: impl Fn(&str) -> bool) -> Vec<GateVerdict> {
    let Case {
        plan,
        suite,
        constants,
        records,
        ..
    } = case;
    let nothing = GateRecord::default();
    let planned = plan
        .gates
        .iter()
        .filter(|planned| wanted(&planned.id))
        .filter_map(|planned| suite.gates.iter().find(|gate| gate.id == planned.id));
    planned
        .map(|gate| {
            let from = from_needed(&gate.needs, records);
            let record = records.get(&gate.id).unwrap_or(&nothing);
            judge(gate, &suite.functions, constants, &from, record, &plan.profile)
        })
        .collect()
}
