//! From standings, proofs and kills to one outcome, with its reasons.

use std::cmp::Reverse;

use serde_json::Value;

use super::verdict::{AssertionVerdict, ControlVerdict, KillMatrix, Proof, Standing};
use crate::{
    gate::model::{Gate, LookAt, Probe},
    observation::{GateRecord, Pass},
    outcome::Outcome,
};

/// The outcome of a gate and why it is not a pass, the worst reasons first.
pub(super) fn of(
    gate: &Gate,
    record: &GateRecord,
    assertions: &[AssertionVerdict],
    controls: &[ControlVerdict],
    kills: &KillMatrix,
) -> (Outcome, Vec<String>) {
    let Some(pass) = &record.pass else {
        let why = record.not_run.as_deref().unwrap_or("its pass was not made");
        return (Outcome::NotRun, vec![format!("not run: {why}")]);
    };
    let mut reasons: Vec<(Outcome, String)> = Vec::new();
    reasons.extend(assertions.iter().filter_map(of_assertion));
    if let Some(why) = &record.not_run {
        reasons.push((Outcome::NotRun, format!("not run to its end: {why}")));
    }
    if pass.seen.is_empty() {
        reasons.push((Outcome::Inconclusive, "nothing was observed".into()));
    }
    reasons.extend(
        changes(gate, pass)
            .into_iter()
            .map(|why| (Outcome::Inconclusive, why)),
    );
    let unproven = unproven(gate, assertions, controls, kills);
    reasons.extend(unproven.into_iter().map(|why| (Outcome::Unproven, why)));
    // A stable sort: within one outcome the order of the gate stays.
    reasons.sort_by_key(|(outcome, _)| Reverse(*outcome));
    let outcome = reasons.first().map_or(Outcome::Pass, |(worst, _)| *worst);
    (outcome, reasons.into_iter().map(|(_, why)| why).collect())
}

fn of_assertion(verdict: &AssertionVerdict) -> Option<(Outcome, String)> {
    let (name, says) = (&verdict.name, &verdict.says);
    let note = verdict.note.as_deref().unwrap_or("");
    let why = match verdict.standing {
        Standing::Held => return None,
        Standing::Broken if verdict.otherwise_inconclusive => {
            format!("`{name}` is false, so we could not see: {says}")
        }
        Standing::Broken => format!("`{name}` is false: {says}"),
        Standing::Blind => format!("`{name}` could not be evaluated: {note}"),
        Standing::Unreached => format!("`{name}` is unreached: {note}"),
        Standing::Empty => format!("`{name}` had too little to examine: {note}"),
    };
    Some((verdict.outcome(), why))
}

fn unproven(
    gate: &Gate,
    assertions: &[AssertionVerdict],
    controls: &[ControlVerdict],
    kills: &KillMatrix,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if assertions.is_empty() {
        reasons.push("no assertion was made".to_owned());
    }
    if controls.is_empty() {
        let declared = if gate.controls.is_empty() {
            "it has no control"
        } else {
            "no control belongs to this profile"
        };
        reasons.push(declared.to_owned());
    }
    for control in controls.iter().filter(|control| control.proof != Proof::Proven) {
        let proof = control.proof.word();
        let note = control.note.as_deref().unwrap_or("");
        reasons.push(format!("control `{}` is {proof}: {note}", control.control));
    }
    let decorative = kills.rows.iter().filter(|row| row.decorative);
    reasons.extend(
        decorative.map(|row| format!("`{}` is decorative: nothing could make it false", row.assertion)),
    );
    reasons.extend(
        kills
            .unnoticed
            .iter()
            .map(|absence| format!("nobody notices {absence}")),
    );
    reasons
}

/// Changes among the probes, drills and conditions, that were not in force or were not taken back.
fn changes(gate: &Gate, pass: &Pass) -> Vec<String> {
    let mut wrong = Vec::new();
    for probe in &gate.probes {
        let Some(seen) = pass.seen.get(&probe.name) else {
            continue;
        };
        match &probe.look {
            LookAt::Steps(steps) => {
                for step in steps.iter().filter(|step| is_change(step)) {
                    let name = format!("{}.{}", probe.name, step.name);
                    let of = each(seen)
                        .into_iter()
                        .filter_map(|element| element.get(&step.name));
                    wrong.extend(of.filter_map(|seen| unmade(&name, seen)));
                }
            }
            LookAt::Kind { .. } if is_change(probe) => wrong.extend(unmade(&probe.name, seen)),
            LookAt::Kind { .. } => {}
        }
    }
    wrong
}

fn is_change(probe: &Probe) -> bool {
    matches!(&probe.look, LookAt::Kind { kind, .. } if kind == "change")
}

fn each(seen: &Value) -> Vec<&Value> {
    seen.as_array()
        .map_or_else(|| vec![seen], |list| list.iter().collect())
}

fn unmade(name: &str, seen: &Value) -> Option<String> {
    let all = |field: &str| {
        each(seen)
            .iter()
            .all(|change| change.get(field) == Some(&Value::Bool(true)))
    };
    if !all("landed") {
        return Some(format!("the change `{name}` did not land"));
    }
    (!all("undone")).then(|| format!("the change `{name}` was not undone"))
}
