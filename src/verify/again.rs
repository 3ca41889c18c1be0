//! Make every derived file again and compare; check that what was planned is what was executed and reported.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Doubt, Reason};
use crate::{
    compose::Source,
    digest::Digest,
    pack::{Files, Toc, Whole, layout, toc::seed_evidence},
    plan::{self, Wish},
    report::{Case, derive},
};

/// Everything in the pack that does not follow from its own record.
pub(super) fn compare(case: &Case, whole: &Whole) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = plan(case, whole).into_iter().collect();
    doubts.extend(gate_sets(case));
    doubts.extend(seal(case));
    doubts.extend(table(case, whole));
    let (derived, _) = derive(case, whole);
    for (path, expected) in &derived {
        match Files::bytes(whole, path) {
            Ok(actual) if actual == *expected => {}
            Ok(actual) => doubts.push(differs(path, expected, &actual)),
            Err(_) => doubts.push(Doubt::new(
                Reason::FileMissing,
                path,
                "the file",
                Digest::of(expected),
                "not there",
            )),
        }
    }
    for path in whole.of_role(layout::Role::Derived) {
        let explained = derived.contains_key(path) || path == layout::TOC;
        if !explained {
            doubts.push(Doubt::new(
                Reason::FileUnexplained,
                path,
                "the file",
                "made from the record",
                "there",
            ));
        }
    }
    doubts
}

/// A derived file that is not what the record makes. An outcome names its gate, and the two outcomes.
fn differs(path: &str, expected: &[u8], actual: &[u8]) -> Doubt {
    let outcome = |bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        Some(value.get("outcome")?.as_str()?.to_owned())
    };
    let gate = path
        .strip_prefix("gates/")
        .and_then(|rest| rest.strip_suffix("/outcome.json"));
    match (gate, outcome(expected), outcome(actual)) {
        (Some(gate), Some(expected), Some(actual)) if expected != actual => Doubt::new(
            Reason::OutcomeNotDerivable,
            gate,
            format!("outcome of gate `{gate}`"),
            expected,
            actual,
        ),
        _ => {
            let (expected, actual) = first_difference(expected, actual);
            Doubt::new(
                Reason::FileNotDerivable,
                path,
                "the first line that differs",
                expected,
                actual,
            )
        }
    }
}

fn first_difference(expected: &[u8], actual: &[u8]) -> (String, String) {
    let (expected, actual) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(actual));
    let mut lines = expected.lines().zip(actual.lines()).enumerate();
    match lines.find(|(_, (expected, actual))| expected != actual) {
        Some((at, (expected, actual))) => {
            let at = at + 1;
            (
                format!("line {at}: {}", cut(expected)),
                format!("line {at}: {}", cut(actual)),
            )
        }
        None => (
            format!("{} bytes", expected.len()),
            format!("{} bytes", actual.len()),
        ),
    }
}

fn cut(line: &str) -> &str {
    &line[..line.floor_char_boundary(160)]
}

/// The plan must be the one that the suite and the compose file in the pack make.
fn plan(case: &Case, whole: &Whole) -> Option<Doubt> {
    let doubt = |expected: String| {
        Doubt::new(
            Reason::PlanNotDerivable,
            layout::PLAN,
            "the plan",
            expected,
            case.plan.digest(),
        )
    };
    let compose = whole.paths().find(|path| path.starts_with("compose/"));
    let Some(compose) = compose else {
        return Some(doubt("a compose file in the pack".into()));
    };
    let source = Files::bytes(whole, compose)
        .map_err(|error| error.to_string())
        .and_then(|bytes| Source::from_bytes(compose, &bytes).map_err(|complaints| complaints.to_string()));
    let wish = Wish {
        suite: case.suite.folder.clone(),
        profile: case.plan.profile.clone(),
        only: case.plan.only.clone(),
    };
    let again = source.and_then(|source| {
        plan::from_parts(case.suite.clone(), source, &wish).map_err(|refusal| refusal.to_string())
    });
    match again {
        Ok(drawn) if drawn.plan == case.plan => None,
        Ok(drawn) => Some(doubt(drawn.plan.digest().to_string())),
        Err(reason) => Some(doubt(reason)),
    }
}

/// The table of contents must say of the run what its evidence says: whoever is in a hurry reads nothing else.
fn table(case: &Case, whole: &Whole) -> Option<Doubt> {
    let said = whole.toc();
    let follows = Toc {
        run_id: case
            .seal
            .get("run_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        run_authority: case.plan.profile.clone(),
        outcome: case.outcome(),
        seed_evidence: seed_evidence(whole.paths()),
        ..said.clone()
    };
    (follows != *said).then(|| differs(layout::TOC, &follows.render(), &said.render()))
}

/// Declared = executed = reported.
fn gate_sets(case: &Case) -> Option<Doubt> {
    let planned: BTreeSet<&str> = case.plan.gates.iter().map(|gate| gate.id.as_str()).collect();
    let recorded: BTreeSet<&str> = case.records.keys().map(String::as_str).collect();
    let list = |ids: &BTreeSet<&str>| ids.iter().copied().collect::<Vec<_>>().join(", ");
    (planned != recorded).then(|| {
        Doubt::new(
            Reason::GateSets,
            "gates/",
            "planned against recorded gates",
            list(&planned),
            list(&recorded),
        )
    })
}

/// The seal is the same at every boundary, from the start to the end, and none was passed without a look; or the run
/// stopped there and says so.
fn seal(case: &Case) -> Vec<Doubt> {
    if case.stopped_by().is_some() {
        return Vec::new();
    }
    let boundaries = case.seal.get("boundaries").and_then(Value::as_array);
    let boundaries: Vec<&Value> = boundaries.into_iter().flatten().collect();
    let place = |boundary: &Value| boundary.get("at").and_then(Value::as_str).map(str::to_owned);
    let looked: Vec<String> = boundaries.iter().filter_map(|boundary| place(boundary)).collect();
    let gates = case.plan.gates.iter().map(|gate| gate.id.clone());
    let due: Vec<String> = gates.chain(["the end".to_owned()]).collect();
    let broken = |what: String, expected: String, actual: String| {
        Doubt::new(Reason::SealBroken, layout::SEAL, what, expected, actual)
    };
    let mut doubts = Vec::new();
    if looked != due {
        doubts.push(broken(
            "where the seal was looked at".to_owned(),
            due.join(", "),
            looked.join(", "),
        ));
    }
    for boundary in boundaries {
        let changed = boundary.get("changed").and_then(Value::as_object);
        let parts: Vec<&str> = changed
            .into_iter()
            .flatten()
            .map(|(part, _)| part.as_str())
            .collect();
        if changed.is_none() || !parts.is_empty() {
            let at = place(boundary).unwrap_or_else(|| "somewhere".to_owned());
            doubts.push(broken(
                format!("the seal at {at}"),
                "unbroken".to_owned(),
                parts.join(", "),
            ));
        }
    }
    doubts
}
