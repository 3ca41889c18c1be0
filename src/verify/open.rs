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
    let mut doubts = Vec::new();
    let plan: Option<Plan> = read(files, layout::PLAN, &mut doubts);
    let constants: Option<Constants> = read(files, layout::CONSTANTS, &mut doubts);
    let seal: Option<Value> = read(files, layout::SEAL, &mut doubts);
    let physics: Option<Value> = read(files, layout::PHYSICS, &mut doubts);
    let suite = suite(files, &mut doubts);
    let records = records(files, &mut doubts);
    match (plan, constants, seal, physics, suite) {
        (Some(plan), Some(constants), Some(seal), Some(physics), Some(suite)) if doubts.is_empty() => {
            let verdicts = verdicts(&plan, &suite, &constants, &records);
            Ok(Case {
                plan,
                suite,
                constants,
                seal,
                physics,
                records,
                verdicts,
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

/// One verdict for each planned gate, in the order of the plan.
fn verdicts(
    plan: &Plan,
    suite: &Suite,
    constants: &Constants,
    records: &BTreeMap<String, GateRecord>,
) -> Vec<GateVerdict> {
    let nothing = GateRecord::default();
    let planned = plan
        .gates
        .iter()
        .filter_map(|planned| suite.gates.iter().find(|gate| gate.id == planned.id));
    planned
        .map(|gate| {
            let from = from_needed(&gate.needs, records);
            let record = records.get(&gate.id).unwrap_or(&nothing);
            judge(gate, &suite.functions, constants, &from, record, &plan.profile)
        })
        .collect()
}
