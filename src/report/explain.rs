//! Why a claim reads as it does: what was seen, what came first, what to open, how to see it again. Pure, like every
//! report; which words tell it is for the voice to choose.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Case, Claim, Reading,
    claims::claim,
    gates::{control_path, outcome_paper},
    loads, papers,
};
use crate::{
    cel::Sentence,
    gate::{
        Place, Places,
        model::{Gate, Suite},
    },
    judge::verdict::{AssertionVerdict, ControlVerdict, GateVerdict, Kills, Proof, Standing},
    name::nearest,
    observation::GateRecord,
    outcome::Outcome,
    pack::{Files, layout},
    plan::{Plan, PlannedGate},
};

/// What somebody asked about: a gate, or one assertion or control of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The gate's id.
    pub gate: String,
    /// The name of an assertion or a control; none for the whole gate.
    pub part: Option<String>,
}

/// Nothing goes by this id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}{}", .hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}")))]
pub struct NoSuchId {
    words: String,
    hint: Option<String>,
}

/// Find what an id means: a gate of the plan, or `GATE.assertion`, or `GATE.control`. Ids of gates may hold points, too.
pub fn find(plan: &Plan, id: &str) -> Result<Asked, NoSuchId> {
    if plan.gates.iter().any(|gate| gate.id == id) {
        return Ok(Asked {
            gate: id.to_owned(),
            part: None,
        });
    }
    let of_gates = plan
        .gates
        .iter()
        .filter_map(|gate| Some((gate, id.strip_prefix(gate.id.as_str())?.strip_prefix('.')?)));
    let longest = of_gates.max_by_key(|(gate, _)| gate.id.len());
    match longest {
        Some((gate, part)) if parts(gate).any(|known| known == part) => Ok(Asked {
            gate: gate.id.clone(),
            part: Some(part.to_owned()),
        }),
        Some((gate, part)) => Err(no_such_part(gate, part)),
        None => Err(no_such_gate(plan, id)),
    }
}

/// What a gate has names for: its assertions, then its controls.
fn parts(gate: &PlannedGate) -> impl Iterator<Item = &str> {
    let controls = gate.controls.iter().map(|control| control.name.as_str());
    gate.assertions.iter().map(String::as_str).chain(controls)
}

fn no_such_part(gate: &PlannedGate, part: &str) -> NoSuchId {
    let near = nearest(part, parts(gate)).map(|near| format!("did you mean `{}.{near}`?", gate.id));
    let known: Vec<&str> = parts(gate).collect();
    NoSuchId {
        words: format!("gate `{}` has no assertion and no control `{part}`", gate.id),
        hint: Some(near.unwrap_or_else(|| format!("it has `{}`", known.join("`, `")))),
    }
}

