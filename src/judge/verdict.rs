//! What judging comes to: the shape of `gates/<id>/outcome.json`, of a control's file and of the kill matrix.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{observation::Names, outcome::Outcome};

/// What every sentence may see besides its gate's own observations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// The suite's lets, evaluated and redacted: `suite.<name>`.
    pub suite: Value,
    /// The profile's numbers: `profile.<name>`.
    pub profile: Value,
    /// Seen as `run`: an object with the run's `id`.
    pub run: Value,
    /// The resolved compose model, redacted.
    pub compose: Value,
}

/// What a gate came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// The gate's id.
    pub gate: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why it is not a pass, one sentence each, the worst first; empty for a pass.
    pub reasons: Vec<String>,
    /// Every assertion, those of `until` first, in the order of the gate.
    pub assertions: Vec<AssertionVerdict>,
    /// Every control, families spread out.
    pub controls: Vec<ControlVerdict>,
    /// Which alteration breaks which assertion.
    pub kills: KillMatrix,
}

/// How one assertion fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// True.
    Held,
    /// False.
    Broken,
    /// Fewer elements than `at_least`.
    Empty,
    /// It could not be evaluated.
    Blind,
    /// What it reads lies behind an unmet `until`.
    Unreached,
}

impl Standing {
    /// The word that goes to paper.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Empty => "empty",
            Self::Blind => "blind",
            Self::Unreached => "unreached",
        }
    }
}

/// One assertion, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssertionVerdict {
    /// Its name.
    pub name: String,
    /// In words.
    pub says: String,
    /// The sentence, as written.
    pub expression: String,
    /// The list it runs over, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// How it fared.
    pub standing: Standing,
    /// Elements examined; 1 for an assertion without `each` that could be judged.
    pub examined: u64,
    /// The floor it must reach.
    pub at_least: u64,
    /// When false we could not see.
    pub otherwise_inconclusive: bool,
    /// What a failed comparison wanted: the value of its other side, where the sentence is a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// The values the sentence touched, by path, in the failing element (or at large when it held).
    pub actual: Names,
    /// The first failing element, with its index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<Value>,
    /// The evaluation error, the missing floor, the unmet `until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl AssertionVerdict {
    /// What this assertion alone makes of its gate.
    pub fn outcome(&self) -> Outcome {
        match self.standing {
            Standing::Held => Outcome::Pass,
            Standing::Broken if self.otherwise_inconclusive => Outcome::Inconclusive,
            Standing::Broken => Outcome::Fail,
            Standing::Blind | Standing::Unreached => Outcome::Inconclusive,
            Standing::Empty => Outcome::Unproven,
        }
    }
}

/// What a control proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Green, landed, red in exactly the promised assertions, undone, green.
    Proven,
    /// Nothing promised turned red.
    Survived,
    /// Other assertions turned red, or one could not be evaluated.
    WrongReason,
    /// The witness saw no difference.
    NotLanded,
    /// What must turn red was not green before.
    BaselineRed,
    /// The undoing, or the closing green, failed.
    RestoreFailed,
    /// It was planned and not carried out.
    NotRun,
}

impl Proof {
    /// The word that goes to paper.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Survived => "survived",
            Self::WrongReason => "wrong_reason",
            Self::NotLanded => "not_landed",
            Self::BaselineRed => "baseline_red",
            Self::RestoreFailed => "restore_failed",
            Self::NotRun => "not_run",
        }
    }
}

/// One control, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlVerdict {
    /// Name in the gate.
    pub control: String,
    /// The family's variables.
    pub vars: Names,
    /// In words.
    pub says: String,
    /// What it proved.
    pub proof: Proof,
    /// Promised.
    pub must_fail: Vec<String>,
    /// Allowed besides.
    pub may_fail: Vec<String>,
    /// What was false in the red pass.
    pub broken: Vec<String>,
    /// Why it is not proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The kill matrix of one gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KillMatrix {
    /// One row per assertion.
    pub rows: Vec<Kills>,
    /// Absences that no assertion of the gate noticed.
    pub unnoticed: Vec<String>,
    /// Counterfeits judged.
    pub judged: u64,
}

/// What could break one assertion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kills {
    /// The assertion.
    pub assertion: String,
    /// Proven controls that broke it.
    pub live: Vec<String>,
    /// Counterfeits that made it false.
    pub killed: u64,
    /// Counterfeits that made it an error or empty.
    pub noticed: u64,
    /// Counterfeits it held against.
    pub survived: u64,
    /// Nothing ever broke it.
    pub decorative: bool,
    /// The bound on work was reached: counterfeits beyond it were not judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub capped: bool,
    /// How far each number it reads is from breaking it.
    pub edges: Vec<Edge>,
}

/// How far a number may move before an assertion breaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Path of the number: `storm.latency.intended.p95_ms`.
    pub path: String,
    /// Its value.
    pub actual: f64,
    /// The nearest breaking value below, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// The nearest breaking value above, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
}
