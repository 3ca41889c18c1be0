//! What is weak in a suite that is well formed: claims that nothing could refute, and secrets that need not be told.
//!
//! A finding is something that would keep a gate from a pass, or a service from being refused; advice is not. Nothing
//! is run and nothing is evaluated: what only a run can show is taken from a pack, where one is handed in.

mod controlled;
mod decorative;
mod proven;
mod secrets;

use serde::Serialize;

use crate::{
    compose::Source,
    gate::{
        Complaint, Places,
        model::{Gate, LookAt, Probe, Suite, Until},
    },
    report::Case,
};

/// How much a weakness weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It must be put right.
    Finding,
    /// It could be better.
    Advice,
}

/// Something weak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// How much it weighs.
    pub weight: Weight,
    /// Where it stands, what it is, and what would put it right.
    pub complaint: Complaint,
}

impl Weakness {
    fn finding(complaint: Complaint) -> Self {
        Self {
            weight: Weight::Finding,
            complaint,
        }
    }

    fn advice(complaint: Complaint) -> Self {
        Self {
            weight: Weight::Advice,
            complaint,
        }
    }
}

/// Everything weak in a suite and its compose file, in the order of files and lines. `judged` is a record of the same
/// suite.
pub fn lint(suite: &Suite, compose: &Source, judged: Option<&Case>) -> Vec<Weakness> {
    let mut found = Vec::new();
    for gate in &suite.gates {
        let paper = Paper::of(suite, gate);
        found.extend(controlled::look(suite, gate, &paper));
        found.extend(decorative::look(gate, &paper));
        found.extend(
            judged
                .into_iter()
                .flat_map(|case| proven::look(case, gate, &paper)),
        );
    }
    found.extend(secrets::look(suite, compose));
    found.sort_by(|a, b| a.complaint.cmp(&b.complaint));
    found.dedup();
    found
}

/// The `until`s of a gate by name, those of steps before the one of the probe they belong to.
fn untils(gate: &Gate) -> Vec<(String, &Until)> {
    fn of<'g>(probe: &'g Probe, prefix: &str) -> Vec<(String, &'g Until)> {
        let name = format!("{prefix}{}", probe.name);
        let steps = match &probe.look {
            LookAt::Steps(steps) => steps.as_slice(),
            LookAt::Kind { .. } => &[],
        };
        let prefix = format!("{name}.");
        let mut found: Vec<_> = steps.iter().flat_map(|step| of(step, &prefix)).collect();
        found.extend(probe.until.as_ref().map(|until| (name, until)));
        found
    }
    gate.probes.iter().flat_map(|probe| of(probe, "")).collect()
}

/// A gate's file: what it is called, and where its parts stand.
struct Paper {
    file: String,
    places: Places,
}

impl Paper {
    fn of(suite: &Suite, gate: &Gate) -> Self {
        let file = suite.folder.join(&gate.folder).join("gate.toml");
        let text = gate.files.get("gate.toml").map_or(&[][..], Vec::as_slice);
        Self {
            file: file.display().to_string(),
            places: Places::of(text),
        }
    }

    /// Something to say about an assertion.
    fn assertion(&self, name: &str, message: String, hint: &str) -> Complaint {
        let place = self.places.assertion(name).unwrap_or_else(|| self.places.claim());
        place.finding(&self.file, message, hint)
    }

    /// Something to say about the claim.
    fn claim(&self, message: String, hint: &str) -> Complaint {
        self.places.claim().finding(&self.file, message, hint)
    }
}

#[cfg(test)]
mod tests;
