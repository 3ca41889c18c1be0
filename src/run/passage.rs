//! The gates of a run, one after another: the seal is looked at before each of them, and once more at the end.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    Ending, News, Tell,
    hall::Hall,
    seal::{END, Look, Seal},
    stage::Stage,
    subject::{self, Subject},
};
use crate::{
    control::Journal,
    evidence::Record,
    judge::{
        judge_controls, judge_pass,
        verdict::{AssertionVerdict, ControlVerdict, Proof},
    },
    observation::{GateRecord, Names, from_needed},
    outcome::Outcome,
    plan::{Drawn, PlannedGate},
    probe::Site,
    topology::{self, On},
};

/// Records of gates, as far as they have come.
pub(super) type Progress = RefCell<BTreeMap<String, GateRecord>>;

/// Everything a run walks through its gates with.
pub(super) struct Passage<'a> {
    pub(super) drawn: &'a Drawn,
    pub(super) stage: &'a Stage,
    /// What the services run on.
    pub(super) on: On,
    pub(super) site: &'a Site,
    pub(super) record: &'a Record,
    pub(super) journal: &'a Journal,
    pub(super) subject: &'a Subject,
    pub(super) progress: &'a Progress,
    pub(super) tell: Tell<'a>,
}

impl Passage<'_> {
    /// Pass every gate, and say how it ended.
    pub(super) async fn walk(&self, seal: &RefCell<Seal>) -> Ending {
        let hall = self.hall();
        let gates = &self.drawn.plan.gates;
        for (at, planned) in gates.iter().enumerate() {
            if let Some(ending) = self.boundary(seal, &planned.id).await {
                return ending;
            }
            (self.tell)(News::Gate {
                number: at + 1,
                of: gates.len(),
                id: &planned.id,
                name: &planned.name,
            });
            let left_out = not_run(planned, &self.progress.borrow());
            if let Some(reason) = left_out {
                let left_out = GateRecord {
                    gate: planned.id.clone(),
                    not_run: Some(reason),
                    ..GateRecord::default()
                };
                keep(self.record, self.progress, &left_out);
                continue;
            }
            note(self.record, "gate", json!({"id": planned.id}));
            if let Some(reason) = one_gate(&hall, self.drawn, self.stage, planned, self.progress).await {
                // What stopped it may be what somebody else did.
                return match self.boundary(seal, END).await {
                    Some(Ending::Stopped(broken)) => Ending::Stopped(format!("{reason}; {broken}")),
                    Some(ending) => ending,
                    None => Ending::Stopped(reason),
                };
            }
        }
        self.boundary(seal, END).await.unwrap_or(Ending::Whole)
    }

    fn hall(&self) -> Hall<'_> {
        Hall {
            suite: &self.drawn.suite,
            profile: self.drawn.plan.profile.clone(),
            mint: Arc::clone(&self.stage.mint),
            base: self.site.clone(),
            record: self.record,
            journal: self.journal,
            tell: self.tell,
        }
    }

    /// Look at what the services run on, and at everything that is sealed: why the run cannot go on from here, if so.
    async fn boundary(&self, seal: &RefCell<Seal>, at: &str) -> Option<Ending> {
        if let Some(lost) = topology::missed(self.on).await {
            return Some(Ending::Lost(lost));
        }
        let look = self.look().await;
        let broken = seal.borrow_mut().boundary(at, self.site.clock.ms(), &look);
        broken.map(Ending::Stopped)
    }

    /// What the seal is put on, as it is now.
    pub(super) async fn look(&self) -> Look {
        let standing = subject::standing(&self.stage.stand, self.site).await;
        self.subject.look().and(standing)
    }
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
        let words = format!("{} {}", assertion.name, assertion.standing.word());
        (assertion.outcome(), words)
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
pub(super) fn note(record: &Record, event: &str, fields: Value) {
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
