//! Writing the record. One handle, shared by everything that runs at the same time.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Instant,
};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    folder::{self, CreateError},
    lines::Lines,
    physics::Physics,
};
use crate::{
    exchange::Exchange,
    judge::verdict::Constants,
    name::is_safe_path,
    observation::{GateRecord, OnPaper},
    pack::layout::{CONSTANTS, ENGINE_EVENTS, EXCHANGES, PHYSICS, TIMELINE, observations},
    redact::Redactor,
};

/// The event a timeline begins with.
const OPENED: &str = "record_opened";
/// The event a timeline ends with. A record without it is unfinished.
const CLOSED: &str = "record_closed";

/// A record that is being written. Clones write to the same one.
#[derive(Clone, Debug)]
pub struct Record(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    run_id: String,
    moved: Option<PathBuf>,
    origin: Instant,
    redactor: Redactor,
    timeline: Lines,
    exchanges: Lines,
    /// Made with its first line: natively there is none.
    engine_events: OnceLock<Lines>,
    trouble: OnceLock<String>,
}

impl Record {
    /// Open a record in a folder: a new one, an empty one, or one whose former pack is moved aside. The run's clock
    /// starts now.
    pub fn create(folder: &Path, run_id: &str, redactor: Redactor) -> Result<Self, CreateError> {
        let moved = folder::prepare(folder)?;
        let failed = |source| CreateError::Io {
            folder: folder.to_owned(),
            source,
        };
        let record = Self(Arc::new(Inner {
            folder: folder.to_owned(),
            run_id: run_id.to_owned(),
            moved,
            origin: Instant::now(),
            redactor,
            timeline: Lines::create(&folder.join(TIMELINE)).map_err(failed)?,
            exchanges: Lines::create(&folder.join(EXCHANGES)).map_err(failed)?,
            engine_events: OnceLock::new(),
            trouble: OnceLock::new(),
        }));
        record
            .timeline(OPENED, json!({ "run_id": run_id }))
            .map_err(failed)?;
        Ok(record)
    }

    /// The run.
    pub fn run_id(&self) -> &str {
        &self.0.run_id
    }

    /// The folder being written to.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Where the former pack of this folder went, if there was one.
    pub fn moved_aside(&self) -> Option<&Path> {
        self.0.moved.as_deref()
    }

    /// The first thing that could not be written, and why. Whoever writes need not look at every answer: a record in
    /// trouble lacks something, and must not be closed as if it were whole.
    pub fn trouble(&self) -> Option<&str> {
        self.0.trouble.get().map(String::as_str)
    }

    /// The zero of the run's clock.
    pub fn origin(&self) -> Instant {
        self.0.origin
    }

    /// Milliseconds of the run's clock.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.0.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What hides secrets on their way to paper.
    pub fn redactor(&self) -> &Redactor {
        &self.0.redactor
    }

