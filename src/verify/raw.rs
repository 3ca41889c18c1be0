//! Figures against the raw rows they were made from: percentiles from the requests, conservation from the keys.

use serde_json::Value;

use super::{Doubt, Reason};
use crate::{
    account::{self, Planned},
    pack::Files,
    report::Case,
};

/// Every load and every conservation in the record that does not follow from its rows.
pub(super) fn check(case: &Case, files: &dyn Files) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for (gate, record) in &case.records {
        let reds = record.controls.iter().filter_map(|control| control.red.as_ref());
        for pass in record.pass.iter().chain(reds).chain(&record.closings) {
            for (probe, value) in &pass.seen {
                let place = format!("gates/{gate}: {probe}");
                each(value, &mut |seen| doubts.extend(one(&place, seen, files)));
            }
        }
    }
    doubts
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
