//! The kind `pack`: the record so far, sealed twice in a scratch folder, read alone, and wounded.

use serde_json::{Value, json};

use super::Made;
use crate::{
    cel::Scope,
    evidence::Record,
    gate::{model::Tree, tree::evaluate},
    outcome::Outcome,
    pack::{
        Between, Label, rehearse,
        wounds::{self, Wound},
    },
    probe::Params,
};

/// Rehearse the seal of a record that is still being written.
pub(in crate::run) fn rehearsal(tree: &Tree, scope: &Scope<'_>, record: &Record) -> Made {
    match evaluate(tree, scope) {
        Ok(params) => Made {
            seen: seen(&params, record),
            params,
        },
        Err(reason) => Made::blind(reason),
    }
}

fn seen(params: &Value, record: &Record) -> Result<Value, String> {
    let read = Params::of(params).map_err(|blind| blind.to_string())?;
    let names = read.texts("wounds").map_err(|blind| blind.to_string())?;
    let battery = battery(&names)?;
    let between = read
        .maybe_text("between")
        .map_err(|blind| blind.to_string())?
        .unwrap_or("nothing");
    let between = Between::named(between).ok_or_else(|| format!("`between` knows no `{between}`"))?;
    let scratch = tempfile::tempdir().map_err(|error| format!("no scratch folder: {error}"))?;
    let label = Label {
        run_id: record.run_id().to_owned(),
        run_authority: "rehearsal".to_owned(),
        outcome: Outcome::NotRun,
    };
    let rehearsed = rehearse(
        record.folder(),
        &label,
        &scratch.path().join("pack"),
        &battery,
        between,
    )
    .map_err(|error| error.to_string())?;
    Ok(json!({
        "first": rehearsed.first,
        "second": rehearsed.second,
        "whole": rehearsed.whole,
        "wounds": rehearsed.wounds,
    }))
}

/// The wounds a gate names; `*`, or no name, means all of them.
fn battery(names: &[String]) -> Result<Vec<&'static Wound>, String> {
    let everything = || wounds::battery().collect::<Vec<_>>();
    if names.is_empty() {
        return Ok(everything());
    }
    let mut battery = Vec::new();
    for name in names {
        match name.as_str() {
            "*" => battery.extend(everything()),
            "unharmed" => battery.push(&wounds::UNHARMED),
            name => battery.push(wounds::named(name).ok_or_else(|| format!("there is no wound `{name}`"))?),
        }
    }
    Ok(battery)
}
