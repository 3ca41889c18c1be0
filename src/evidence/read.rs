//! Reading a record back: from its folder, or from a whole pack. The same reader for both.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{physics::Physics, record::CLOSED};
use crate::{
    exchange::Exchange,
    judge::verdict::Constants,
    observation::GateRecord,
    pack::{
        Files,
        layout::{CONSTANTS, EXCHANGES, PHYSICS, PLAN, SEAL, TIMELINE, gate_of_observations},
    },
};

/// Why a record cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not there, or cannot be read.
    #[error("cannot read `{path}` of the record")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file is there and says something else than it should.
    #[error("`{path}` of the record is not what it should be (line {line})")]
    Malformed {
        /// The file.
        path: String,
        /// The line: of a file of lines its own count, of a document the one the parser stopped at.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// An event of the timeline.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// Milliseconds of the run's clock.
    pub t_ms: u64,
    /// Wall time (RFC 3339, UTC).
    pub at: String,
    /// What happened.
    pub event: String,
    /// Its own fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// A record, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRead {
    /// What was going to be done.
    pub plan: Value,
    /// What every sentence may see; empty when the run did not get there.
    pub constants: Constants,
    /// What the gates saw, by id.
    pub gates: BTreeMap<String, GateRecord>,
    /// What happened when.
    pub timeline: Vec<Event>,
    /// What it was done to; absent when the run did not get there.
    pub seal: Option<Value>,
    /// The machine; absent when the run did not get there.
    pub physics: Option<Physics>,
}

impl RecordRead {
    /// Read a record. The plan must be there; what a run that was cut short never wrote may be absent.
    pub fn load(files: &impl Files) -> Result<Self, ReadError> {
        let mut gates = BTreeMap::new();
        let paths = files.paths();
        for path in &paths {
            if let Some(gate) = gate_of_observations(path) {
                gates.insert(gate.to_owned(), document(files, path)?);
            }
        }
        let there = |path: &str| paths.iter().any(|known| known == path);
        Ok(Self {
            plan: document(files, PLAN)?,
            constants: optional(files, CONSTANTS, there(CONSTANTS))?.unwrap_or_default(),
            gates,
            timeline: read_lines(files, TIMELINE)?,
            seal: optional(files, SEAL, there(SEAL))?,
            physics: optional(files, PHYSICS, there(PHYSICS))?,
        })
    }

    /// Every exchange, in the order in which answers came. Not part of [`RecordRead::load`]: there may be many.
    pub fn exchanges(files: &impl Files) -> Result<Vec<Exchange>, ReadError> {
        read_lines(files, EXCHANGES)
    }

    /// True when the record was written to its end: its timeline has its closing line, and nothing behind it.
    pub fn is_finished(&self) -> bool {
        self.timeline.last().is_some_and(|event| event.event == CLOSED)
    }
}

/// Read a file of lines, each one JSON.
pub fn read_lines<T: DeserializeOwned>(files: &impl Files, path: &str) -> Result<Vec<T>, ReadError> {
    let bytes = contents(files, path)?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    (1..)
        .zip(lines)
        .map(|(line, bytes)| {
            serde_json::from_slice(bytes).map_err(|source| ReadError::Malformed {
                path: path.to_owned(),
                line,
                source,
            })
        })
        .collect()
}

fn optional<T: DeserializeOwned>(
    files: &impl Files,
    path: &str,
    there: bool,
) -> Result<Option<T>, ReadError> {
    there.then(|| document(files, path)).transpose()
}

