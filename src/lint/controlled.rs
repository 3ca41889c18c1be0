//! Claims that rest on nothing, and claims that nothing was ever seen to refute.

use super::{Paper, Weakness, untils};
use crate::gate::model::{Gate, Suite};

pub(super) fn look(suite: &Suite, gate: &Gate, paper: &Paper) -> Vec<Weakness> {
    let names = assertions(gate);
    let mut found = Vec::new();
    if names.is_empty() {
        found.push(Weakness::finding(paper.claim(
            format!("the claim of `{}` rests on no assertion", gate.id),
            "say under `[assert]` what must be true for it to hold",
        )));
    }
    if gate.controls.is_empty() {
        found.push(Weakness::finding(paper.claim(
            format!(
                "the claim of `{}` has no control: nothing shows that it could be false",
                gate.id
            ),
            "add a `[control.…]` that breaks what the claim is about",
        )));
        return found;
    }
    for profile in suite.profiles.keys() {
        let is_of =
            |profiles: &Option<Vec<String>>| profiles.as_ref().is_none_or(|names| names.contains(profile));
        if is_of(&gate.profiles) && !gate.controls.iter().any(|control| is_of(&control.profiles)) {
            found.push(Weakness::finding(paper.claim(
                format!("the claim of `{}` has no control in profile `{profile}`", gate.id),
                "let one of its controls belong to that profile, too",
            )));
        }
    }
    let promised = |name: &&String| {
        let mut controls = gate.controls.iter();
        controls.any(|control| control.must_fail.contains(*name))
    };
    for name in names.iter().filter(|name| !promised(name)) {
        found.push(Weakness::advice(paper.assertion(
            name,
            format!(
                "`{name}` is in no control's `must_fail`: counterfeits alone show that it can turn false"
            ),
            "name it in the control that breaks it, or write one that does",
        )));
    }
    found
}

/// The names of a gate's assertions, those of `until`s first.
fn assertions(gate: &Gate) -> Vec<String> {
    let untils = untils(gate).into_iter().map(|(name, _)| name);
    let written = gate.assertions.iter().map(|assertion| assertion.name.clone());
    untils.chain(written).collect()
}
