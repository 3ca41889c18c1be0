//! What was said of a contract, made again from the exchanges on record.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Doubt, Reason};
use crate::{
    contract::{self, Asked},
    gate::model::{Gate, LookAt, Tree},
    observation::{GateRecord, Pass},
    pack::{Files, layout},
    report::Case,
};

/// Every judgement of a contract in the record that does not follow from the exchanges before it.
pub(super) fn check(case: &Case, files: &dyn Files) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    // Read once, and only when somebody judged by it.
    let mut exchanges = None;
    for gate in &case.suite.gates {
        let Some(record) = case.records.get(&gate.id) else {
            continue;
        };
        for (probe, params) in contracts(gate) {
            let exchanges =
                exchanges.get_or_insert_with(|| files.bytes(layout::EXCHANGES).unwrap_or_default());
            for (label, pass) in passes(record) {
                let judgement = Judgement {
                    place: format!("gates/{}: {probe}", gate.id),
                    pass: format!("{}/{label}", gate.id),
                    params,
                    is_red: label.rsplit('.').next() == Some("red"),
                    seen: pass,
                };
                let own = record.pass.as_ref().and_then(|own| own.seen.get(probe));
                let is_own = |value: &&Value| label != "pass" && looks(own).any(|own| own == *value);
                // What a pass took over from another was looked at there.
                for value in looks(pass.seen.get(probe)).filter(|value| !is_own(value)) {
                    doubts.extend(judgement.doubt(value, exchanges));
                }
            }
        }
    }
    doubts
}

/// The probes of a gate that judge by a contract, with their parameters.
fn contracts(gate: &Gate) -> impl Iterator<Item = (&str, &Tree)> {
    gate.probes.iter().filter_map(|probe| match &probe.look {
        LookAt::Kind { kind, params } if kind == "contract" => Some((probe.name.as_str(), params)),
        _ => None,
    })
}

/// Every pass of a gate under the name that its exchanges bear.
fn passes(record: &GateRecord) -> impl Iterator<Item = (String, &Pass)> {
    let own = record.pass.iter().map(|pass| ("pass".to_owned(), pass));
    let reds = record.controls.iter().enumerate().filter_map(|(at, control)| {
        let red = control.red.as_ref()?;
        Some((format!("{}.{at}.red", control.control), red))
    });
    let closings = record.closings.iter().enumerate();
    own.chain(reds)
        .chain(closings.map(|(at, pass)| (format!("closing.{at}"), pass)))
}

/// One observation, those of a loop, or the points along a span.
fn looks(seen: Option<&Value>) -> impl Iterator<Item = &Value> {
    let many = seen.and_then(|seen| seen.get("points").unwrap_or(seen).as_array());
    let one = seen.filter(|_| many.is_none());
    many.into_iter().flatten().chain(one)
}

/// A contract probe in one pass.
struct Judgement<'a> {
    place: String,
    pass: String,
    params: &'a Tree,
    is_red: bool,
    seen: &'a Pass,
}

impl Judgement<'_> {
    fn doubt(&self, value: &Value, exchanges: &[u8]) -> Option<Doubt> {
        let doubt = |expected: String, actual: String| {
            let what = format!("what was seen in {}", self.pass);
            let reason = Reason::ContractNotDerivable;
            Some(Doubt::new(reason, &self.place, what, expected, actual))
        };
        let made = match self.again(value, exchanges) {
            Ok(made) => made,
            Err((expected, actual)) => return doubt(expected, actual),
        };
        let fields: BTreeMap<&String, &Value> = made.as_object()?.iter().collect();
        let (key, expected) = fields
            .into_iter()
            .find(|(key, expected)| value.get(key.as_str()) != Some(*expected))?;
        let actual = value.get(key.as_str()).unwrap_or(&Value::Null);
        let (expected, actual) = first_difference(expected, actual);
        doubt(format!("{key}: {expected}"), format!("{key}: {actual}"))
    }

    /// The observation made again, or what stands in the way: what was expected, and what is there.
    fn again(&self, value: &Value, exchanges: &[u8]) -> Result<Value, (String, String)> {
        let none = Value::Null;
        let said = value.get("asked").unwrap_or(&none);
        let asked: Asked = serde_json::from_value(said.clone())
            .map_err(|error| ("what it rests on".to_owned(), error.to_string()))?;
        if asked.pass != self.pass {
            return Err((self.pass.clone(), asked.pass));
        }
        // A sabotage may have changed what a red pass was asked, and tells so itself.
        for key in ["spec", "service", "exchanges"].iter().filter(|_| !self.is_red) {
            let written = self.params.get(key).and_then(Tree::literal);
            let said = said.get(key).and_then(Value::as_str);
            if let Some(written) = written.filter(|written| said != Some(*written)) {
                return Err((
                    format!("{key} {written}"),
                    format!("{key} {}", said.unwrap_or_default()),
                ));
            }
        }
        let document = self.seen.seen.get(&asked.spec).and_then(|seen| seen.get("json"));
        let document = document.ok_or_else(|| {
            (
                "a contract".to_owned(),
                format!("no document in `{}`", asked.spec),
            )
        })?;
        contract::observe(&asked, document, exchanges)
            .map_err(|reason| ("what can be made from the exchanges".to_owned(), reason))
    }
}

/// Of two lists, the first elements that differ: a whole matrix in a finding is read by nobody.
fn first_difference(expected: &Value, actual: &Value) -> (String, String) {
    match (expected, actual) {
        (Value::Array(expected), Value::Array(actual)) => {
            let at = expected
                .iter()
                .zip(actual)
                .position(|(expected, actual)| expected != actual);
            let at = at.unwrap_or(expected.len().min(actual.len()));
            let told = |list: &[Value]| {
                list.get(at)
                    .map_or_else(|| "nothing more".to_owned(), Value::to_string)
            };
            (told(expected), told(actual))
        }
        _ => (expected.to_string(), actual.to_string()),
    }
}
