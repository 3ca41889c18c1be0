//! What is going to be done, frozen before anything starts.
//!
//! A plan is a function of the suite, the compose file, the profile and the command line. It names every gate, look,
//! span, control and derived file; its digest is the same on every machine, so a reviewer can make it again.

mod draw;
mod estimate;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

pub use draw::{Drawn, Refusal, compose_of, draw, from_parts};
pub use estimate::Estimate;

/// What a user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Folder of the suite.
    pub suite: PathBuf,
    /// `ci_subset` or `full_physics`.
    pub profile: String,
    /// Ids of the gates to run; empty means all of the profile.
    pub only: Vec<String>,
}

/// The frozen plan: `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format version of this document.
    pub format: u32,
    /// Name of the suite.
    pub suite: String,
    /// The profile whose figures are driven.
    pub profile: String,
    /// Ids asked for by `--only`; empty means all.
    pub only: Vec<String>,
    /// The compose file's digest, before anything is filled in.
    pub compose_sha256: Digest,
    /// The suite file's digest.
    pub suite_sha256: Digest,
    /// Services in the order in which they start.
    pub services: Vec<String>,
    /// Gates of the profile, in the order in which they run.
    pub gates: Vec<PlannedGate>,
    /// Gates of other profiles: they have no outcome in this run.
    pub outside_profile: Vec<String>,
    /// Seconds of mandated load, and of the rest.
    pub estimate: Estimate,
}

/// One gate as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedGate {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its claim.
    pub claim: String,
    /// Ids of the gates it needs.
    pub needs: Vec<String>,
    /// False when `--only` leaves it out: it will be `not_run`.
    pub asked_for: bool,
    /// SHA-256 over its files, by name.
    pub sha256: Digest,
    /// Its looks, in order.
    pub looks: Vec<PlannedLook>,
    /// Names of its assertions, those of `until` included.
    pub assertions: Vec<String>,
    /// Its controls.
    pub controls: Vec<PlannedControl>,
}

/// One look as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedLook {
    /// Name; `group.step` inside a group.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// The span it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub during: Option<String>,
    /// Loop variables.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub for_each: Vec<String>,
}

/// One control as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedControl {
    /// Name.
    pub name: String,
    /// In words.
    pub says: String,
    /// Kinds of its changes.
    pub sabotage: Vec<String>,
    /// Assertions it promises to turn red.
    pub must_fail: Vec<String>,
}

impl Plan {
    /// The digest over the whole plan; the same wherever the plan is made from the same files.
    ///
    /// # Panics
    /// Never: a plan is plain data, which always has a text.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_vec(self).expect("a plan is plain data"))
    }

    /// The plan as it goes to paper.
    ///
    /// # Panics
    /// Never, as [`digest`](Self::digest).
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a plan is plain data");
        text.push('\n');
        text
    }
}
