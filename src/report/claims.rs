//! What the record says of each claim, and which files of the pack show it: the gate-to-evidence matrix as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{Case, gates::control_path, papers::Papers};
use crate::{
    judge::verdict::GateVerdict,
    observation::GateRecord,
    outcome::Outcome,
    pack::{Files, Role, layout, role_of},
};

/// How a claim reads once its gate was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Reading {
    /// Every assertion held, and every one of them was shown to be able to fail.
    True,
    /// A violation is proven.
    False,
    /// Anything else: unproven, inconclusive, not run. Nobody knows.
    Unknown,
}

impl Reading {
    /// How a claim reads whose gate came to this.
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::True,
            Outcome::Fail => Self::False,
            Outcome::Unproven | Outcome::Inconclusive | Outcome::NotRun => Self::Unknown,
        }
    }

    /// The word that goes to paper.
    pub fn word(self) -> &'static str {
        match self {
            Self::True => "TRUE",
            Self::False => "FALSE",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// One claim with its evidence: paths of the pack, none of which is empty talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The gate that makes it.
    pub gate: String,
    /// The sentence.
    pub claim: String,
    /// How it reads.
    pub reads: Reading,
    /// The gate's own text.
    pub text: String,
    /// What was seen; a gate that was not run says there why.
    pub observations: String,
    /// What it came to.
    pub outcome: String,
    /// The papers the gate wrote.
    pub papers: Vec<String>,
    /// One file a control.
    pub controls: Vec<String>,
    /// Which alteration breaks which assertion.
    pub kill_matrix: Option<String>,
    /// The rows and figures of its loads.
    pub loads: Vec<String>,
}

impl Claim {
    /// Every path, each once, the most telling first.
    pub fn evidence(&self) -> Vec<&str> {
        let first = [&self.text, &self.observations, &self.outcome];
        let mut paths: Vec<&str> = Vec::new();
        let all = first
            .into_iter()
            .chain(&self.papers)
            .chain(&self.controls)
            .chain(&self.kill_matrix)
            .chain(&self.loads);
        for path in all {
            if !paths.contains(&path.as_str()) {
                paths.push(path);
            }
        }
        paths
    }
}

/// Every claim of the plan, in its order. `given` holds the raw rows of loads, `derived` what was made of them.
pub(super) fn claims(
    case: &Case,
    papers: &Papers,
    given: &dyn Files,
    derived: &BTreeMap<String, Vec<u8>>,
) -> Vec<Claim> {
    let of = |verdict: &GateVerdict| claim(case, verdict, papers, given, derived);
    case.verdicts.iter().filter_map(of).collect()
}

/// The claim of one gate that was judged; none when the record does not even hold the gate.
pub(super) fn claim(
    case: &Case,
    verdict: &GateVerdict,
    papers: &Papers,
    given: &dyn Files,
    derived: &BTreeMap<String, Vec<u8>>,
) -> Option<Claim> {
    let id = &verdict.gate;
    let planned = case.plan.gates.iter().find(|gate| gate.id == *id)?;
    let was_seen = case.records.get(id).is_some_and(|record| record.pass.is_some());
    let controls = verdict.controls.iter();
    Some(Claim {
        gate: id.clone(),
        claim: planned.claim.clone(),
        reads: Reading::of(verdict.outcome),
        text: layout::gate_file(id, "gate.toml"),
        observations: layout::observations(id),
        outcome: layout::outcome(id),
        papers: papers.of_gates.get(id).cloned().unwrap_or_default(),
        controls: controls.map(|control| control_path(verdict, control)).collect(),
        kill_matrix: was_seen.then(|| layout::KILL_MATRIX.to_owned()),
        loads: loads(case, id, given, derived),
    })
}

/// The files below the folders of a gate's loads: the rows as they were seen, and the accounting made of them.
fn loads(case: &Case, id: &str, given: &dyn Files, derived: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let Some(record) = case.records.get(id) else {
        return Vec::new();
    };
    let folders = folders(record);
    let raw = given
        .paths()
        .into_iter()
        .filter(|path| role_of(path) == Role::Raw);
    let all: BTreeSet<String> = raw.chain(derived.keys().cloned()).collect();
    let below = |path: &String| {
        path.rsplit_once('/')
            .is_some_and(|(folder, _)| folders.contains(folder))
    };
    all.into_iter().filter(below).collect()
}

/// Where the loads of a gate left their rows, in whichever pass.
fn folders(record: &GateRecord) -> BTreeSet<&str> {
    let reds = record.controls.iter().filter_map(|control| control.red.as_ref());
    let passes = record.pass.iter().chain(reds).chain(&record.closings);
    let seen = passes.flat_map(|pass| pass.seen.values());
    let elements = seen.flat_map(|seen| seen.as_array().map_or(std::slice::from_ref(seen), Vec::as_slice));
    elements
        .filter_map(|seen| seen.get("raw").and_then(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Reading};

    #[test]
    fn a_claim_is_true_of_a_pass_false_of_a_failure_and_unknown_of_everything_else() {
        let read = [
            Outcome::Pass,
            Outcome::Fail,
            Outcome::Unproven,
            Outcome::Inconclusive,
            Outcome::NotRun,
        ];
        let words = read.map(|outcome| Reading::of(outcome).word());
        assert_eq!(words, ["TRUE", "FALSE", "UNKNOWN", "UNKNOWN", "UNKNOWN"]);
        assert_eq!(serde_json::json!(Reading::Unknown), "UNKNOWN");
    }
}
