//! `report.html`: one self-contained page without scripts, made from the same model.

use std::collections::BTreeMap;

use askama::Template;

use super::{Authority, Case, authority::authority};
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
    gates: Vec<(&'a PlannedGate, &'a GateVerdict)>,
}

pub(super) fn write(case: &Case, files: &mut BTreeMap<String, Vec<u8>>) {
    let page = Page {
        suite: &case.plan.suite,
        outcome: case.outcome().word(),
        profile: &case.plan.profile,
        run_id: case.sealed("run_id"),
        substrate: case.sealed("substrate"),
        stopped_by: case.stopped_by(),
        authority: authority(case),
        gates: case.plan.gates.iter().zip(&case.verdicts).collect(),
    };
    let text = page
        .render()
        .expect("the page holds nothing that can fail to be written");
    files.insert(layout::REPORT_HTML.into(), text.into_bytes());
}
