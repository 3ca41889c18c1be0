//! What an id on the command line means in a plan.

use crate::{
    name::nearest,
    plan::{Plan, PlannedGate},
};

/// What somebody asked about: a gate, or one assertion or control of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The gate's id.
    pub gate: String,
    /// The name of an assertion or a control; none for the whole gate.
    pub part: Option<String>,
}

/// Nothing goes by this id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}{}", .hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}")))]
pub struct NoSuchId {
    words: String,
    hint: Option<String>,
}

/// Find what an id means: a gate of the plan, or `GATE.assertion`, or `GATE.control`. Ids of gates may hold points, too.
pub fn find(plan: &Plan, id: &str) -> Result<Asked, NoSuchId> {
    if plan.gates.iter().any(|gate| gate.id == id) {
        return Ok(Asked {
            gate: id.to_owned(),
            part: None,
        });
    }
    let of_gates = plan
        .gates
        .iter()
        .filter_map(|gate| Some((gate, id.strip_prefix(gate.id.as_str())?.strip_prefix('.')?)));
    let longest = of_gates.max_by_key(|(gate, _)| gate.id.len());
    match longest {
        Some((gate, part)) if parts(gate).any(|known| known == part) => Ok(Asked {
            gate: gate.id.clone(),
            part: Some(part.to_owned()),
        }),
        Some((gate, part)) => Err(no_such_part(gate, part)),
        None => Err(no_such_gate(plan, id)),
    }
}

/// What a gate has names for: its assertions, then its controls.
fn parts(gate: &PlannedGate) -> impl Iterator<Item = &str> {
    let controls = gate.controls.iter().map(|control| control.name.as_str());
    gate.assertions.iter().map(String::as_str).chain(controls)
}

fn no_such_part(gate: &PlannedGate, part: &str) -> NoSuchId {
    let near = nearest(part, parts(gate)).map(|near| format!("did you mean `{}.{near}`?", gate.id));
    let known: Vec<&str> = parts(gate).collect();
    NoSuchId {
        words: format!("gate `{}` has no assertion and no control `{part}`", gate.id),
        hint: Some(near.unwrap_or_else(|| format!("it has `{}`", known.join("`, `")))),
    }
}

fn no_such_gate(plan: &Plan, id: &str) -> NoSuchId {
    if plan.outside_profile.iter().any(|outside| outside == id) {
        return NoSuchId {
            words: format!(
                "gate `{id}` does not belong to profile `{}`: this pack says nothing of it",
                plan.profile
            ),
            hint: None,
        };
    }
    let of_gate = |gate: &PlannedGate| {
        let named: Vec<String> = parts(gate).map(|part| format!("{}.{part}", gate.id)).collect();
        std::iter::once(gate.id.clone()).chain(named).collect::<Vec<_>>()
    };
    let all: Vec<String> = plan.gates.iter().flat_map(of_gate).collect();
    let near = nearest(id, all.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let ids: Vec<&str> = plan.gates.iter().map(|gate| gate.id.as_str()).collect();
    NoSuchId {
        words: format!("this pack has no gate `{id}`"),
        hint: Some(near.unwrap_or_else(|| format!("it has `{}`", ids.join("`, `")))),
    }
}
