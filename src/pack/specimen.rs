//! A small record for tests, with a file of every role.

use std::{fs, sync::LazyLock};

use super::{seal::Label, wounds::Specimen};
use crate::outcome::Outcome;

const FILES: [(&str, &str); 10] = [
    ("plan.json", r#"{"run": "r-1", "gates": ["EG8.1"]}"#),
    ("seal.json", r#"{"start": {}, "checks": [], "end": {}}"#),
    (
        "timeline.jsonl",
        "{\"event\": \"opened\"}\n{\"event\": \"closed\"}\n",
    ),
    ("exchanges.jsonl", "{\"status\": 200}\n{\"status\": 401}\n"),
    ("gates/EG8.1/gate.toml", "id = \"EG8.1\"\n"),
    ("gates/EG8.1/observations.json", r#"{"gate": "EG8.1"}"#),
    (
        "gates/EG8.1/outcome.json",
        r#"{"gate": "EG8.1", "outcome": "pass"}"#,
    ),
    ("load/storm/requests.csv", "key,class\n"),
    ("logs/api.log", "ready\n"),
    ("phase8_gate_summary.json", r#"{"status": "passed"}"#),
];

/// A record folder, ready to be sealed.
pub(crate) fn record() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, contents) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
        fs::write(path, contents).expect("files can be written");
    }
    folder
}

/// What its table of contents says.
pub(crate) fn label() -> Label {
    Label {
        run_id: "r-1".to_owned(),
        run_authority: "ci_subset".to_owned(),
        outcome: Outcome::Pass,
    }
}

/// The record, sealed, in memory. Made once: properties ask for it hundreds of times.
pub(crate) fn sealed() -> Specimen {
    static SEALED: LazyLock<Specimen> = LazyLock::new(|| {
        let folder = record();
        let sealed = super::seal(folder.path(), &label()).expect("it can be sealed");
        Specimen::read(&sealed.archive).expect("it was written")
    });
    SEALED.clone()
}
