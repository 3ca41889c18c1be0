//! From an order to a sealed pack. Every way out passes through teardown and the seal.

use std::{cell::RefCell, path::Path, sync::Arc, time::Duration};

use serde_json::json;

use super::{
    Ending, News, Ran, Tell, finish,
    ground::chain,
    interrupt::Interrupt,
    order::{Kind, Order, Refusal},
    passage::{Passage, Progress, note},
    seal::Seal,
    stage::{self, Stage},
    subject::{self, Subject},
    substrate,
};
use crate::{
    control::{self, Journal},
    evidence::Record,
    plan::{self, Drawn},
    probe::{Clock, Ground, Planted, Relays, Site, http},
    redact::Redactor,
    topology::{self, Leftover, RunFolder},
};

/// How long bring-up may take, once everything is built.
const BRING_UP: Duration = Duration::from_mins(2);
/// Bound on one SQL statement of a look.
const SQL: Duration = Duration::from_secs(20);

/// Run: bring up, look, prove, seal. What cannot even begin is refused; everything else ends in a pack.
pub fn run(order: &Order, tell: Tell<'_>) -> Result<Ran, Refusal> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::new(Kind::Bug, format!("no runtime: {error}")))?;
    runtime.block_on(conduct(order, tell))
}

async fn conduct(order: &Order, tell: Tell<'_>) -> Result<Ran, Refusal> {
    let mut interrupt = Interrupt::listen().map_err(|error| Refusal::new(Kind::Bug, error.to_string()))?;
    tell(News::Stage("plan"));
    let drawn = plan::draw(&order.wish).map_err(|refusal| Refusal::new(Kind::Usage, refusal.to_string()))?;
    let given = stage::given(order.env_file.as_deref())?;
    let chosen = substrate::choose(order.substrate, &drawn, &given).await;
    tell(News::Detail(chosen.to_string()));
    clean(tell)?;
    let opened = finish::open_record(order, &drawn, &Redactor::default())?;
    let record = opened.record.clone();
    if let Some(aside) = record.moved_aside() {
        tell(News::Detail(format!(
            "the former pack is now `{}`",
            aside.display()
        )));
    }
    note(&record, "substrate", json!(chosen));
    let run = RunFolder::open(&topology::default_root(), record.run_id())
        .map_err(|error| Refusal::new(Kind::NotUp, chain(&error)))?;
    let journal_path = run.path().join("undo.jsonl");
    let journal = Journal::open(&journal_path)
        .map_err(|error| Refusal::new(Kind::Bug, format!("no undo journal: {error}")))?;
    let stage = match Stage::set(&drawn, run, &opened, given, chosen.substrate) {
        Ok(stage) => stage,
        Err(refusal) => return Err(finish::abandon(&record, refusal)),
    };
    let site = site(&stage, &record)?;
    let physics = RefCell::new(finish::physics(&drawn));
    finish::begin(&opened, &stage, &physics.borrow())?;
    let (subject, seal) = (subject_of(&drawn, &record), RefCell::new(Seal::default()));
    seal.borrow_mut().take(&subject.look());
    let progress = Progress::default();
    let passage = Passage {
        drawn: &drawn,
        stage: &stage,
        on: chosen.substrate,
        site: &site,
        record: &record,
        journal: &journal,
        subject: &subject,
        progress: &progress,
        tell,
    };
    let ending = tokio::select! {
        ending = corridor(&passage, &seal) => ending,
        lost = topology::lost(chosen.substrate) => Ending::Lost(lost),
        cut = cut_short(finish::watch_the_machine(&physics, &record), &mut interrupt, &journal, order.keep) => cut,
    };
    tell(News::Stage("teardown"));
    let left_behind = tear_down(order, &stage, &site, &journal_path).await;
    tell(News::Stage("seal"));
    finish::seal(finish::Over {
        order,
        drawn: &drawn,
        stage: &stage,
        chosen,
        opened,
        physics: physics.into_inner(),
        seal: seal.into_inner(),
        records: progress.into_inner(),
        ending,
        left_behind,
    })
}

/// What ends the run from outside: a signal, or a record that cannot be written. When services are to be kept, a change
/// that is half made then is made first: what it asked for may still come, and can be undone only afterwards. Another
/// signal waits for nothing.
async fn cut_short(
    unwritten: impl Future<Output = String>,
    interrupt: &mut Interrupt,
    journal: &Journal,
    keep: bool,
) -> Ending {
    let ending = tokio::select! {
        signal = interrupt.comes() => Ending::Interrupted(signal.to_owned()),
        unwritten = unwritten => Ending::Unwritten(unwritten),
    };
    if keep {
        tokio::select! {
            _still = journal.still() => {}
            _ = interrupt.comes() => {}
        }
    }
    ending
}

