//! `junit.xml`: a suite per gate with its assertions, and a suite per gate with its controls.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Case;
use crate::{
    judge::verdict::{AssertionVerdict, ControlVerdict, GateVerdict, Proof, Standing},
    outcome::Outcome,
    pack::layout,
};

pub(super) fn write(
    case: &Case,
    files: &mut BTreeMap<String, Vec<u8>>,
    faults: &mut BTreeMap<String, String>,
) {
    let mut report = Report::new(format!("closure {}", case.plan.suite));
    for verdict in &case.verdicts {
        report.add_test_suite(assertions(verdict));
        report.add_test_suite(controls(verdict));
    }
    match report.to_string() {
        Ok(xml) => files
            .insert(layout::JUNIT.into(), xml.into_bytes())
            .map_or((), drop),
        Err(error) => faults
            .insert(layout::JUNIT.into(), error.to_string())
            .map_or((), drop),
    }
}

fn assertions(verdict: &GateVerdict) -> TestSuite {
    let mut suite = TestSuite::new(verdict.gate.as_str());
    let mut outcome = TestCase::new(
        "outcome",
        match verdict.outcome {
            Outcome::Pass => TestCaseStatus::success(),
            Outcome::NotRun => TestCaseStatus::skipped(),
            _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
        },
    );
    if verdict.outcome != Outcome::Pass {
        outcome
            .status
            .set_message(format!("{}: {}", verdict.outcome, verdict.reasons.join("; ")));
    }
    suite.add_test_case(outcome);
    suite.add_test_cases(verdict.assertions.iter().map(assertion));
    suite
}

fn assertion(verdict: &AssertionVerdict) -> TestCase {
    let mut status = match verdict.standing {
        Standing::Held => TestCaseStatus::success(),
        Standing::Broken => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Empty | Standing::Blind | Standing::Unreached => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    if verdict.standing != Standing::Held {
        status.set_message(verdict.says.clone());
        status.set_description(format!(
            "{}\nactual {}\n{}",
            verdict.expression,
            serde_json::to_string(&verdict.actual).unwrap_or_default(),
            verdict.note.as_deref().unwrap_or_default()
        ));
    }
    TestCase::new(verdict.name.as_str(), status)
}

fn controls(verdict: &GateVerdict) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} controls", verdict.gate));
    suite.add_test_cases(verdict.controls.iter().map(control));
    suite
}

fn control(verdict: &ControlVerdict) -> TestCase {
    let mut status = match verdict.proof {
        Proof::Proven => TestCaseStatus::success(),
        Proof::NotRun => TestCaseStatus::skipped(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    if verdict.proof != Proof::Proven {
        status.set_message(
            verdict
                .note
                .clone()
                .unwrap_or_else(|| format!("{:?}", verdict.proof)),
        );
    }
    let vars = verdict.vars.iter().map(|(key, value)| format!(" {key}={value}"));
    TestCase::new(
        verdict.control.clone() + &vars.collect::<Vec<_>>().concat(),
        status,
    )
}
