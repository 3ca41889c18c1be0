//! Why a claim reads as it does: what was seen, what came first, what to open, how to see it again. Pure, like every
//! report; which words tell it is for the voice to choose.

mod cause;
mod find;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::{
    cause::Cause,
    find::{Asked, NoSuchId, find},
};

use self::cause::first_cause;
use super::{
    Case, Claim, Reading,
    claims::claim,
    gates::{control_path, outcome_paper},
    loads, papers,
};
use crate::{
    gate::{
        Place, Places,
        model::{Gate, Suite},
    },
    judge::{
        probes_read,
        verdict::{AssertionVerdict, ControlVerdict, GateVerdict, Kills, Proof, Standing},
    },
    observation::GateRecord,
    outcome::Outcome,
    pack::{Files, layout},
    plan::PlannedGate,
};

/// Why a claim reads as it does.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The gate.
    pub gate: String,
    /// Its name.
    pub name: String,
    /// The assertion or control that was asked about, if not the whole gate.
    pub part: Option<String>,
    /// What the gate claims.
    pub claim: String,
    /// How the claim reads.
    pub reads: Reading,
    /// What the gate came to.
    pub outcome: Outcome,
    /// What is at the bottom of it; none of a pass.
    pub first_cause: Option<Cause>,
    /// Everything that keeps it from a pass.
    pub reasons: Vec<String>,
    /// The assertions asked about: all of a pass, those that did not hold of anything else.
    pub assertions: Vec<ToldAssertion>,
    /// How many assertions held.
    pub held: usize,
    /// How many assertions there are.
    pub of_assertions: usize,
    /// The controls asked about: all of a pass, those that are not proven of anything else.
    pub controls: Vec<ToldControl>,
    /// Where to look, the nearest to the cause first.
    pub open: Vec<ToOpen>,
    /// Files of the pack that show it.
    pub evidence: Vec<String>,
    /// The command that runs this gate alone, with those it needs.
    pub run_again: String,
}

/// One assertion, with what it looks at and what can break it.
#[derive(Clone, Debug, Serialize)]
pub struct ToldAssertion {
    /// How it was judged.
    #[serde(flatten)]
    pub verdict: AssertionVerdict,
    /// The probes it reads, through derives, in the order of the gate.
    pub probes: Vec<String>,
    /// What could break it; none of one that did not hold.
    pub kills: Option<Kills>,
}

/// One control.
#[derive(Clone, Debug, Serialize)]
pub struct ToldControl {
    /// How it was judged.
    #[serde(flatten)]
    pub verdict: ControlVerdict,
    /// What was done, change by change: its kind, whether it landed, whether it was undone.
    pub changes: Vec<ToldChange>,
    /// Its file in the pack.
    pub file: String,
}

/// One change of a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldChange {
    /// Its kind.
    pub kind: String,
    /// Where it stood.
    pub place: String,
    /// Its witness saw a difference.
    pub landed: bool,
    /// Its witness saw again what it had seen before.
    pub undone: bool,
    /// Why it could not be made.
    pub error: Option<String>,
}

/// A place in a file of the suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToOpen {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
}

/// What is explained, and for whom.
pub struct Question<'a> {
    /// A record in which the gate was judged.
    pub case: &'a Case,
    /// What was asked.
    pub asked: &'a Asked,
    /// The files of the pack.
    pub files: &'a dyn Files,
    /// The suite as it stands on this machine, when it does.
    pub checkout: Option<&'a Suite>,
}

/// The gate's outcome as its observations make it, against the one that is on record: none when they are the same.
pub fn recorded_otherwise(case: &Case, gate: &str, files: &dyn Files) -> Option<String> {
    let verdict = verdict_of(case, gate)?;
    let path = layout::outcome(gate);
    let on_record = files.bytes(&path).ok();
    (on_record.as_deref() != Some(&outcome_paper(verdict)[..])).then_some(path)
}

fn verdict_of<'c>(case: &'c Case, gate: &str) -> Option<&'c GateVerdict> {
    case.verdicts.iter().find(|verdict| verdict.gate == gate)
}

/// Explain a gate, or a part of it. None when the gate was not judged.
pub fn explain(question: &Question<'_>) -> Option<Explanation> {
    let Question {
        case, asked, files, ..
    } = *question;
    let verdict = verdict_of(case, &asked.gate)?;
    let planned = case.plan.gates.iter().find(|gate| gate.id == asked.gate)?;
    let gate = case.suite.gates.iter().find(|gate| gate.id == asked.gate)?;
    let is_asked = |name: &str, is_telling: bool| match &asked.part {
        Some(part) => part == name,
        None => is_telling || verdict.outcome == Outcome::Pass,
    };
    let assertions: Vec<ToldAssertion> = (verdict.assertions.iter())
        .filter(|assertion| is_asked(&assertion.name, assertion.standing != Standing::Held))
        .map(|assertion| told_assertion(assertion, gate, verdict))
        .collect();
    let record = case.records.get(&asked.gate);
    let controls: Vec<ToldControl> = (verdict.controls.iter().enumerate())
        .filter(|(_, control)| is_asked(&control.control, control.proof != Proof::Proven))
        .map(|(at, control)| told_control(at, control, verdict, record))
        .collect();
    let held = |assertion: &&AssertionVerdict| assertion.standing == Standing::Held;
    Some(Explanation {
        gate: asked.gate.clone(),
        name: planned.name.clone(),
        part: asked.part.clone(),
        claim: planned.claim.clone(),
        reads: Reading::of(verdict.outcome),
        outcome: verdict.outcome,
        first_cause: first_cause(case, gate, verdict),
        reasons: verdict.reasons.clone(),
        held: verdict.assertions.iter().filter(held).count(),
        of_assertions: verdict.assertions.len(),
        open: to_open(question, gate, &assertions, &controls),
        evidence: evidence(case, verdict, files),
        run_again: run_again(question, planned),
        assertions,
        controls,
    })
}