    /// Append an event: its name, both clocks, and its fields (an object, or null for none).
    pub fn timeline(&self, event: &str, fields: Value) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("t_ms".to_owned(), self.now_ms().into());
        line.insert("at".to_owned(), wall_time().into());
        line.insert("event".to_owned(), event.into());
        match self.0.redactor.json(fields) {
            Value::Object(fields) => line.extend(fields),
            Value::Null => {}
            other => {
                line.insert("value".to_owned(), other);
            }
        }
        self.remember(TIMELINE, self.0.timeline.append(&Value::Object(line)))
    }

    /// Append an exchange.
    pub fn exchange(&self, exchange: &Exchange) -> io::Result<()> {
        let line = self.0.redactor.json(serde_json::to_value(exchange)?);
        self.remember(EXCHANGES, self.0.exchanges.append(&line))
    }

    /// Append what a container engine said. Called by one at a time.
    pub fn engine_event(&self, event: &Value) -> io::Result<()> {
        let lines = if let Some(lines) = self.0.engine_events.get() {
            lines
        } else {
            let made = Lines::create(&self.0.folder.join(ENGINE_EVENTS));
            let made = self.remember(ENGINE_EVENTS, made)?;
            self.0.engine_events.get_or_init(|| made)
        };
        let line = self.0.redactor.json(event.clone());
        self.remember(ENGINE_EVENTS, lines.append(&line))
    }

    /// Write what a gate saw, in place of what it had seen before, and give it back as it stands on paper: that, and
    /// nothing else, is what the judge may see.
    pub fn observations(&self, seen: &GateRecord) -> io::Result<GateRecord> {
        let on_paper = self.json(&observations(&seen.gate), &OnPaper::of(seen))?;
        let on_paper: OnPaper = serde_json::from_value(on_paper)?;
        on_paper.read().map_err(io::Error::other)
    }

    /// Write what every sentence may see, and give it back as it stands on paper.
    pub fn constants(&self, constants: &Constants) -> io::Result<Constants> {
        Ok(serde_json::from_value(self.json(CONSTANTS, constants)?)?)
    }

    /// Write what the machine was and is.
    pub fn physics(&self, physics: &Physics) -> io::Result<()> {
        self.json(PHYSICS, physics).map(drop)
    }

    /// Write a JSON file, redacted, in place of an older one; what stands on paper comes back.
    pub fn json(&self, path: &str, value: &impl Serialize) -> io::Result<Value> {
        let value = self.0.redactor.json(serde_json::to_value(value)?);
        self.put(path, &document(&value)?)?;
        Ok(value)
    }

    /// Write a file as it is: one that was given (the plan too, whose digest is taken before the first secret is
    /// minted), or one derived from what was redacted already.
    pub fn verbatim(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.put(path, bytes)
    }

    /// The last line of the timeline: from here on the record is finished. Nothing is appended after it.
    pub fn close(&self, fields: Value) -> io::Result<()> {
        self.timeline(CLOSED, fields)
    }

    /// Write a file under another name and rename it: a reader sees the old one or the new one, never half of one.
    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.remember(path, self.replace(path, bytes))
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let mut part = place.clone().into_os_string();
        part.push(".part");
        let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &place));
        if written.is_err() {
            // Half of a file is no file of the record; why there is none is told by the write.
            let _gone = fs::remove_file(&part);
        }
        written
    }

    /// Remember the first write that failed.
    fn remember<T>(&self, path: &str, written: io::Result<T>) -> io::Result<T> {
        written.inspect_err(|error| {
            self.0.trouble.get_or_init(|| format!("`{path}`: {error}"));
        })
    }

    /// Where a file of the record goes; its folder is made.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        if !is_safe_path(path) {
            let message = format!("`{}` may not stand in a pack", path.escape_debug());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let place = self.0.folder.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(place)
    }
}

/// Indented, with a line feed behind: people read these files too.
fn document(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn wall_time() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::{Value, json};

    use super::Record;
    use crate::{
        evidence::physics::Physics,
        judge::verdict::Constants,
        observation::GateRecord,
        pack::{Folder, layout::TIMELINE},
        redact::Redactor,
    };

    /// A record whose every door somebody tried to take a secret through.
    fn written(folder: &Path) -> Record {
        let redactor = Redactor::default();
        redactor.register("hunter22", "owner").expect("it is long enough");
        let record = Record::create(folder, "r-1", redactor).expect("the folder is new");
        let constants = Constants {
            run: json!({"id": "r-1", "password": "hunter22"}),
            ..Constants::default()
        };
        let constants = record.constants(&constants).expect("it can be written");
        assert_eq!(constants.run["password"], "‹owner›");
        record
            .physics(&Physics::capture(Path::new("/"), "ci_subset", |_| {
                Some("hunter22".into())
            }))
            .expect("it can be written");
        let seen = GateRecord {
            gate: "EG8.1".to_owned(),
            not_run: Some("the password is hunter22".to_owned()),
            ..GateRecord::default()
        };
        let on_paper = record.observations(&seen).expect("it can be written");
        assert_eq!(on_paper.not_run.as_deref(), Some("the password is ‹owner›"));
        record
            .timeline("note", json!({"hunter22": "hunter22"}))
            .expect("it can be written");
        record
    }

    fn events(record: &Record) -> Vec<Value> {
        let text = fs::read_to_string(record.folder().join(TIMELINE)).expect("it is there");
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("no line is cut")
    }

    #[test]
    fn no_secret_reaches_any_file() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        let walked = Folder::walk(record.folder(), &mut Vec::new()).expect("it can be walked");
        assert_eq!(walked.files().len(), 5);
        for path in walked.files().keys() {
            let text = fs::read_to_string(record.folder().join(path)).expect("it is text");
            assert!(!text.contains("hunter22"), "{path}: {text}");
        }
    }

    #[test]
    fn a_timeline_begins_with_the_run_and_ends_with_its_close() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        record
            .close(json!({"stopped_by": null}))
            .expect("it can be written");
        let events = events(&record);
        let names: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
        assert_eq!(names, ["record_opened", "note", "record_closed"]);
        assert_eq!(events[0]["run_id"], "r-1");
    }

    #[test]
    fn a_file_may_not_leave_the_record() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let record = written(&scratch.path().join("pack"));
        let error = record.verbatim("../evil", b"").expect_err("it leaves the folder");
        assert_eq!(error.to_string(), "`../evil` may not stand in a pack");
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
        assert_eq!(events(&record).len(), 2 + 200);
    }
}
