//! The ends of a run: the record is opened with what was given, and closed, derived, sealed and verified.

use std::{
    collections::BTreeMap,
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    Ending, Ran,
    ground::chain,
    order::{Kind, Order, Refusal},
    seal::Seal,
    stage::Stage,
    subject,
    substrate::Chosen,
};
use crate::{
    digest::Digest,
    evidence::{
        CreateError, Record,
        physics::{Physics, Sample},
    },
    exchange::Exchange,
    gate::model::Suite,
    observation::GateRecord,
    pack::{self, Folder, Label, SealError, layout},
    plan::Drawn,
    probe::Paper,
    redact::{Redactor, Secret},
    report,
    verify::{self, Trust, Verification},
};

/// What every run knows about its beginning.
pub(super) struct Opened {
    pub(super) record: Record,
    pub(super) run: Uuid,
    started_at: String,
}

/// Open the record, and put into it what was given: plan, suite, gates, compose file.
pub(super) fn open_record(order: &Order, drawn: &Drawn, redactor: &Redactor) -> Result<Opened, Refusal> {
    let folder = order
        .artifact_dir
        .clone()
        .unwrap_or_else(|| drawn.suite.artifact_dir.clone());
    let run = Uuid::new_v4();
    let record =
        Record::create(&folder, &run.to_string(), redactor.clone()).map_err(|error| unopened(&error))?;
    let opened = Opened {
        record,
        run,
        started_at: now(),
    };
    given(&opened.record, drawn).map_err(|error| unwritten(&opened.record, &error))?;
    Ok(opened)
}

fn given(record: &Record, drawn: &Drawn) -> std::io::Result<()> {
    record.verbatim(layout::PLAN, drawn.plan.to_json().as_bytes())?;
    for (path, bytes) in suite_files(&drawn.suite) {
        record.verbatim(&path, bytes)?;
    }
    let compose = std::fs::read(&drawn.suite.compose)?;
    let name = drawn
        .suite
        .compose
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    record.verbatim(&layout::compose_file(&name), &compose)
}

/// The suite's files by their paths in a pack: each gate's under its id, the rest under `suite/`.
fn suite_files(suite: &Suite) -> impl Iterator<Item = (String, &Vec<u8>)> {
    let of_gates = suite.gates.iter().flat_map(|gate| {
        gate.files
            .iter()
            .map(|(name, bytes)| (layout::gate_file(&gate.id, name), bytes))
    });
    let in_a_gate = |name: &str| {
        suite
            .gates
            .iter()
            .any(|gate| name.starts_with(&format!("{}/", gate.folder)))
    };
    let shared = suite.files.iter().filter(move |(name, _)| !in_a_gate(name));
    of_gates.chain(shared.map(|(name, bytes)| (layout::suite_file(name), bytes)))
}

/// Watch the machine for as long as the run lasts: one sample a second, written down every ten. Returns why the record
/// cannot be written any more, once that is so: nothing that is seen after that would ever reach paper.
pub(super) async fn watch_the_machine(physics: &std::cell::RefCell<Physics>, record: &Record) -> String {
    let mut second = 0_u64;
    loop {
        if let Some(trouble) = record.trouble() {
            return trouble.to_owned();
        }
        physics
            .borrow_mut()
            .during
            .push(Sample::take(Path::new("/"), record.now_ms()));
        sleep(Duration::from_secs(1)).await;
        if second.is_multiple_of(10) {
            // One that fails is trouble, which is looked for above.
            let _told = record.physics(&physics.borrow());
        }
        second += 1;
    }
}

/// The machine before the run.
pub(super) fn physics(drawn: &Drawn) -> Physics {
    Physics::capture(Path::new("/"), &drawn.plan.profile, |name| env::var(name).ok())
}

