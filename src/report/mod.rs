//! Everything derived from the record: one model, pure functions, the same bytes wherever they are made.
//!
//! `run` writes what [`derive()`] returns; `verify` makes it again from the pack and compares, file by file.

mod authority;
mod claims;
pub mod explain;
mod gates;
mod html;
mod junit;
mod loads;
mod papers;
mod readable;
mod summary;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    gate::model::Suite,
    judge::verdict::{Constants, GateVerdict},
    observation::GateRecord,
    outcome::Outcome,
    pack::Files,
    plan::Plan,
};

pub use authority::{Authority, authority};
pub use claims::{Claim, Reading};
pub use summary::gate_key;

/// A record, read and judged: all that a report is made from.
pub struct Case {
    /// What was going to be done.
    pub plan: Plan,
    /// The suite as the record holds it.
    pub suite: Suite,
    /// What every sentence may see.
    pub constants: Constants,
    /// What it was done to: `seal.json`.
    pub seal: Value,
    /// `runner_physics_probe.json`.
    pub physics: Value,
    /// What was seen, by gate id.
    pub records: BTreeMap<String, GateRecord>,
    /// What it came to, in the order of the plan; one per planned gate.
    pub verdicts: Vec<GateVerdict>,
}

impl Case {
    /// The outcome of the whole run: the worst of its gates, and of what kept it from its end.
    pub fn outcome(&self) -> Outcome {
        let gates = Outcome::worst(self.verdicts.iter().map(|verdict| verdict.outcome));
        if self.stopped_by().is_some() {
            gates.max(Outcome::NotRun)
        } else {
            gates
        }
    }

    /// Why the run did not reach its end: interrupted, or the topology did not come up.
    pub fn stopped_by(&self) -> Option<&str> {
        self.seal.get("stopped_by").and_then(Value::as_str)
    }

    /// A text of the seal, or an empty one.
    fn sealed(&self, key: &str) -> &str {
        self.seal.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// How many controls proved what they promised, of how many.
    pub fn controls_proven(&self) -> (usize, usize) {
        let all = self.verdicts.iter().flat_map(|verdict| &verdict.controls);
        let proven = all
            .clone()
            .filter(|control| control.proof == crate::judge::verdict::Proof::Proven)
            .count();
        (proven, all.count())
    }
}

/// Every derived file by its path in the pack, and what could not be made, by path. `given` holds the raw rows of
/// loads.
pub fn derive(case: &Case, given: &dyn Files) -> (BTreeMap<String, Vec<u8>>, BTreeMap<String, String>) {
    let mut files = BTreeMap::new();
    let mut faults = BTreeMap::new();
    let papers = papers::papers(case, &mut files, &mut faults);
    gates::write(case, &mut files);
    loads::write(case, given, &mut files);
    let claims = claims::claims(case, &papers, given, &files);
    summary::write(case, &papers.parts, &claims, &mut files);
    junit::write(case, &mut files, &mut faults);
    readable::write(case, &claims, &faults, &mut files);
    html::write(case, &claims, &mut files);
    (files, faults)
}

/// JSON as it stands in every derived file: pretty, keys in the order they were put in, a newline at the end.
fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("reports are plain data");
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests;