fn document<T: DeserializeOwned>(files: &impl Files, path: &str) -> Result<T, ReadError> {
    serde_json::from_slice(&contents(files, path)?).map_err(|source| ReadError::Malformed {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}

fn contents(files: &impl Files, path: &str) -> Result<Vec<u8>, ReadError> {
    files.bytes(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::json;

    use super::{ReadError, RecordRead};
    use crate::{
        evidence::{Record, physics::Physics},
        judge::verdict::Constants,
        observation::GateRecord,
        pack::{
            Folder, Label, Whole,
            layout::{PLAN, SEAL},
            seal,
        },
        redact::Redactor,
    };

    fn written(folder: &Path) -> Record {
        let redactor = Redactor::default();
        redactor.register("hunter22", "owner").expect("it is long enough");
        let record = Record::create(folder, "r-1", redactor).expect("the folder is new");
        record
            .verbatim(PLAN, br#"{"gates": ["EG8.1"]}"#)
            .expect("it can be written");
        let constants = Constants {
            run: json!({"id": "r-1"}),
            ..Constants::default()
        };
        record.constants(&constants).expect("it can be written");
        record
            .json(SEAL, &json!({"first": {}, "boundaries": []}))
            .expect("it can be written");
        record
            .physics(&Physics::capture(Path::new("/"), "ci_subset", |_| None))
            .expect("it can be written");
        let seen = GateRecord {
            gate: "EG8.1".to_owned(),
            not_run: Some("the password is hunter22".to_owned()),
            ..GateRecord::default()
        };
        let on_paper = record.observations(&seen).expect("it can be written");
        assert_eq!(on_paper.not_run.as_deref(), Some("the password is ‹owner›"));
        record
            .timeline("gate_done", json!({"gate": "EG8.1"}))
            .expect("it can be written");
        record
    }

    fn walk(folder: &Path) -> Folder {
        Folder::walk(folder, &mut Vec::new()).expect("it can be walked")
    }

    #[test]
    fn a_folder_and_the_pack_sealed_from_it_read_alike() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let folder = scratch.path().join("pack");
        let record = written(&folder);
        record
            .close(json!({"outcome": "not_run"}))
            .expect("it can be written");
        let from_folder = RecordRead::load(&walk(&folder)).expect("it can be read");
        let label = Label {
            run_id: "r-1".to_owned(),
            run_authority: "ci_subset".to_owned(),
            outcome: crate::outcome::Outcome::NotRun,
        };
        let sealed = seal(&folder, &label).expect("it can be sealed");
        let Ok(whole) = Whole::read(&sealed.archive) else {
            panic!("it is not whole");
        };
        let from_pack = RecordRead::load(&whole).expect("it can be read");
        assert_eq!(from_folder, from_pack);
        assert!(from_pack.is_finished());
        assert_eq!(from_pack.gates.len(), 1);
        assert_eq!(from_pack.constants.run, json!({"id": "r-1"}));
        assert_eq!(RecordRead::exchanges(&whole).expect("they can be read"), []);
    }

    #[test]
    fn a_record_without_its_closing_line_is_unfinished() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let folder = scratch.path().join("pack");
        written(&folder);
        let read = RecordRead::load(&walk(&folder)).expect("it can be read");
        assert!(!read.is_finished());
        let events: Vec<_> = read.timeline.iter().map(|event| event.event.as_str()).collect();
        assert_eq!(events, ["record_opened", "gate_done"]);
    }

    #[test]
    fn no_secret_reaches_any_file() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        record
            .timeline("note", json!({"hunter22": "hunter22"}))
            .expect("it can be written");
        record
            .text("logs/api.log", "dsn postgres://app:hunter22@h/db\n")
            .expect("it can be written");
        for path in walk(record.folder()).files().keys() {
            let text = fs::read_to_string(record.folder().join(path)).expect("it is text");
            assert!(!text.contains("hunter22"), "{path}: {text}");
        }
    }

    #[test]
    fn a_file_may_not_leave_the_record() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        let error = record.verbatim("../evil", b"").expect_err("it leaves the folder");
        assert_eq!(error.to_string(), "`../evil` may not stand in a pack");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        let path = record.folder().join("timeline.jsonl");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, text + "{\"cut").expect("it can be written");
        let error = RecordRead::load(&walk(record.folder())).expect_err("it is cut");
        assert!(matches!(error, ReadError::Malformed { line: 3, .. }), "{error:?}");
    }

    #[test]
    fn many_threads_append_whole_lines() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let record = record.clone();
                scope.spawn(move || {
                    for n in 0..50 {
                        record
                            .timeline("tick", json!({"thread": thread, "n": n}))
                            .expect("it can be written");
                    }
                });
            }
        });
        let read = RecordRead::load(&walk(record.folder())).expect("no line is cut");
        assert_eq!(read.timeline.len(), 2 + 200);
    }
}
