//! `phase8_gate_summary.json` and its twin named by authority: the canonical summary, with the keys adjudicators read.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Case, Claim, Reading, authority, gates::control_path, papers::SummaryParts, pretty};
use crate::{judge::verdict::GateVerdict, outcome::Outcome, pack::layout, plan::PlannedGate};

pub(super) fn write(
    case: &Case,
    papers: &SummaryParts,
    claims: &[Claim],
    files: &mut BTreeMap<String, Vec<u8>>,
) {
    let bytes = pretty(&summary(case, papers, claims));
    let authority = &case.plan.profile;
    files.insert(layout::summary_of(authority), bytes.clone());
    files.insert(layout::SUMMARY.into(), bytes);
}

/// Gates that adjudicators know as one, and that are several here.
const FAMILIES: &[&str] = &["EG8.2"];

fn summary(case: &Case, papers: &SummaryParts, claims: &[Claim]) -> Value {
    let outcome = case.outcome();
    let authority = authority::authority(case);
    let of_gate = |(planned, verdict): (&PlannedGate, &GateVerdict)| {
        (
            gate_key(&planned.id, &planned.name, &case.plan.profile),
            gate(case, &planned.claim, verdict, claim_of(claims, &planned.id)),
        )
    };
    let gates: Map<String, Value> = (case.plan.gates.iter().zip(&case.verdicts))
        .map(of_gate)
        .chain(FAMILIES.iter().filter_map(|id| family(&case.verdicts, id)))
        .collect();
    let mut summary = json!({
        "run_id": case.sealed("run_id"),
        "started_at": case.seal.get("started_at"),
        "finished_at": case.seal.get("finished_at"),
        "run_authority": authority.run_authority,
        "ci_subset": case.plan.profile == "ci_subset",
        "full_physics": case.plan.profile == "full_physics",
        "authoritative": authority.authoritative,
        "authority_withheld": authority.withheld,
        "candidate_sha": case.seal.pointer("/git/sha"),
        "dirty": case.seal.pointer("/git/dirty"),
        "run_url": case.seal.get("run_url"),
        "substrate": case.sealed("substrate"),
        "plan_sha256": case.plan.digest(),
        "runner_physics_artifact": layout::PHYSICS,
        "runner_physics": case.physics,
        "gates": gates,
        "negative_controls": negative_controls(case),
        "outside_profile": case.plan.outside_profile,
        "outside_substrate": case.seal.get("outside_substrate").cloned().unwrap_or_else(|| json!([])),
        "outcome": outcome,
        "status": if outcome == Outcome::Pass { "passed" } else { "failed" },
        "error": error(case),
    });
    if let Value::Object(fields) = &mut summary {
        for (key, value) in papers {
            fields.insert(key.clone(), value.clone());
        }
    }
    summary
}

fn claim_of<'c>(claims: &'c [Claim], gate: &str) -> Option<&'c Claim> {
    claims.iter().find(|claim| claim.gate == gate)
}

fn gate(case: &Case, sentence: &str, verdict: &GateVerdict, claim: Option<&Claim>) -> Value {
    let claim = claim.filter(|_| case.records.contains_key(&verdict.gate));
    json!({
        "id": verdict.gate,
        "outcome": verdict.outcome,
        "claim": sentence,
        "claim_reads": Reading::of(verdict.outcome),
        "reasons": verdict.reasons,
        "assertions": verdict.assertions.iter().map(|assertion| json!({
            "name": assertion.name,
            "says": assertion.says,
            "expression": assertion.expression,
            "standing": assertion.standing,
            "examined": assertion.examined,
            "expected": assertion.expected,
            "actual": assertion.actual,
        })).collect::<Vec<_>>(),
        "controls": verdict.controls.iter().map(|control| json!({
            "control": control.control,
            "vars": control.vars,
            "proof": control.proof,
            "file": control_path(verdict, control),
        })).collect::<Vec<_>>(),
        "evidence": claim.map(Claim::evidence),
    })
}

