//! What was seen, exactly as it goes to paper. An assertion sees this and nothing else.
//!
//! A *pass* is one walk through a gate's probes. Its `lets` and `seen` are the names an assertion may use; the
//! `looks` tell how and when each was made, and are for people.

mod paper;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use paper::OnPaper;

/// Names bound to values, in the order in which they were bound.
pub type Names = Map<String, Value>;

/// Everything observed for one gate; on paper an [`OnPaper`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateRecord {
    /// The gate's id.
    pub gate: String,
    /// The gate's own pass, the first green. Absent when the gate was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
    /// One entry per control, families spread out, in the order in which they ran.
    #[serde(default)]
    pub controls: Vec<ControlRecord>,
    /// Closing green passes, shared by controls with the same rerun set.
    #[serde(default)]
    pub closings: Vec<Pass>,
    /// Why the gate, or its rest, was not run; absent when it ran to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_run: Option<String>,
}

/// What a gate sees of those it needs, by their ids: lets and observations of their own pass, in one object each.
pub fn from_needed(needs: &[String], records: &BTreeMap<String, GateRecord>) -> Names {
    let merged = |id: &String| {
        let pass = records.get(id)?.pass.as_ref()?;
        let mut names = pass.lets.clone();
        names.extend(pass.seen.clone());
        Some((id.clone(), Value::Object(names)))
    };
    needs.iter().filter_map(merged).collect()
}

impl GateRecord {
    /// Fewer controls were carried out than so many, or the last of them has no closing green: the gate was begun and
    /// not finished.
    pub fn is_cut_short(&self, controls: usize) -> bool {
        self.pass.is_none()
            || self.controls.len() < controls
            || self.controls.iter().any(|control| control.closing.is_none())
    }
}

/// One walk through a gate's probes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The gate's lets as evaluated for this pass, secrets redacted.
    pub lets: Names,
    /// Probe name → what it saw: an object, or a list of objects for `for_each`, whose elements carry their loop
    /// variables. A group's object holds one entry per step. A look that could not be made is absent.
    pub seen: Names,
    /// Probes (and `group.step`s) never reached because an `until` above them was not met.
    #[serde(default)]
    pub unreached: Vec<String>,
    /// On paper only, and empty everywhere else: names of observations that are those of the gate's own pass, and stand
    /// there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_over: Vec<String>,
    /// Probe name → why the look could not be made.
    #[serde(default)]
    pub blind: Names,
    /// How and when each look was made.
    #[serde(default)]
    pub looks: Vec<Look>,
}

impl Pass {
    /// What a look that repeats while a span lasts has seen, point by point.
    pub fn points(&self, probe: &str) -> &[Value] {
        let points = self.seen.get(probe).and_then(|seen| seen.get("points"));
        points.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// One look: which, with what, when, how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The probe's name; `group.step` inside a group, `name[3]` inside a loop.
    pub probe: String,
    /// The kind of the probe.
    pub kind: String,
    /// Parameters as executed, secrets redacted.
    pub params: Value,
    /// Begin, in milliseconds of the run's clock.
    pub begin_ms: u64,
    /// End, in milliseconds of the run's clock.
    pub end_ms: u64,
    /// How often it was looked at (more than once only under `until`).
    pub tries: u32,
}

/// One control as it was carried out. A family has one record per element.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// The control's name in the gate.
    pub control: String,
    /// Loop variables of the family, empty for a single control.
    #[serde(default)]
    pub vars: Names,
    /// The changes made, in order, each with its witness.
    pub changes: Vec<ChangeRecord>,
    /// Own witness probe's looks, when the control names one: `before`, `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Value>,
    /// Names of the probes that were looked at again in the red pass; the rest is carried over from the gate's pass.
    pub rerun: Vec<String>,
    /// The red pass, complete: carried-over and repeated observations together. Absent when it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red: Option<Pass>,
    /// Index into [`GateRecord::closings`]; absent when no closing green was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing: Option<usize>,
}

/// One change: what was done, the proof that it landed, the proof that it was undone.
///
/// Each kind of change writes its witness so that one rule judges all of them: it landed when `after` differs from
/// `before`, and it is undone when `undone` equals `before`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// The kind: `env`, `service`, `compose`, `sql`, `probe` …
    pub kind: String,
    /// `live`, `rollback` or `scratch`.
    pub place: String,
    /// Parameters as executed, secrets redacted.
    pub params: Value,
    /// What the witness saw before, after and once undone.
    pub witness: Witness,
    /// Facts worth keeping that the rule does not compare: process ids, start times, exit codes.
    #[serde(default)]
    pub facts: Names,
    /// Why the change or its undoing could not be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the witness of a change saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// Before the change.
    pub before: Value,
    /// After it.
    pub after: Value,
    /// After it was undone; null until then.
    pub undone: Value,
}

impl ChangeRecord {
    /// The change is in force: its witness saw a difference.
    pub fn landed(&self) -> bool {
        self.error.is_none() && !self.witness.after.is_null() && self.witness.after != self.witness.before
    }

    /// The change is gone: its witness sees what it saw before.
    pub fn undone(&self) -> bool {
        self.witness.undone == self.witness.before
    }
}