fn no_such_gate(plan: &Plan, id: &str) -> NoSuchId {
    if plan.outside_profile.iter().any(|outside| outside == id) {
        return NoSuchId {
            words: format!(
                "gate `{id}` does not belong to profile `{}`: this pack says nothing of it",
                plan.profile
            ),
            hint: None,
        };
    }
    let of_gate = |gate: &PlannedGate| {
        let named: Vec<String> = parts(gate).map(|part| format!("{}.{part}", gate.id)).collect();
        std::iter::once(gate.id.clone()).chain(named).collect::<Vec<_>>()
    };
    let all: Vec<String> = plan.gates.iter().flat_map(of_gate).collect();
    let near = nearest(id, all.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let ids: Vec<&str> = plan.gates.iter().map(|gate| gate.id.as_str()).collect();
    NoSuchId {
        words: format!("this pack has no gate `{id}`"),
        hint: Some(near.unwrap_or_else(|| format!("it has `{}`", ids.join("`, `")))),
    }
}

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

/// What is at the bottom of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Where: the gate itself, or one that it needs.
    pub gate: String,
    /// What.
    pub what: String,
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
        probes: probes_of(gate, &assertion.name),
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

/// The probes an assertion reads, through derives; the one whose `until` it is.
pub fn probes_of(gate: &Gate, assertion: &str) -> Vec<String> {
    let mut names = BTreeSet::from([assertion.split('.').next().unwrap_or_default().to_owned()]);
    let written = gate.assertions.iter().find(|known| known.name == assertion);
    let sentences = written
        .into_iter()
        .flat_map(|known| [Some(&known.that), known.each.as_ref(), Some(&known.at_least)]);
    let mut pending: Vec<&Sentence> = sentences.flatten().collect();
    if written.is_some() {
        names.clear();
    }
    while let Some(sentence) = pending.pop() {
        for name in sentence.reads() {
            let derived = gate.derives.iter().find(|(derive, _)| *derive == name);
            if names.insert(name) {
                pending.extend(derived.map(|(_, is)| is));
            }
        }
    }
    let probes = gate.probes.iter().map(|probe| &probe.name);
    probes.filter(|probe| names.contains(*probe)).cloned().collect()
}

/// What is at the bottom of it. A gate that was not run leads to the one that it needed; of several assertions that do
/// not hold, the one counts that could be judged first, because whatever it reads stands above what the others read.
fn first_cause(case: &Case, gate: &Gate, verdict: &GateVerdict) -> Option<Cause> {
    let at_bottom = |gate: &str, what: String| {
        let gate = gate.to_owned();
        Some(Cause { gate, what })
    };
    if verdict.outcome == Outcome::Pass {
        return None;
    }
    let own = case.records.get(&verdict.gate);
    if own.is_none_or(|record| record.pass.is_none()) {
        let first = first_not_run(case, &gate.id, &mut BTreeSet::new());
        let why = case.records.get(first).and_then(|record| record.not_run.clone());
        return at_bottom(first, why.unwrap_or_else(|| "its pass was not made".to_owned()));
    }
    let last_read = |assertion: &AssertionVerdict| {
        let probes = probes_of(gate, &assertion.name);
        let place = |name: &String| gate.probes.iter().position(|probe| probe.name == *name);
        probes.iter().filter_map(place).max()
    };
    let fallen = |worst: bool| {
        let is_of = move |assertion: &&AssertionVerdict| {
            assertion.standing != Standing::Held && (!worst || outcome_of(assertion) == verdict.outcome)
        };
        verdict
            .assertions
            .iter()
            .filter(is_of)
            .min_by_key(|one| last_read(one))
    };
    if let Some(assertion) = fallen(true).or_else(|| fallen(false)) {
        let about = format!("`{}` ", assertion.name);
        let reason = verdict.reasons.iter().find(|reason| reason.starts_with(&about));
        return at_bottom(&gate.id, reason.unwrap_or(&assertion.says).clone());
    }
    at_bottom(&gate.id, verdict.reasons.first()?.clone())
}

/// What one assertion alone makes of its gate.
fn outcome_of(assertion: &AssertionVerdict) -> Outcome {
    match assertion.standing {
        Standing::Held => Outcome::Pass,
        Standing::Broken if assertion.otherwise_inconclusive => Outcome::Inconclusive,
        Standing::Broken => Outcome::Fail,
        Standing::Blind | Standing::Unreached => Outcome::Inconclusive,
        Standing::Empty => Outcome::Unproven,
    }
}

/// Follow what a gate needs down to the first one that was not run for a reason of its own.
fn first_not_run<'c>(case: &'c Case, id: &'c str, seen: &mut BTreeSet<&'c str>) -> &'c str {
    let why = case.records.get(id).and_then(|record| record.not_run.as_deref());
    let planned = case.plan.gates.iter().find(|gate| gate.id == id);
    let mut needs = planned.map_or(&[][..], |gate| &gate.needs).iter();
    match needs.find(|need| why.is_some_and(|why| why.starts_with(&format!("it needs {need},")))) {
        Some(need) if seen.insert(need) => first_not_run(case, need, seen),
        _ => id,
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