fn told_assertion(assertion: &AssertionVerdict, gate: &Gate, verdict: &GateVerdict) -> ToldAssertion {
    let rows = &verdict.kills.rows;
    let kills = rows.iter().find(|row| row.assertion == assertion.name);
    ToldAssertion {
        verdict: assertion.clone(),
        probes: probes_read(gate, &assertion.name),
        kills: kills.filter(|_| assertion.standing == Standing::Held).cloned(),
    }
}

fn told_control(
    at: usize,
    control: &ControlVerdict,
    verdict: &GateVerdict,
    record: Option<&GateRecord>,
) -> ToldControl {
    let made = record.and_then(|record| record.controls.get(at));
    let changes = made.map_or(&[][..], |made| &made.changes);
    let told = changes.iter().map(|change| ToldChange {
        kind: change.kind.clone(),
        place: change.place.clone(),
        landed: change.landed(),
        undone: change.undone(),
        error: change.error.clone(),
    });
    ToldControl {
        verdict: control.clone(),
        changes: told.collect(),
        file: control_path(verdict, control),
    }
}

/// Where to look in the suite: each assertion and control told of, then the probes they read.
fn to_open(
    question: &Question<'_>,
    gate: &Gate,
    assertions: &[ToldAssertion],
    controls: &[ToldControl],
) -> Vec<ToOpen> {
    let text = gate.files.get("gate.toml").map_or(&[][..], Vec::as_slice);
    let places = Places::of(text);
    let here = path_here(question, gate);
    let is_here = here.is_some();
    let path = here.unwrap_or_else(|| layout::gate_file(&gate.id, "gate.toml"));
    let mut open: Vec<ToOpen> = Vec::new();
    let mut add = |place: Option<Place>, what: String| {
        let to_open = place.map(|place| ToOpen {
            path: path.clone(),
            line: place.line,
            what: what + if is_here { "" } else { ", as the pack holds it" },
        });
        open.extend(to_open);
    };
    for told in assertions {
        let name = &told.verdict.name;
        add(places.assertion(name), format!("assertion `{name}`"));
    }
    let mut told_of = BTreeSet::new();
    for told in controls
        .iter()
        .filter(|told| told_of.insert(&told.verdict.control))
    {
        let name = &told.verdict.control;
        add(places.control(name), format!("control `{name}`"));
    }
    let read: BTreeSet<&String> = assertions.iter().flat_map(|told| &told.probes).collect();
    for probe in gate.probes.iter().filter(|probe| read.contains(&probe.name)) {
        add(places.probe(&probe.name), format!("probe `{}`", probe.name));
    }
    if open.is_empty() {
        open.push(ToOpen {
            path,
            line: places.claim().line,
            what: "the claim".to_owned(),
        });
    }
    open
}

/// The gate's file on this machine, when it holds the same text.
fn path_here(question: &Question<'_>, gate: &Gate) -> Option<String> {
    question.checkout.and_then(|suite| {
        let same =
            |own: &&Gate| own.id == gate.id && own.files.get("gate.toml") == gate.files.get("gate.toml");
        let own = suite.gates.iter().find(same)?;
        let path = suite.folder.join(&own.folder).join("gate.toml");
        Some(path.display().to_string())
    })
}

fn evidence(case: &Case, verdict: &GateVerdict, files: &dyn Files) -> Vec<String> {
    let mut derived = BTreeMap::new();
    let papers = papers::papers(case, &mut derived, &mut BTreeMap::new());
    loads::write(case, files, &mut derived);
    let claim = claim(case, verdict, &papers, files, &derived);
    let paths = claim.as_ref().map(Claim::evidence).unwrap_or_default();
    paths.into_iter().map(str::to_owned).collect()
}

/// The command that runs one gate again, with every gate it needs named, on what it ran on.
fn run_again(question: &Question<'_>, planned: &PlannedGate) -> String {
    let case = question.case;
    let mut needed = BTreeSet::from([planned.id.as_str()]);
    let mut pending = vec![planned];
    while let Some(gate) = pending.pop() {
        for need in &gate.needs {
            let found = case.plan.gates.iter().find(|gate| gate.id == *need);
            if needed.insert(need) {
                pending.extend(found);
            }
        }
    }
    let in_order = case.plan.gates.iter().map(|gate| gate.id.as_str());
    let ids: Vec<&str> = in_order.filter(|id| needed.contains(id)).collect();
    let mut words = vec!["closure run".to_owned()];
    match question.checkout {
        Some(suite) if suite.folder.as_os_str() == "gates" => {}
        Some(suite) => words.push(format!("--suite {}", suite.folder.display())),
        None => words.push(format!("--suite <folder of suite {}>", case.plan.suite)),
    }
    words.push(format!("--{}", case.plan.profile.replace('_', "-")));
    if !case.sealed("substrate").is_empty() {
        words.push(format!("--substrate {}", case.sealed("substrate")));
    }
    words.push(format!("--only {}", ids.join(" ")));
    words.join(" ")
}
