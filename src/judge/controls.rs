//! What each negative control proved.

use serde_json::Value;

use super::{
    Case,
    answer::answer,
    question::Question,
    red::Red,
    verdict::{ControlVerdict, Proof, Standing},
    view::View,
};
use crate::{
    cel::{Scope, Sentence},
    gate::model::Control,
    observation::{ChangeRecord, ControlRecord, GateRecord, Names},
};

/// A proof, the assertions that were false, and why it is not `proven`.
pub(super) struct Found {
    pub(super) proof: Proof,
    pub(super) broken: Vec<String>,
    pub(super) note: Option<String>,
}

impl Found {
    fn so(proof: Proof, note: impl Into<String>) -> Self {
        Self {
            proof,
            broken: Vec::new(),
            note: Some(note.into()),
        }
    }
}

/// The controls a profile expects, families spread out, each with what it proved.
pub(super) fn verdicts(
    case: &Case<'_>,
    record: &GateRecord,
    green: &View<'_>,
    profile: &str,
) -> Vec<ControlVerdict> {
    let expected = |control: &&Control| {
        let profiles = control.profiles.as_ref();
        profiles.is_none_or(|names| names.iter().any(|name| name == profile))
    };
    let controls = case.gate.controls.iter().filter(expected);
    controls
        .flat_map(|control| family(case, control, record, green))
        .collect()
}

fn family(case: &Case<'_>, control: &Control, record: &GateRecord, green: &View<'_>) -> Vec<ControlVerdict> {
    let members = match members(&control.for_each, &green.scope) {
        Ok(members) if members.is_empty() => {
            let found = Found::so(Proof::NotRun, "its family has no members");
            return vec![told(control, Names::new(), found)];
        }
        Ok(members) => members,
        Err(why) => return vec![told(control, Names::new(), Found::so(Proof::NotRun, why))],
    };
    let one = |vars: Names| {
        let mut records = record.controls.iter();
        let found = match records.find(|made| made.control == control.name && made.vars == vars) {
            Some(made) => prove(case, control, made, record, green),
            None => Found::so(Proof::NotRun, "it was planned and not carried out"),
        };
        told(control, vars, found)
    };
    members.into_iter().map(one).collect()
}

/// Every combination of the loop variables; a later one may be computed from an earlier one.
fn members(loops: &[(String, Sentence)], scope: &Scope<'_>) -> Result<Vec<Names>, String> {
    let mut members = vec![Names::new()];
    for (name, over) in loops {
        let mut longer = Vec::new();
        for member in members {
            let mut inner = scope.child();
            member.iter().for_each(|(name, value)| inner.bind(name, value));
            let list = inner
                .eval(over)
                .map_err(|error| format!("`for_each.{name}`: {error}"))?;
            let Value::Array(items) = list else {
                return Err(format!("`for_each.{name}` is not a list"));
            };
            longer.extend(items.into_iter().map(|item| {
                let mut member = member.clone();
                member.insert(name.clone(), item);
                member
            }));
        }
        members = longer;
    }
    Ok(members)
}

fn told(control: &Control, vars: Names, found: Found) -> ControlVerdict {
    ControlVerdict {
        control: control.name.clone(),
        vars,
        says: control.says.clone(),
        proof: found.proof,
        must_fail: control.must_fail.clone(),
        may_fail: control.may_fail.clone(),
        broken: found.broken,
        note: found.note,
    }
}

/// Green, landed, red in exactly the promised assertions, undone, green. What was left behind is told first: a
/// topology that is not as it was makes everything after it worthless.
fn prove(
    case: &Case<'_>,
    control: &Control,
    made: &ControlRecord,
    record: &GateRecord,
    green: &View<'_>,
) -> Found {
    if let Some(why) = left_behind(made) {
        return Found::so(Proof::RestoreFailed, why);
    }
    let red = made.red.as_ref().map(|pass| Red::of(case, made, pass));
    if let Some(why) = not_landed(control, made, red.as_ref()) {
        return Found::so(Proof::NotLanded, why);
    }
    let Some(red) = red else {
        return Found::so(Proof::NotRun, "its red pass was not made");
    };
    let concerned: Vec<_> = case
        .questions
        .iter()
        .filter(|question| looked_again(made, question))
        .collect();
    if let Some(found) = not_green_again(case, made, record, &concerned, green) {
        return found;
    }
    red.judge(control, &concerned, green)
}

/// A question is concerned by a control when it reads something that was looked at again.
fn looked_again(made: &ControlRecord, question: &Question<'_>) -> bool {
    made.rerun.is_empty() || made.rerun.iter().any(|probe| question.reading.touches(probe))
}

fn was_made(change: &ChangeRecord) -> bool {
    !change.witness.after.is_null()
}

fn left_behind(made: &ControlRecord) -> Option<String> {
    let change = made
        .changes
        .iter()
        .find(|change| was_made(change) && !change.undone())?;
    let why = change
        .error
        .as_deref()
        .unwrap_or("its witness does not see what it saw before");
    Some(format!("the {} change was not undone: {why}", change.kind))
}

fn not_landed(control: &Control, made: &ControlRecord, red: Option<&Red<'_>>) -> Option<String> {
    if let Some(error) = made.changes.iter().find_map(|change| change.error.as_deref()) {
        return Some(format!("a change went wrong: {error}"));
    }
    if made.changes.is_empty() {
        return Some("no change was made".into());
    }
    match (&control.landed, &control.witness, red) {
        (Some(landed), _, Some(red)) => match red.witnessed(made).truth(landed) {
            Ok(true) => None,
            Ok(false) => Some(format!("`{}` is false", landed.source())),
            Err(error) => Some(format!("`{}`: {error}", landed.source())),
        },
        (Some(_), _, None) => None,
        (None, Some(_), _) => {
            let saw = |when| made.witness.as_ref().and_then(|witness| witness.get(when));
            (saw("after").is_none() || saw("after") == saw("before"))
                .then(|| "its witness saw no difference".into())
        }
        (None, None, _) => {
            let change = made.changes.iter().find(|change| !change.landed())?;
            Some(format!(
                "the witness of the {} change saw no difference",
                change.kind
            ))
        }
    }
}

/// The closing green: what was held before the sabotage is held after it.
fn not_green_again(
    case: &Case<'_>,
    made: &ControlRecord,
    record: &GateRecord,
    concerned: &[&Question<'_>],
    green: &View<'_>,
) -> Option<Found> {
    let closing = match made.closing {
        Some(at) => record.closings.get(at),
        None if record.not_run.is_some() => {
            return Some(Found::so(Proof::NotRun, "its closing green was not made"));
        }
        None => None,
    };
    let Some(closing) = closing else {
        return Some(Found::so(Proof::RestoreFailed, "its closing green was not made"));
    };
    let closing = View::of(case.ground, case.derives, closing);
    let held = |question: &Question<'_>, view: &View<'_>| answer(question, view).standing == Standing::Held;
    let lost: Vec<&str> = concerned
        .iter()
        .filter(|question| held(question, green) && !held(question, &closing))
        .map(|question| question.name.as_str())
        .collect();
    (!lost.is_empty()).then(|| {
        let note = format!("not green again: {}", lost.join(", "));
        Found::so(Proof::RestoreFailed, note)
    })
}
