//! What the gates of a run share, and what each pass of a gate begins with: its world, its site, its lets.

use std::sync::Arc;

use super::{fill, news::Tell};
use crate::{
    cel::World,
    control::Journal,
    doing::Mint,
    evidence::Record,
    gate::{
        model::{Gate, Suite},
        tree::evaluate,
    },
    observation::Names,
    probe::{Files, Site},
};

/// What every gate of a run shares.
pub(super) struct Hall<'a> {
    pub(super) suite: &'a Suite,
    pub(super) profile: String,
    pub(super) mint: Arc<Mint>,
    pub(super) base: Site,
    pub(super) record: &'a Record,
    pub(super) journal: &'a Journal,
    pub(super) tell: Tell<'a>,
}

impl Hall<'_> {
    /// The doing world of one pass.
    pub(super) fn world(&self, pass: &str) -> World {
        fill::world(self.suite, &self.mint, pass)
    }

    /// The site as a gate's looks see it: with the gate's own files.
    pub(super) fn site(&self, gate: &Gate) -> Site {
        let files = Files {
            gate: gate.files.clone(),
            suite: self.suite.files.clone(),
        };
        Site {
            files: Arc::new(files),
            asked_by: gate.id.clone(),
            ..self.base.clone()
        }
    }
}

/// The gate's lets, evaluated for one pass, each seeing those above it.
pub(super) fn lets(gate: &Gate, world: &World, constants: &Names) -> Result<Names, String> {
    let mut lets = Names::new();
    for (name, tree) in &gate.lets {
        let mut scope = world.scope();
        for (name, value) in constants.iter().chain(&lets) {
            scope.bind(name, value);
        }
        let value = evaluate(tree, &scope).map_err(|error| format!("let `{name}`: {error}"))?;
        lets.insert(name.clone(), value);
    }
    Ok(lets)
}
