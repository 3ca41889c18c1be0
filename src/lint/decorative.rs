//! Sentences that cannot turn false, whatever is seen: as far as reading them tells.

use super::{Paper, Weakness, untils};
use crate::{cel::Sentence, gate::model::Gate, judge::probes_read};

const WRITE_ANOTHER: &str = "compare what was seen with what it should be";

pub(super) fn look(gate: &Gate, paper: &Paper) -> Vec<Weakness> {
    let mut found = Vec::new();
    for assertion in &gate.assertions {
        let name = &assertion.name;
        let reads_nothing = probes_read(gate, name).is_empty();
        found.extend(weakness(name, &assertion.that, reads_nothing, paper));
    }
    for (name, until) in untils(gate) {
        let reads_nothing = until.that.reads().is_empty();
        found.extend(weakness(&name, &until.that, reads_nothing, paper));
    }
    found
}

fn weakness(name: &str, that: &Sentence, reads_nothing: bool, paper: &Paper) -> Option<Weakness> {
    let about = |message: String| paper.assertion(name, message, WRITE_ANOTHER);
    if let Some(why) = that.certain() {
        let message = format!("`{name}` is decorative: {why}");
        return Some(Weakness::finding(about(message)));
    }
    if reads_nothing {
        let message = format!("`{name}` is decorative: it reads nothing that was seen");
        return Some(Weakness::finding(about(message)));
    }
    let why = that.certain_part()?;
    Some(Weakness::advice(about(format!(
        "a part of `{name}` adds nothing: {why}"
    ))))
}
