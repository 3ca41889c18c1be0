//! `gates/<id>/outcome.json`, `gates/<id>/controls/<control>.json`, `controls/kill_matrix.json`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Case, pretty};
use crate::{
    judge::verdict::{ControlVerdict, GateVerdict},
    observation::ControlRecord,
    pack::layout,
};

pub(super) fn write(case: &Case, files: &mut BTreeMap<String, Vec<u8>>) {
    let mut matrix = Map::new();
    for verdict in &case.verdicts {
        files.insert(layout::outcome(&verdict.gate), outcome_paper(verdict));
        for (index, control) in verdict.controls.iter().enumerate() {
            let record = case
                .records
                .get(&verdict.gate)
                .and_then(|record| record.controls.get(index));
            files.insert(
                control_path(verdict, control),
                pretty(&control_paper(control, record)),
            );
        }
        matrix.insert(verdict.gate.clone(), json!(verdict.kills));
    }
    files.insert(layout::KILL_MATRIX.into(), pretty(&matrix));
}

/// What a gate came to, as it stands on paper.
pub(super) fn outcome_paper(verdict: &GateVerdict) -> Vec<u8> {
    pretty(&without_kills(verdict))
}

/// The kill matrix has a file of its own; an outcome without it can be read by people.
fn without_kills(verdict: &GateVerdict) -> Value {
    let mut value = json!(verdict);
    if let Value::Object(fields) = &mut value {
        fields.shift_remove("kills");
    }
    value
}

/// Where a control's file stands: its name, and for a family the values of its variables.
pub(super) fn control_path(verdict: &GateVerdict, control: &ControlVerdict) -> String {
    let mut name = control.control.clone();
    for value in control.vars.values() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        name.push('.');
        name.extend(
            text.chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || c == '_' {
                        c
                    } else {
                        '-'
                    }
                })
                .take(80),
        );
    }
    layout::control(&verdict.gate, &name)
}

/// The triplet on one page: what was done, that it landed, what turned red, that it was undone.
fn control_paper(control: &ControlVerdict, record: Option<&ControlRecord>) -> Value {
    let changes = record.map_or(&[][..], |record| &record.changes);
    json!({
        "control": control.control,
        "vars": control.vars,
        "says": control.says,
        "proof": control.proof,
        "must_fail": control.must_fail,
        "may_fail": control.may_fail,
        "broken": control.broken,
        "note": control.note,
        "rerun": record.map(|record| &record.rerun),
        "changes": changes.iter().map(|change| json!({
            "kind": change.kind,
            "place": change.place,
            "params": change.params,
            "landed": change.landed(),
            "undone": change.undone(),
            "witness": change.witness,
            "facts": change.facts,
            "error": change.error,
        })).collect::<Vec<_>>(),
    })
}