/// What the run is carried out on, on paper before anything starts: a record that is cut short says so itself.
pub(super) fn begin(opened: &Opened, stage: &Stage, physics: &Physics) -> Result<(), Refusal> {
    let record = &opened.record;
    let unfinished = json!({
        "run_id": record.run_id(),
        "started_at": opened.started_at,
        "stopped_by": "unfinished: the run was cut off before it could close its record",
    });
    let written = record
        .constants(&stage.constants)
        .and_then(|_| record.physics(physics))
        .and_then(|()| record.json(layout::SEAL, &unfinished));
    written.map(drop).map_err(|error| unwritten(record, &error))
}

/// A run that could not begin although its record was open: nothing was started, and the folder says why.
pub(super) fn abandon(record: &Record, refusal: Refusal) -> Refusal {
    let _best_effort = record.timeline("abandoned", json!({"reason": refusal.to_string()}));
    refusal
}

/// Everything a run has come to when it is over.
pub(super) struct Over<'a> {
    pub(super) order: &'a Order,
    pub(super) drawn: &'a Drawn,
    pub(super) stage: &'a Stage,
    pub(super) chosen: Chosen,
    pub(super) opened: Opened,
    pub(super) physics: Physics,
    pub(super) seal: Seal,
    pub(super) records: BTreeMap<String, GateRecord>,
    pub(super) ending: Ending,
    pub(super) left_behind: Vec<String>,
}

/// Close the record, derive everything from it, seal it, and verify what was sealed.
pub(super) fn seal(over: Over<'_>) -> Result<Ran, Refusal> {
    let record = over.opened.record.clone();
    close(&over).map_err(|error| unwritten(&record, &error))?;
    let mut findings = Vec::new();
    let folder = Folder::walk(record.folder(), &mut findings).map_err(|error| unwritten(&record, &error))?;
    let case = verify::open(&folder).map_err(|doubts| {
        let words: Vec<String> = doubts.iter().map(ToString::to_string).collect();
        Refusal::new(
            Kind::Bug,
            format!("our own record cannot be read:\n{}", words.join("\n")),
        )
    })?;
    let (derived, _) = report::derive(&case, &folder);
    for (path, bytes) in &derived {
        record
            .verbatim(path, bytes)
            .map_err(|error| unwritten(&record, &error))?;
    }
    let label = Label {
        run_id: record.run_id().to_owned(),
        run_authority: over.drawn.plan.profile.clone(),
        outcome: case.outcome(),
    };
    let sealed = pack::seal(record.folder(), &label).map_err(|error| unsealed(&error))?;
    let broken_pack = broken(&sealed.archive);
    let archive = match &broken_pack {
        None => sealed.archive,
        Some(_) => pack::seal::break_seal(record.folder()).map_err(|error| unsealed(&error))?,
    };
    let sha256 = sealed.metadata.sha256;
    Ok(Ran {
        case,
        ending: over.ending,
        archive,
        sha256,
        broken_pack,
        left_behind: over.left_behind,
    })
}

/// The last lines of the record: gates that were not run, the machine afterwards, the seal.
fn close(over: &Over<'_>) -> std::io::Result<()> {
    let record = &over.opened.record;
    let why = over
        .ending
        .words()
        .unwrap_or_else(|| "it was never reached".to_owned());
    for planned in &over.drawn.plan.gates {
        match over.records.get(&planned.id) {
            None => drop(record.observations(&GateRecord {
                gate: planned.id.clone(),
                not_run: Some(why.clone()),
                ..GateRecord::default()
            })?),
            Some(begun)
                if over.ending != Ending::Whole
                    && begun.not_run.is_none()
                    && begun.is_cut_short(planned.controls.len()) =>
            {
                drop(record.observations(&GateRecord {
                    not_run: Some(why.clone()),
                    ..begun.clone()
                })?);
            }
            Some(_) => {}
        }
    }
    let mut physics = over.physics.clone();
    physics.after = Some(Sample::take(Path::new("/"), record.now_ms()));
    record.physics(&physics)?;
    record.json(layout::SEAL, &sealed(over))?;
    if let Some(trouble) = record.trouble() {
        return Err(std::io::Error::other(trouble.to_owned()));
    }
    record.close(json!({"stopped_by": over.ending.words(), "left_behind": over.left_behind}))
}

