//! Figures against the raw rows they were made from: percentiles from the requests, conservation from the keys.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Doubt, Reason};
use crate::{
    account::{self, Planned},
    digest::Digest,
    gate::model::Gate,
    observation::Pass,
    pack::{Files, layout},
    report::Case,
};

/// Every load and every conservation in the record that does not follow from its rows, and every raw file of a load
/// that no observation speaks of.
pub(super) fn check(case: &Case, files: &dyn Files) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let mut spoken_of = BTreeSet::new();
    let mut checked: Vec<&Value> = Vec::new();
    for (id, record) in &case.records {
        let gate = case.suite.gates.iter().find(|gate| gate.id == *id);
        let reds = record.controls.iter().filter_map(|control| control.red.as_ref());
        for pass in record.pass.iter().chain(reds).chain(&record.closings) {
            for (probe, value) in &pass.seen {
                let place = format!("gates/{id}: {probe}");
                each(value, &mut |seen| {
                    let rests_on = files_of(seen);
                    // What a pass took over from another was looked at there.
                    if !rests_on.is_empty() && !checked.contains(&seen) {
                        spoken_of.extend(rests_on);
                        doubts.extend(one(&place, seen, files));
                        checked.push(seen);
                    }
                });
                let series = gate.and_then(|gate| series(gate, pass, probe, value));
                if let Some((path, made)) = series
                    && spoken_of.insert(path.clone())
                {
                    doubts.extend(differs(&path, &made, files));
                }
            }
        }
    }
    if case.stopped_by().is_none() {
        doubts.extend(unexplained(&spoken_of, files));
    }
    doubts
}

/// The raw files one observation rests on.
fn files_of(seen: &Value) -> Vec<String> {
    let text = |key: &str| seen.get(key).and_then(Value::as_str);
    let of_load = text("raw").into_iter().flat_map(|folder| {
        ["requests.csv", "latency.hlog"]
            .iter()
            .map(move |name| format!("{folder}/{name}"))
    });
    let of_conserve = [text("requests"), text("rows")].into_iter().flatten();
    of_load.chain(of_conserve.map(str::to_owned)).collect()
}

/// `series.csv` of a load as the looks inside it make it.
fn series(gate: &Gate, pass: &Pass, span: &str, seen: &Value) -> Option<(String, Vec<u8>)> {
    let folder = seen.get("raw")?.as_str()?;
    let points = gate.watchers(span).flat_map(|watcher| pass.points(&watcher.name));
    Some((format!("{folder}/series.csv"), account::write_series(points)?))
}

fn differs(path: &str, made: &[u8], files: &dyn Files) -> Option<Doubt> {
    let actual = files.bytes(path);
    if actual.as_ref().is_ok_and(|actual| actual == made) {
        return None;
    }
    let actual = actual.map_or_else(|error| error.to_string(), |actual| Digest::of(actual).to_string());
    Some(Doubt::new(
        Reason::LoadNotDerivable,
        path,
        "the table",
        Digest::of(made),
        actual,
    ))
}

/// Raw files of a load that nothing rests on. A run that was cut short leaves those of the load it was cut short in.
fn unexplained(spoken_of: &BTreeSet<String>, files: &dyn Files) -> Vec<Doubt> {
    let of_loads = files
        .paths()
        .into_iter()
        .filter(|path| path.starts_with("load/") && layout::role_of(path) == layout::Role::Raw);
    of_loads
        .filter(|path| !spoken_of.contains(path))
        .map(|path| {
            Doubt::new(
                Reason::FileUnexplained,
                path,
                "the file",
                "named by an observation",
                "there",
            )
        })
        .collect()
}

fn each<'v>(value: &'v Value, with: &mut impl FnMut(&'v Value)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(with),
        value => with(value),
    }
}

fn one(place: &str, seen: &Value, files: &dyn Files) -> Option<Doubt> {
    let text = |key: &str| seen.get(key).and_then(Value::as_str);
    let made = match (text("raw"), text("requests"), text("rows")) {
        (Some(folder), _, _) => load(seen, folder, files),
        (None, Some(requests), Some(rows)) => conserve(requests, rows, files),
        _ => return None,
    };
    let doubt = |expected: String, actual: String| {
        Some(Doubt::new(
            Reason::LoadNotDerivable,
            place,
            "the figures",
            expected,
            actual,
        ))
    };
    let made = match made {
        Ok(made) => made,
        Err(reason) => return doubt("raw rows to make them from".into(), reason),
    };
    let differs = made
        .as_object()?
        .iter()
        .find(|(key, value)| seen.get(key.as_str()) != Some(*value));
    let (key, expected) = differs?;
    doubt(
        format!("{key} = {expected}"),
        format!("{key} = {}", seen.get(key).unwrap_or(&Value::Null)),
    )
}

fn load(seen: &Value, folder: &str, files: &dyn Files) -> Result<Value, String> {
    let number = |key: &str| seen.get(key).and_then(Value::as_f64).ok_or(format!("no `{key}`"));
    let planned = Planned {
        target_rps: number("target_rps")?,
        seconds: number("seconds")?,
        begin_ms: seen
            .get("begin_ms")
            .and_then(Value::as_u64)
            .ok_or("no `begin_ms`")?,
    };
    let rows = requests(&format!("{folder}/requests.csv"), files)?;
    let path = format!("{folder}/latency.hlog");
    let recorded = files.bytes(&path).map_err(|error| format!("{path}: {error}"))?;
    if recorded != account::write_hlog(&rows) {
        return Err(format!("{path} is not the histogram of {folder}/requests.csv"));
    }
    Ok(account::load(&planned, &rows))
}

fn conserve(requests_path: &str, rows_path: &str, files: &dyn Files) -> Result<Value, String> {
    let requests = requests(requests_path, files)?;
    let bytes = files
        .bytes(rows_path)
        .map_err(|error| format!("{rows_path}: {error}"))?;
    let rows = account::read_rows(&bytes).map_err(|fault| format!("{rows_path}: {fault}"))?;
    Ok(account::conserve(&requests, &rows))
}

fn requests(path: &str, files: &dyn Files) -> Result<Vec<account::RequestRow>, String> {
    let bytes = files.bytes(path).map_err(|error| format!("{path}: {error}"))?;
    account::read_requests(&bytes).map_err(|fault| format!("{path}: {fault}"))
}
