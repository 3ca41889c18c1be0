//! What is at the bottom of a gate that is not a pass.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    gate::model::Gate,
    judge::{
        probes_read,
        verdict::{AssertionVerdict, GateVerdict, Standing},
    },
    outcome::Outcome,
    report::Case,
};

/// What is at the bottom of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Where: the gate itself, or one that it needs.
    pub gate: String,
    /// What.
    pub what: String,
}

/// What is at the bottom of it. A gate that was not run leads to the one that it needed; of several assertions that do
/// not hold, the one counts that could be judged first, because whatever it reads stands above what the others read.
pub(super) fn first_cause(case: &Case, gate: &Gate, verdict: &GateVerdict) -> Option<Cause> {
    let at_bottom = |gate: &str, what: String| {
        let gate = gate.to_owned();
        Some(Cause { gate, what })
    };
    if verdict.outcome == Outcome::Pass {
        return None;
    }
    let own = case.records.get(&verdict.gate);
    if own.is_none_or(|record| record.pass.is_none()) {
        let first = first_not_run(case, &gate.id, &mut BTreeSet::new());
        let why = case.records.get(first).and_then(|record| record.not_run.clone());
        return at_bottom(first, why.unwrap_or_else(|| "its pass was not made".to_owned()));
    }
    let last_read = |assertion: &AssertionVerdict| {
        let probes = probes_read(gate, &assertion.name);
        let place = |name: &String| gate.probes.iter().position(|probe| probe.name == *name);
        probes.iter().filter_map(place).max()
    };
    let fallen = |worst: bool| {
        let is_of = move |assertion: &&AssertionVerdict| {
            assertion.standing != Standing::Held && (!worst || assertion.outcome() == verdict.outcome)
        };
        verdict
            .assertions
            .iter()
            .filter(is_of)
            .min_by_key(|one| last_read(one))
    };
    if let Some(assertion) = fallen(true).or_else(|| fallen(false)) {
        let about = format!("`{}` ", assertion.name);
        let reason = verdict.reasons.iter().find(|reason| reason.starts_with(&about));
        return at_bottom(&gate.id, reason.unwrap_or(&assertion.says).clone());
    }
    at_bottom(&gate.id, verdict.reasons.first()?.clone())
}

/// Follow what a gate needs down to the first one that was not run for a reason of its own.
fn first_not_run<'c>(case: &'c Case, id: &'c str, seen: &mut BTreeSet<&'c str>) -> &'c str {
    let why = case.records.get(id).and_then(|record| record.not_run.as_deref());
    let planned = case.plan.gates.iter().find(|gate| gate.id == id);
    let mut needs = planned.map_or(&[][..], |gate| &gate.needs).iter();
    match needs.find(|need| why.is_some_and(|why| why.starts_with(&format!("it needs {need},")))) {
        Some(need) if seen.insert(need) => first_not_run(case, need, seen),
        _ => id,
    }
}
