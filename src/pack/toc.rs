//! `pack.json`: the table of contents. Whose pack this is, every file with its role, and where the evidence stands
//! that reviewers know under other names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    finding::{Code, Finding},
    form::document_of,
    layout::{MANIFEST, Role, TOC, gate_of_observations, observations, outcome, role_of},
};
use crate::outcome::Outcome;

/// The version of the pack's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Format(pub u32);

/// The layout this closure writes.
pub const FORMAT: Format = Format(1);

/// The table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toc {
    /// Version of the layout.
    pub format: Format,
    /// Version of the closure that sealed the pack.
    pub closure: String,
    /// The run.
    pub run_id: String,
    /// `ci_subset` or `full_physics`.
    pub run_authority: String,
    /// What the run came to.
    pub outcome: Outcome,
    /// Every file but this one and the manifest: path → role and size.
    pub files: BTreeMap<String, Listed>,
    /// A log that reviewers know from elsewhere → the files that carry that proof here. Empty where none does.
    pub seed_evidence: BTreeMap<String, Vec<String>>,
}

/// A file in the table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// What it is good for.
    pub role: Role,
    /// Its length in bytes.
    pub size: u64,
}

/// Which gates carry the proof that each log carried elsewhere. A family (`EG8.2`) stands for all its gates
/// (`EG8.2a`, `EG8.2b`).
const SEED_LOGS: [(&str, &[&str]); 7] = [
    ("logs/pytest_boundary_enforcement.log", &["EG8.3"]),
    ("logs/pytest_p3_provider_swap.log", &["EG8.3"]),
    ("logs/pytest_p4.log", &["EG8.3", "DASH"]),
    ("logs/pytest_p5.log", &["EG8.3", "R4"]),
    ("logs/pytest_p6_router.log", &["EG8.3"]),
    ("logs/pytest_p7.log", &["EG8.4", "RLS"]),
    ("logs/pytest_p8_topology.log", &["EG8.2", "EG8.4", "EG8.6"]),
];

/// The files of this pack that carry the proofs which the seeds' logs carry.
pub fn seed_evidence<'a>(paths: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Vec<String>> {
    let gates: Vec<&str> = paths.into_iter().filter_map(gate_of_observations).collect();
    let files_of = |families: &[&str]| {
        gates
            .iter()
            .filter(|gate| families.iter().any(|family| is_of_family(gate, family)))
            .flat_map(|gate| [observations(gate), outcome(gate)])
            .collect()
    };
    SEED_LOGS
        .iter()
        .map(|(log, families)| ((*log).to_owned(), files_of(families)))
        .collect()
}

fn is_of_family(gate: &str, family: &str) -> bool {
    gate.strip_prefix(family)
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_lowercase()))
}

impl Toc {
    /// The table as it is written.
    pub fn render(&self) -> Vec<u8> {
        document_of(self)
    }

    /// Read a table; what is wrong goes to `findings`.
    pub fn parse(bytes: &[u8], findings: &mut Vec<Finding>) -> Option<Self> {
        let complain = |expected: String, actual: String| {
            Finding::new(Code::TocMalformed, TOC, "table of contents", expected, actual)
        };
        match serde_json::from_slice::<Self>(bytes) {
            Ok(toc) if toc.format == FORMAT => Some(toc),
            Ok(toc) => {
                findings.push(complain(
                    format!("format {}", FORMAT.0),
                    format!("format {}", toc.format.0),
                ));
                None
            }
            Err(error) => {
                findings.push(complain("the keys of format 1".to_owned(), error.to_string()));
                None
            }
        }
    }

    /// Compare the table with the files that are there (path → size), both ways, and each role with the layout's.
    pub fn compare(&self, files: &BTreeMap<&str, u64>, findings: &mut Vec<Finding>) {
        let mut differs = |path: &str, what: &str, expected: String, actual: String| {
            findings.push(Finding::new(Code::TocDiffers, path, what, expected, actual));
        };
        for (path, size) in files.iter().filter(|(path, _)| ![TOC, MANIFEST].contains(*path)) {
            let Some(listed) = self.files.get(*path) else {
                differs(
                    path,
                    "entry in the table of contents",
                    "one".to_owned(),
                    "none".to_owned(),
                );
                continue;
            };
            if listed.size != *size {
                differs(
                    path,
                    "size in the table of contents",
                    size.to_string(),
                    listed.size.to_string(),
                );
            }
            let role = role_of(path);
            if listed.role != role {
                differs(
                    path,
                    "role in the table of contents",
                    format!("{role:?}"),
                    format!("{:?}", listed.role),
                );
            }
        }
        for path in self
            .files
            .keys()
            .filter(|path| !files.contains_key(path.as_str()))
        {
            differs(
                path,
                "file of the table of contents",
                "there".to_owned(),
                "not there".to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::seed_evidence;

    #[test]
    fn a_seed_log_leads_to_the_gates_of_its_family() {
        let evidence = seed_evidence([
            "gates/EG8.2a/observations.json",
            "gates/EG8.20/observations.json",
            "gates/EG8.4/observations.json",
            "logs/api.log",
        ]);
        assert_eq!(
            evidence["logs/pytest_p8_topology.log"],
            [
                "gates/EG8.2a/observations.json",
                "gates/EG8.2a/outcome.json",
                "gates/EG8.4/observations.json",
                "gates/EG8.4/outcome.json"
            ]
        );
        assert!(evidence["logs/pytest_p5.log"].is_empty());
    }
}
