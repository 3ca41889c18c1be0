//! From an order to a sealed pack. Every way out passes through teardown and the seal.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Ending, News, Ran, Tell, finish,
    ground::chain,
    hall::Hall,
    interrupt::Interrupt,
    order::{Kind, Order, Refusal, Wanted},
    seal::{Seal, Subject},
    stage::{self, Stage},
};
use crate::{
    control::{self, Journal},
    digest::Digest,
    evidence::Record,
    judge::{
        judge_controls, judge_pass,
        verdict::{AssertionVerdict, ControlVerdict, Proof, Standing},
    },
    observation::{GateRecord, Names, from_needed},
    outcome::Outcome,
    plan::{self, Drawn, PlannedGate},
    probe::{Clock, Ground, Site, http},
    redact::Redactor,
    topology::{self, RunFolder},
};

/// How long bring-up may take, once everything is built.
const BRING_UP: Duration = Duration::from_mins(2);
/// Bound on one SQL statement of a look.
const SQL: Duration = Duration::from_secs(20);

/// Records of gates, as far as they have come.
type Progress = RefCell<BTreeMap<String, GateRecord>>;

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
    substrate(order.substrate, tell)?;
    clean(tell)?;
    let opened = finish::open_record(order, &drawn, &Redactor::default())?;
    let record = opened.record.clone();
    let run = RunFolder::open(&topology::default_root(), record.run_id())
        .map_err(|error| Refusal::new(Kind::NotUp, chain(&error)))?;
    let journal_path = run.path().join("undo.jsonl");
    let journal = Journal::open(&journal_path)
        .map_err(|error| Refusal::new(Kind::Bug, format!("no undo journal: {error}")))?;
    let stage = match Stage::set(&drawn, run, &opened, given) {
        Ok(stage) => stage,
        Err(refusal) => return Err(finish::abandon(&record, refusal)),
    };
    let site = site(&stage, &record)?;
    let physics = RefCell::new(finish::physics(&drawn));
    finish::begin(&opened, &stage, &physics.borrow())?;
    let mut seal = Seal::begin(subject(&drawn));
    let progress = Progress::default();
    let ending = {
        let corridor = corridor(
            &drawn, &stage, &site, &record, &journal, &mut seal, &progress, tell,
        );
        tokio::pin!(corridor);
        tokio::select! {
            ending = &mut corridor => ending,
            signal = interrupt.comes() => Ending::Interrupted(signal.to_owned()),
            () = finish::watch_the_machine(&physics, &record) => Ending::Stopped("the watch ended".to_owned()),
        }
    };
    tell(News::Stage("teardown"));
    let left_behind = tear_down(order, &stage, &site, &journal_path).await;
    tell(News::Stage("seal"));
    finish::seal(finish::Over {
        order,
        drawn: &drawn,
        stage: &stage,
        opened,
        physics: physics.into_inner(),
        seal,
        records: progress.into_inner(),
        ending,
        left_behind,
    })
}