/// A gate that is several here, as its worst part: `EG8.2` of `EG8.2a`, `EG8.2b` … None when it has no parts.
fn family(verdicts: &[GateVerdict], id: &str) -> Option<(String, Value)> {
    let is_part = |verdict: &&GateVerdict| {
        let letter = verdict.gate.strip_prefix(id);
        letter.is_some_and(|letter| letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    let parts: Vec<&GateVerdict> = verdicts.iter().filter(is_part).collect();
    let outcome = parts.iter().map(|verdict| verdict.outcome).max()?;
    let names: Vec<&str> = parts.iter().map(|verdict| verdict.gate.as_str()).collect();
    let told = json!({"id": id, "outcome": outcome, "claim_reads": Reading::of(outcome), "parts": names});
    Some((gate_key(id, "", ""), told))
}

/// Every control by `<gate>.<control>`: whether it did what it promised.
fn negative_controls(case: &Case) -> Value {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for verdict in &case.verdicts {
        for control in &verdict.controls {
            all.entry(format!("{}.{}", verdict.gate, control.control))
                .or_default()
                .push(json!({
                    "name": control.control,
                    "vars": control.vars,
                    "passed": control.proof == crate::judge::verdict::Proof::Proven,
                    "proof": control.proof,
                    "broken": control.broken,
                }));
        }
    }
    json!(all)
}

/// In one sentence, why the status is not `passed`.
fn error(case: &Case) -> Option<String> {
    if let Some(reason) = case.stopped_by() {
        return Some(reason.to_owned());
    }
    let worst = case.verdicts.iter().max_by_key(|verdict| verdict.outcome)?;
    (worst.outcome != Outcome::Pass).then(|| {
        format!(
            "{}: {}",
            worst.gate,
            worst.reasons.first().map_or("not a pass", String::as_str)
        )
    })
}

/// The key under which adjudicators look for a gate: the seeds' names where they have one, else id and name.
pub fn gate_key(id: &str, name: &str, profile: &str) -> String {
    match (id, profile) {
        ("EG8.1", _) => "eg8_1_startability_identity".into(),
        ("EG8.2", _) => "eg8_2_unified_topologies".into(),
        ("EG8.3", _) => "eg8_3_compute_safety".into(),
        ("EG8.4", _) => "eg8_4_ledger_audit_cost".into(),
        ("EG8.5", "full_physics") => "eg8_5_composed_ingestion_perf_authority".into(),
        ("EG8.5", _) => "eg8_5_ci_sanity".into(),
        ("EG8.6", _) => "eg8_6_openapi_runtime_fidelity".into(),
        ("EG8.7", _) => "eg8_7_operational_readiness_pack".into(),
        _ => format!("{}_{name}", id.to_lowercase().replace(['.', '-'], "_")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{family, gate_key};
    use crate::{
        judge::verdict::{GateVerdict, KillMatrix},
        outcome::Outcome,
    };

    #[test]
    fn a_gate_that_is_several_here_is_told_as_its_worst_part() {
        let verdict = |gate: &str, outcome| GateVerdict {
            gate: gate.to_owned(),
            outcome,
            reasons: Vec::new(),
            assertions: Vec::new(),
            controls: Vec::new(),
            kills: KillMatrix::default(),
        };
        let verdicts = [
            verdict("EG8.2a", Outcome::Pass),
            verdict("EG8.2b", Outcome::Inconclusive),
            verdict("EG8.20", Outcome::Fail),
            verdict("EG8.3", Outcome::Fail),
        ];
        let told = json!({
            "id": "EG8.2", "outcome": "inconclusive", "claim_reads": "UNKNOWN", "parts": ["EG8.2a", "EG8.2b"],
        });
        assert_eq!(
            family(&verdicts, "EG8.2"),
            Some(("eg8_2_unified_topologies".to_owned(), told))
        );
        assert_eq!(
            family(&verdicts, "EG8.3"),
            None::<(String, Value)>,
            "it has no parts"
        );
    }

    #[test]
    fn gates_keep_the_names_adjudicators_know() {
        assert_eq!(
            gate_key("EG8.5", "ingestion_under_load", "ci_subset"),
            "eg8_5_ci_sanity"
        );
        assert_eq!(
            gate_key("EG8.5", "ingestion_under_load", "full_physics"),
            "eg8_5_composed_ingestion_perf_authority"
        );
        assert_eq!(
            gate_key("EG8.A", "composed_runtime_identity", "ci_subset"),
            "eg8_a_composed_runtime_identity"
        );
        assert_eq!(gate_key("M1", "notes_are_kept", "ci_subset"), "m1_notes_are_kept");
    }
}
