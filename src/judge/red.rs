//! The red pass of a control: what turned red, and whether that is what was promised.

use super::{
    Case,
    answer::answer,
    controls::Found,
    question::Question,
    verdict::{Proof, Standing},
    view::View,
};
use crate::{
    cel::Scope,
    gate::model::Control,
    observation::{ControlRecord, Names, Pass},
};

/// The red pass of one control, with the variables of its family.
pub(super) struct Red<'w> {
    view: View<'w>,
    vars: &'w Names,
}

/// How the questions a control concerns stand in its red pass.
struct Standings<'q> {
    all: Vec<(&'q str, Standing)>,
}

impl Standings<'_> {
    fn named(&self, standing: Standing) -> Vec<&str> {
        let those = self.all.iter().filter(|(_, stands)| *stands == standing);
        those.map(|(name, _)| *name).collect()
    }
}

impl<'w> Red<'w> {
    pub(super) fn of(case: &'w Case<'_>, made: &'w ControlRecord, pass: &'w Pass) -> Self {
        Self {
            view: View::of(case.ground, case.derives, pass),
            vars: &made.vars,
        }
    }

    fn scope(&self) -> Scope<'_> {
        let mut scope = self.view.scope.child();
        self.vars.iter().for_each(|(name, value)| scope.bind(name, value));
        scope
    }

    /// What a `landed` sentence sees: the red pass and the witness from before and after.
    pub(super) fn witnessed(&self, made: &ControlRecord) -> Scope<'_> {
        let mut scope = self.scope();
        for when in ["before", "after"] {
            if let Some(saw) = made.witness.as_ref().and_then(|witness| witness.get(when)) {
                scope.bind(when, saw);
            }
        }
        scope
    }

    /// Compare what is red with what was promised, and with what was green before.
    pub(super) fn judge(&self, control: &Control, concerned: &[&Question<'_>], green: &View<'_>) -> Found {
        let stand = |question: &&Question<'_>| answer(question, &self.view).standing;
        let standings = Standings {
            all: concerned
                .iter()
                .map(|question| (question.name.as_str(), stand(question)))
                .collect(),
        };
        let broken: Vec<String> = standings
            .named(Standing::Broken)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let was_green = |name: &&str| {
            let question = concerned.iter().find(|question| question.name == **name);
            question.is_some_and(|question| answer(question, green).standing == Standing::Held)
        };
        let involved = control
            .must_fail
            .iter()
            .chain(broken.iter().filter(|name| !control.must_fail.contains(name)));
        let early: Vec<&str> = involved
            .map(String::as_str)
            .filter(|name| !was_green(name))
            .collect();
        let (proof, note) = if early.is_empty() {
            self.compare(control, &standings)
        } else {
            let note = format!(
                "not green before it, or not looked at again by it: {}",
                early.join(", ")
            );
            (Proof::BaselineRed, Some(note))
        };
        Found { proof, broken, note }
    }

    fn compare(&self, control: &Control, standings: &Standings<'_>) -> (Proof, Option<String>) {
        let must = |name: &str| control.must_fail.iter().any(|promised| promised == name);
        let may = |name: &str| control.may_fail.iter().any(|allowed| allowed == name);
        let broken = standings.named(Standing::Broken);
        let unreached = standings.named(Standing::Unreached);
        let stayed = control.must_fail.iter().map(String::as_str);
        let stayed = stayed.filter(|name| !broken.contains(name) && !unreached.contains(name));
        let beside = broken.iter().copied().filter(|name| !must(name) && !may(name));
        let starved = standings
            .named(Standing::Empty)
            .into_iter()
            .filter(|name| !may(name));
        let wrong: Vec<String> = [
            reason("could not be evaluated", &standings.named(Standing::Blind)),
            reason("had too little to examine", &starved.collect::<Vec<_>>()),
            reason("red beside the promise", &beside.collect::<Vec<_>>()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let bit = broken.iter().any(|name| must(name));
        let stayed = reason("stayed green", &stayed.collect::<Vec<_>>());
        if wrong.is_empty() && !bit {
            return (
                Proof::Survived,
                stayed.or_else(|| Some("nothing promised turned red".into())),
            );
        }
        if !wrong.is_empty() || stayed.is_some() {
            let all: Vec<String> = wrong.into_iter().chain(stayed).collect();
            return (Proof::WrongReason, Some(all.join("; ")));
        }
        self.because(control)
    }

    fn because(&self, control: &Control) -> (Proof, Option<String>) {
        let Some(because) = &control.because else {
            return (Proof::Proven, None);
        };
        let source = because.source();
        match self.scope().truth(because) {
            Ok(true) => (Proof::Proven, None),
            Ok(false) => (
                Proof::WrongReason,
                Some(format!("`{source}` is false in the red pass")),
            ),
            Err(error) => (Proof::WrongReason, Some(format!("`{source}`: {error}"))),
        }
    }
}

fn reason(what: &str, names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}