/// Bring up, pass every gate, and say how it ended.
#[expect(
    clippy::too_many_arguments,
    reason = "the corridor is where everything of a run comes together"
)]
async fn corridor(
    drawn: &Drawn,
    stage: &Stage,
    site: &Site,
    record: &Record,
    journal: &Journal,
    seal: &mut Seal,
    progress: &Progress,
    tell: Tell<'_>,
) -> Ending {
    tell(News::Stage("prepare: build what the services run"));
    note(record, "prepare", json!({}));
    if let Err(error) = stage.stand.topology.prepare().await {
        return Ending::NotUp(chain(&error));
    }
    tell(News::Stage("bring-up"));
    note(record, "bring_up", json!({"services": drawn.plan.services}));
    match stage.stand.topology.bring_up(BRING_UP).await {
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
    note(record, "up", json!({}));
    gates(drawn, stage, site, record, journal, seal, progress, tell).await
}

#[expect(clippy::too_many_arguments, reason = "as the corridor")]
async fn gates(
    drawn: &Drawn,
    stage: &Stage,
    site: &Site,
    record: &Record,
    journal: &Journal,
    seal: &mut Seal,
    progress: &Progress,
    tell: Tell<'_>,
) -> Ending {
    let hall = Hall {
        suite: &drawn.suite,
        profile: drawn.plan.profile.clone(),
        mint: Arc::clone(&stage.mint),
        base: site.clone(),
        record,
        journal,
        tell,
    };
    let of = drawn.plan.gates.len();
    for (at, planned) in drawn.plan.gates.iter().enumerate() {
        let changed = seal.boundary(&planned.id, site.clock.ms());
        if !changed.is_empty() {
            return Ending::Stopped(format!(
                "the seal broke before {}: {} changed",
                planned.id,
                changed.join(", ")
            ));
        }
        tell(News::Gate {
            number: at + 1,
            of,
            id: &planned.id,
            name: &planned.name,
        });
        let left_out = not_run(planned, &progress.borrow());
        if let Some(reason) = left_out {
            keep(
                record,
                progress,
                &GateRecord {
                    gate: planned.id.clone(),
                    not_run: Some(reason),
                    ..GateRecord::default()
                },
            );
            continue;
        }
        note(record, "gate", json!({"id": planned.id}));
        if let Some(reason) = one_gate(&hall, drawn, stage, planned, progress).await {
            return Ending::Stopped(reason);
        }
    }
    seal.boundary("the end", site.clock.ms());
    Ending::Whole
}

/// Run one gate, judge it as far as that is cheap, and say what came of it. The verdict that counts is made from paper.
async fn one_gate(
    hall: &Hall<'_>,
    drawn: &Drawn,
    stage: &Stage,
    planned: &PlannedGate,
    progress: &Progress,
) -> Option<String> {
    let gate = drawn.suite.gates.iter().find(|gate| gate.id == planned.id)?;
    let from = from_needed(&gate.needs, &progress.borrow());
    let constants = names(stage, &from);
    let kept = |grown: &GateRecord| keep(hall.record, progress, grown);
    let stop = hall.run(gate, &constants, &kept).await;
    let grown = progress.borrow().get(&gate.id).cloned().unwrap_or_default();
    let functions = &drawn.suite.functions;
    let controls = judge_controls(gate, functions, &stage.constants, &from, &grown, &hall.profile);
    let leftover = controls
        .iter()
        .find(|control| control.proof == Proof::RestoreFailed);
    let first = grown
        .pass
        .as_ref()
        .map(|pass| judge_pass(gate, functions, &stage.constants, &from, pass));
    let (outcome, reason) = at_a_glance(first.as_deref().unwrap_or_default(), &controls);
    (hall.tell)(News::Judged {
        id: &gate.id,
        outcome,
        reason,
    });
    stop.or_else(|| {
        leftover.map(|control| format!("{}: control `{}` left something behind", gate.id, control.control))
    })
}

/// What a gate seems to have come to, before its counterfeits are judged: the worst of what is known already.
fn at_a_glance(assertions: &[AssertionVerdict], controls: &[ControlVerdict]) -> (Outcome, Option<String>) {
    let of_assertion = |assertion: &AssertionVerdict| {
        let outcome = match assertion.standing {
            Standing::Held => Outcome::Pass,
            Standing::Broken if assertion.otherwise_inconclusive => Outcome::Inconclusive,
            Standing::Broken => Outcome::Fail,
            Standing::Empty => Outcome::Unproven,
            Standing::Blind | Standing::Unreached => Outcome::Inconclusive,
        };
        (
            outcome,
            format!("{} {}", assertion.name, assertion.standing.word()),
        )
    };
    let of_control = |control: &ControlVerdict| {
        let outcome = if control.proof == Proof::Proven {
            Outcome::Pass
        } else {
            Outcome::Unproven
        };
        (outcome, format!("{} {}", control.control, control.proof.word()))
    };
    let all = assertions
        .iter()
        .map(of_assertion)
        .chain(controls.iter().map(of_control));
    match all.max_by_key(|(outcome, _)| *outcome) {
        Some((Outcome::Pass, _)) => (Outcome::Pass, None),
        Some((outcome, reason)) => (outcome, Some(reason)),
        None => (
            Outcome::Unproven,
            Some("it has no assertion and no control".to_owned()),
        ),
    }
}

/// Why a gate is not run at all.
fn not_run(planned: &PlannedGate, done: &BTreeMap<String, GateRecord>) -> Option<String> {
    if !planned.asked_for {
        return Some("left out by `--only`".to_owned());
    }
    let missing = planned
        .needs
        .iter()
        .find(|id| done.get(*id).is_none_or(|record| record.pass.is_none()))?;
    Some(format!("it needs {missing}, which was not run"))
}

/// Keep what a gate has seen: as it stands on paper, which is all that anybody will ever judge.
fn keep(record: &Record, progress: &Progress, grown: &GateRecord) {
    // What cannot be written is missed when the record is closed, and ends the run there with the reason.
    let on_paper = record.observations(grown).unwrap_or_else(|_| grown.clone());
    progress.borrow_mut().insert(grown.gate.clone(), on_paper);
}

/// An event of the timeline; paper that cannot be written is missed when the record is closed.
fn note(record: &Record, event: &str, fields: Value) {
    let _missed_at_the_end = record.timeline(event, fields);
}

/// `suite`, `profile`, `run`, `compose`, `from`.
fn names(stage: &Stage, from: &Names) -> Names {
    let constants = &stage.constants;
    let mut names = Names::new();
    for (name, value) in [
        ("suite", &constants.suite),
        ("profile", &constants.profile),
        ("run", &constants.run),
        ("compose", &constants.compose),
    ] {
        names.insert(name.to_owned(), value.clone());
    }
    names.insert("from".to_owned(), Value::Object(from.clone()));
    names
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
        scratch: Vec::new(),
    })
}

