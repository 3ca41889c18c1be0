//! What a run has shown of a gate: assertions that nothing could break, absences that nobody noticed.

use super::{Paper, Weakness};
use crate::{gate::model::Gate, report::Case};

pub(super) fn look(case: &Case, gate: &Gate, paper: &Paper) -> Vec<Weakness> {
    let recorded = case.suite.gates.iter().find(|known| known.id == gate.id);
    let verdict = case.verdicts.iter().find(|verdict| verdict.gate == gate.id);
    let (Some(recorded), Some(verdict)) = (recorded, verdict) else {
        return vec![Weakness::advice(paper.claim(
            format!("the pack says nothing of `{}`", gate.id),
            "run the suite again",
        ))];
    };
    if recorded.files != gate.files {
        return vec![Weakness::advice(paper.claim(
            format!("`{}` has changed since the pack was made", gate.id),
            "run the suite again: the kill matrix of another text says nothing of this one",
        ))];
    }
    let mut found = Vec::new();
    for row in verdict.kills.rows.iter().filter(|row| row.decorative) {
        found.push(Weakness::finding(paper.assertion(
            &row.assertion,
            format!(
                "`{}` is decorative: no control and none of {} counterfeits made it false",
                row.assertion,
                row.noticed + row.survived
            ),
            "compare what was seen with what it should be",
        )));
    }
    for absence in &verdict.kills.unnoticed {
        found.push(Weakness::finding(paper.claim(
            format!("no assertion of `{}` notices {absence}", gate.id),
            "let one of them ask for it: a floor with `at_least`, or its value",
        )));
    }
    found
}