/// Bring up, pass every gate, and say how it ended.
async fn corridor(passage: &Passage<'_>, seal: &RefCell<Seal>) -> Ending {
    let (record, tell) = (passage.record, passage.tell);
    let topology = &passage.stage.stand.topology;
    tell(News::Stage("prepare: build what the services run"));
    note(record, "prepare", json!({}));
    if let Err(error) = topology.prepare().await {
        return Ending::NotUp(chain(&error));
    }
    for notice in topology.notices() {
        note(record, "notice", json!({"says": notice}));
        tell(News::Detail(notice));
    }
    tell(News::Stage("bring-up"));
    note(
        record,
        "bring_up",
        json!({"services": passage.drawn.plan.services}),
    );
    if let Err(why) = snapshots(passage).await {
        return Ending::NotUp(why);
    }
    match topology.bring_up(BRING_UP).await {
        Ok(services) => {
            for service in services {
                tell(News::Detail(format!(
                    "{} {} after {} ms",
                    service.name, service.state, service.took_ms
                )));
            }
        }
        Err(error) => return Ending::NotUp(chain(&error)),
    }
    note(
        record,
        "up",
        json!({"lives": subject::lives(&passage.stage.stand).await}),
    );
    let first = passage.look().await;
    seal.borrow_mut().take(&first);
    passage.walk(seal).await
}

/// Take the snapshots that gates of this run want: each when its service has done its work, and before anybody who waits
/// for that service is started and connects.
async fn snapshots(passage: &Passage<'_>) -> Result<(), String> {
    let (suite, plan) = (&passage.drawn.suite, &passage.drawn.plan);
    let is_wanted = |name: &String| {
        let mut of_run = plan.gates.iter().filter(|planned| planned.asked_for);
        of_run.any(|planned| {
            let mut gates = suite.gates.iter();
            gates.any(|gate| gate.id == planned.id && gate.clone.as_ref() == Some(name))
        })
    };
    let place = |service: &String| plan.services.iter().position(|other| other == service);
    let mut wanted: Vec<_> = suite
        .snapshots
        .iter()
        .filter(|(name, _)| is_wanted(name))
        .collect();
    wanted.sort_by_key(|(_, snapshot)| place(&snapshot.after));
    for (name, snapshot) in wanted {
        let topology = &passage.stage.stand.topology;
        let up = topology.bring_up_to(&[&snapshot.after], BRING_UP).await;
        up.map_err(|error| chain(&error))?;
        let taken = control::snapshot(name, snapshot, passage.site, passage.journal).await;
        taken.map_err(|blind| format!("snapshot `{name}`: {blind}"))?;
        note(
            passage.record,
            "snapshot",
            json!({"name": name, "after": snapshot.after}),
        );
    }
    Ok(())
}

fn site(stage: &Stage, record: &Record) -> Result<Site, Refusal> {
    let ground: Arc<dyn Ground> = stage.stand.clone();
    Ok(Site {
        asked_by: String::new(),
        ground,
        databases: Arc::new(stage.databases.clone()),
        clone: None,
        files: Arc::default(),
        root: Arc::new(stage::compose_folder(&stage.stand.suite)),
        paper: finish::paper(record),
        clock: Clock::since(record.origin()),
        client: http::client().map_err(|error| Refusal::new(Kind::Bug, error))?,
        sql_timeout: SQL,
        rollback: None,
        relays: Relays::default(),
        planted: Planted::default(),
        scratch: Vec::new(),
    })
}

/// What the seal of a run is put on.
fn subject_of(drawn: &Drawn, record: &Record) -> Subject {
    let suite = &drawn.suite;
    let of_suite = suite.files.keys().map(|name| suite.folder.join(name));
    Subject {
        root: stage::compose_folder(suite),
        files: of_suite.chain([suite.compose.clone()]).collect(),
        artifacts: record.folder().to_owned(),
    }
}

/// Remove what killed runs left behind. What they left on an engine that is not there now is in nobody's way.
fn clean(tell: Tell<'_>) -> Result<(), Refusal> {
    let of_an_engine = |left: &Leftover| matches!(left, Leftover::Engine(_));
    match topology::clean(&topology::default_root()) {
        Ok(cleaned) => {
            for run in cleaned {
                let words = format!("cleaned up after run {}, which was killed", run.run);
                tell(News::Detail(words));
            }
            Ok(())
        }
        Err(topology::Error::Left(left)) if left.iter().all(of_an_engine) => {
            for of_engine in left {
                tell(News::Detail(of_engine.to_string()));
            }
            Ok(())
        }
        Err(error) => Err(Refusal::new(Kind::NotUp, chain(&error))),
    }
}

/// Undo what still stands, end everything, and list what could not be removed. With `--keep` services stay, as planned.
async fn tear_down(order: &Order, stage: &Stage, site: &Site, journal: &Path) -> Vec<String> {
    if order.keep {
        let mut left = control::undo_pending(journal, site).await;
        left.extend(stage.stand.topology.leave());
        return left;
    }
    match stage.stand.topology.tear_down(false).await {
        Ok(()) => Vec::new(),
        Err(error) => vec![chain(&error)],
    }
}
