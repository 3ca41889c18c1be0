//! `report.html`: one self-contained page without scripts, made from the same model.

use std::collections::BTreeMap;

use askama::Template;

use super::{Authority, Case, Claim, authority::authority};
use crate::{judge::verdict::GateVerdict, pack::layout, plan::PlannedGate};

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    suite: &'a str,
    outcome: &'static str,
    profile: &'a str,
    run_id: &'a str,
    substrate: &'a str,
    stopped_by: Option<&'a str>,
    authority: Authority,
    gates: Vec<(&'a PlannedGate, &'a GateVerdict, &'a Claim)>,
}

pub(super) fn write(case: &Case, claims: &[Claim], files: &mut BTreeMap<String, Vec<u8>>) {
    let page = Page {
        suite: &case.plan.suite,
        outcome: case.outcome().word(),
        profile: &case.plan.profile,
        run_id: case.sealed("run_id"),
        substrate: case.sealed("substrate"),
        stopped_by: case.stopped_by(),
        authority: authority(case),
        gates: gates(case, claims),
    };
    let text = page
        .render()
        .expect("the page holds nothing that can fail to be written");
    files.insert(layout::REPORT_HTML.into(), text.into_bytes());
}

/// Each planned gate with what it came to and the claim it makes.
fn gates<'a>(case: &'a Case, claims: &'a [Claim]) -> Vec<(&'a PlannedGate, &'a GateVerdict, &'a Claim)> {
    let judged = case.plan.gates.iter().zip(&case.verdicts);
    judged
        .filter_map(|(planned, verdict)| {
            let claim = claims.iter().find(|claim| claim.gate == planned.id)?;
            Some((planned, verdict, claim))
        })
        .collect()
}
