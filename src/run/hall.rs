//! What the gates of a run share, and what each pass of a gate begins with: its world, its site, its lets.

use std::sync::Arc;

use serde_json::json;

use super::{fill, news::Tell, passage::note};
use crate::{
    cel::World,
    control::{self, Journal, Own},
    doing::Mint,
    evidence::Record,
    gate::{
        model::{Gate, Suite},
        tree::evaluate,
    },
    observation::Names,
    probe::{Blind, Files, Site},
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

    /// The database that a gate has to itself, if it asks for one.
    pub(super) async fn own(&self, gate: &Gate) -> Result<Option<Own>, Blind> {
        let Some((name, snapshot)) = gate
            .clone
            .as_ref()
            .and_then(|name| self.suite.snapshots.get_key_value(name))
        else {
            return Ok(None);
        };
        let own = control::own(&gate.id, name, snapshot, &self.base, self.journal).await?;
        note(
            self.record,
            "clone",
            json!({"gate": gate.id, "database": own.database}),
        );
        Ok(Some(own))
    }

    /// The site as a gate's looks see it: with the gate's own files, and its own database.
    pub(super) fn site(&self, gate: &Gate, own: Option<&Own>) -> Site {
        let files = Files {
            gate: gate.files.clone(),
            suite: self.suite.files.clone(),
        };
        Site {
            files: Arc::new(files),
            asked_by: gate.id.clone(),
            clone: own.map(|own| own.database.clone()),
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