/// `seal.json`: what the run was carried out on.
fn sealed(over: &Over<'_>) -> Value {
    let model = over.stage.stand.topology.model();
    let env_keys: BTreeMap<&String, Vec<&String>> = model
        .services
        .iter()
        .map(|(name, service)| (name, service.environment.keys().collect()))
        .collect();
    let first = |part: &str| over.seal.first().get(part);
    json!({
        "run_id": over.opened.record.run_id(),
        "started_at": over.opened.started_at,
        "finished_at": now(),
        "substrate": over.chosen.substrate,
        "substrate_asked": over.chosen.asked,
        "substrate_because": over.chosen.because,
        "notices": over.stage.stand.topology.notices(),
        "outside_substrate": [],
        "keep": over.order.keep,
        "stopped_by": over.ending.words(),
        "left_behind": over.left_behind,
        "git": {"sha": first("git_sha"), "dirty": first("git_dirty")},
        "run_url": subject::run_url(),
        "closure": {"version": env!("CARGO_PKG_VERSION"), "sha256": first("closure_sha256")},
        "compose_sha256": over.drawn.plan.compose_sha256,
        "model_sha256": Digest::of(json!(over.stage.constants.compose).to_string()),
        "env_keys": env_keys,
        "openapi_sha256": first("openapi"),
        "first": over.seal.first(),
        "boundaries": over.seal.boundaries(),
    })
}

/// What `verify` finds wrong with the pack we have just sealed; none when it is sound.
fn broken(archive: &Path) -> Option<String> {
    let list = |words: Vec<String>| Some(words.join("\n"));
    match verify::verify(archive, &Trust::default()) {
        Ok(Verification::Sound(_)) => None,
        Ok(Verification::NotWhole(findings)) => list(findings.iter().map(ToString::to_string).collect()),
        Ok(Verification::Doubtful(doubts)) => list(doubts.iter().map(ToString::to_string).collect()),
        Err(error) => Some(error.to_string()),
    }
}

const ROOM: &str = "hint: make room, or choose another folder with --artifact-dir";

/// The record could not even be opened: there is no room for it, or the folder is not one for a record.
fn unopened(error: &CreateError) -> Refusal {
    match error {
        CreateError::Io { source, .. } if source.kind() == ErrorKind::StorageFull => {
            Refusal::new(Kind::Unwritten, format!("{}\n{ROOM}", chain(error)))
        }
        error => Refusal::new(Kind::Usage, chain(error)),
    }
}

fn unwritten(record: &Record, error: &std::io::Error) -> Refusal {
    let folder = record.folder().display();
    let words =
        format!("cannot write the record in `{folder}`: {error}\n{ROOM}; this record stays unfinished");
    Refusal::new(Kind::Unwritten, words)
}

fn unsealed(error: &SealError) -> Refusal {
    match error {
        SealError::Io { .. } => {
            let words = format!("{}\n{ROOM}; this record stays unsealed", chain(error));
            Refusal::new(Kind::Unwritten, words)
        }
        SealError::Unfit(_) => Refusal::new(Kind::Bug, chain(error)),
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The record as looks know it.
struct Door(Record);

/// The one recorder of exchanges, and the one place where secrets are taken out.
pub(super) fn paper(record: &Record) -> Arc<dyn Paper> {
    Arc::new(Door(record.clone()))
}

impl Paper for Door {
    fn exchange(&self, exchange: Exchange) {
        // A look must not fail because paper did: what cannot be written now is missed when the record is closed.
        let _missed_at_the_end = self.0.exchange(&exchange);
    }

    fn secrets(&self) -> Vec<Secret> {
        self.0.redactor().known()
    }

    fn folder(&self) -> PathBuf {
        self.0.folder().to_owned()
    }

    fn redact(&self, text: &str) -> String {
        self.0.redactor().text(text).into_owned()
    }

    fn redact_json(&self, value: &Value) -> Value {
        self.0.redactor().json(value.clone())
    }
}
