//! `load/<span>/accounting.json`: the figures of a load and the conservation of its keys, from its own rows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Case, pretty};
use crate::{
    account::{self, Planned},
    pack::Files,
};

pub(super) fn write(case: &Case, given: &dyn Files, files: &mut BTreeMap<String, Vec<u8>>) {
    for record in case.records.values() {
        let reds = record.controls.iter().filter_map(|control| control.red.as_ref());
        for pass in record.pass.iter().chain(reds).chain(&record.closings) {
            for seen in pass.seen.values() {
                let elements = seen.as_array().map_or(std::slice::from_ref(seen), Vec::as_slice);
                for (path, bytes) in elements.iter().filter_map(|seen| accounting(seen, given)) {
                    files.insert(path, bytes);
                }
            }
        }
    }
}

/// The accounting of one observed load that left raw rows behind.
fn accounting(seen: &Value, given: &dyn Files) -> Option<(String, Vec<u8>)> {
    let folder = seen.get("raw")?.as_str()?;
    let planned = Planned {
        target_rps: seen.get("target_rps")?.as_f64()?,
        seconds: seen.get("seconds")?.as_f64()?,
        begin_ms: seen.get("begin_ms")?.as_u64()?,
    };
    let requests = account::read_requests(&given.bytes(&format!("{folder}/requests.csv")).ok()?).ok()?;
    let rows = given
        .bytes(&format!("{folder}/rows.csv"))
        .ok()
        .and_then(|bytes| account::read_rows(&bytes).ok());
    let accounting = account::accounting(&planned, &requests, &rows.unwrap_or_default());
    Some((format!("{folder}/accounting.json"), pretty(&accounting)))
}
