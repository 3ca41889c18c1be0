//! Observations into outcomes: one function, live and offline, over nothing but what is on paper.

mod abreast;
mod answer;
mod controls;
mod counterfeit;
mod kills;
mod outcome;
mod press;
mod question;
mod reads;
mod red;
mod site;
mod target;
pub mod verdict;
mod view;

use std::collections::BTreeMap;

pub use self::reads::probes_read;

use self::{
    question::Question,
    verdict::{AssertionVerdict, Constants, ControlVerdict, GateVerdict, KillMatrix},
    view::{Derives, View},
};
use crate::{
    cel::Scope,
    gate::model::{Function, Gate},
    observation::{GateRecord, Names, Pass},
};

/// What stays the same while one gate is judged.
struct Case<'a> {
    gate: &'a Gate,
    ground: &'a Scope<'a>,
    derives: &'a Derives<'a>,
    questions: Vec<Question<'a>>,
}

/// Judge one gate: its assertions over its own pass, its controls, the counterfeits, and what all of it comes to.
///
/// `from` maps the id of each needed gate to an object with that gate's lets and observations. The same record gives
/// the same verdict, wherever and whenever it is judged.
pub fn judge(
    gate: &Gate,
    functions: &BTreeMap<String, Function>,
    constants: &Constants,
    from: &Names,
    record: &GateRecord,
    profile: &str,
) -> GateVerdict {
    with_case(gate, functions, constants, from, |case| {
        let (assertions, controls, kills) = match &record.pass {
            Some(pass) => {
                let view = View::of(case.ground, case.derives, pass);
                let assertions = assertions(case, &view);
                let controls = controls::verdicts(case, record, &view, profile);
                let kills = kills::matrix(case, &view, &assertions, &controls);
                (assertions, controls, kills)
            }
            None => (Vec::new(), Vec::new(), KillMatrix::default()),
        };
        let (outcome, reasons) = outcome::of(gate, record, &assertions, &controls, &kills);
        GateVerdict {
            gate: gate.id.clone(),
            outcome,
            reasons,
            assertions,
            controls,
            kills,
        }
    })
}

/// Judge the assertions of one pass alone, those of `until` first: whether it is green, before anything else is known.
pub fn judge_pass(
    gate: &Gate,
    functions: &BTreeMap<String, Function>,
    constants: &Constants,
    from: &Names,
    pass: &Pass,
) -> Vec<AssertionVerdict> {
    with_case(gate, functions, constants, from, |case| {
        assertions(case, &View::of(case.ground, case.derives, pass))
    })
}

/// Judge the controls alone, without counterfeits: whether one left something behind, while the run goes on. A
/// control that has not been carried out yet is `not_run`; of a gate without a pass there is nothing to tell.
pub fn judge_controls(
    gate: &Gate,
    functions: &BTreeMap<String, Function>,
    constants: &Constants,
    from: &Names,
    record: &GateRecord,
    profile: &str,
) -> Vec<ControlVerdict> {
    let Some(pass) = &record.pass else {
        return Vec::new();
    };
    with_case(gate, functions, constants, from, |case| {
        let view = View::of(case.ground, case.derives, pass);
        controls::verdicts(case, record, &view, profile)
    })
}

fn assertions(case: &Case<'_>, view: &View<'_>) -> Vec<AssertionVerdict> {
    let questions = case.questions.iter();
    questions
        .map(|question| answer::verdict(question, view))
        .collect()
}

fn with_case<T>(
    gate: &Gate,
    functions: &BTreeMap<String, Function>,
    constants: &Constants,
    from: &Names,
    judge: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let world = view::world(functions);
    let ground = view::ground(&world, constants, from);
    let derives = Derives::of(gate);
    judge(&Case {
        gate,
        ground: &ground,
        derives: &derives,
        questions: question::questions(gate, functions),
    })
}

#[cfg(test)]
mod tests;