fn subject(drawn: &Drawn) -> Subject {
    let suite = &drawn.suite;
    let mut files: BTreeMap<_, _> = suite
        .files
        .iter()
        .map(|(name, bytes)| (suite.folder.join(name), Digest::of(bytes)))
        .collect();
    files.insert(suite.compose.clone(), drawn.compose.digest());
    Subject {
        root: stage::compose_folder(suite),
        files,
    }
}

/// Choose the substrate, and say so in one line.
fn substrate(wanted: Wanted, tell: Tell<'_>) -> Result<(), Refusal> {
    match wanted {
        Wanted::Docker => Err(Refusal::new(
            Kind::NotUp,
            "this version brings services up natively only\nhint: use `--substrate native`",
        )),
        Wanted::Auto => {
            tell(News::Detail(
                "substrate native: this version runs services as processes of this host".into(),
            ));
            Ok(())
        }
        Wanted::Native => Ok(()),
    }
}

/// Remove what killed runs left behind.
fn clean(tell: Tell<'_>) -> Result<(), Refusal> {
    let cleaned = topology::clean(&topology::default_root())
        .map_err(|error| Refusal::new(Kind::NotUp, chain(&error)))?;
    for run in cleaned {
        tell(News::Detail(format!(
            "cleaned up after run {}, which was killed",
            run.run
        )));
    }
    Ok(())
}

/// Undo what still stands, end everything, and list what could not be removed. With `--keep` services stay, as planned.
async fn tear_down(order: &Order, stage: &Stage, site: &Site, journal: &std::path::Path) -> Vec<String> {
    if order.keep {
        let left = control::undo_pending(journal, site).await;
        stage.stand.topology.leave();
        return left;
    }
    match stage.stand.topology.tear_down(false).await {
        Ok(()) => Vec::new(),
        Err(error) => vec![chain(&error)],
    }
}

#[cfg(test)]
mod tests {
    use super::not_run;
    use crate::{
        digest::Digest,
        observation::{GateRecord, Pass},
        plan::PlannedGate,
    };

    fn planned(needs: &[&str], asked_for: bool) -> PlannedGate {
        PlannedGate {
            id: "B".into(),
            name: "b".into(),
            claim: "b".into(),
            needs: needs.iter().map(|id| (*id).to_owned()).collect(),
            asked_for,
            sha256: Digest::of(""),
            looks: Vec::new(),
            assertions: Vec::new(),
            controls: Vec::new(),
        }
    }

    #[test]
    fn a_gate_runs_only_when_it_is_asked_for_and_what_it_needs_was_run() {
        let ran = GateRecord {
            gate: "A".into(),
            pass: Some(Pass::default()),
            ..GateRecord::default()
        };
        let done = [("A".to_owned(), ran)].into();
        assert_eq!(not_run(&planned(&["A"], true), &done), None);
        assert_eq!(
            not_run(&planned(&[], false), &done),
            Some("left out by `--only`".into())
        );
        assert_eq!(
            not_run(&planned(&["C"], true), &done),
            Some("it needs C, which was not run".into())
        );
    }
}
