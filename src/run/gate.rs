//! One gate: its own pass, then its controls.

use std::{cell::RefCell, sync::Arc};

use super::{fill, news::Tell, overrides::Overrides, triplet::Bench, walk::Walk};
use crate::{
    cel::World,
    control::Journal,
    doing::Mint,
    evidence::Record,
    gate::{
        model::{Gate, Suite},
        tree::evaluate,
    },
    observation::{GateRecord, Names},
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

    /// Run a gate. `keep` is handed the record whenever it has grown. Returns why the whole run must stop, if so.
    pub(super) async fn run(
        &self,
        gate: &Gate,
        constants: &Names,
        keep: &dyn Fn(&GateRecord),
    ) -> Option<String> {
        let mut record = GateRecord {
            gate: gate.id.clone(),
            ..GateRecord::default()
        };
        let label = format!("{}/pass", gate.id);
        let world = self.world(&label);
        let lets = match lets(gate, &world, constants) {
            Ok(lets) => lets,
            Err(reason) => {
                record.not_run = Some(self.base.paper.redact(&reason));
                keep(&record);
                return None;
            }
        };
        let site = self.site(gate);
        let walk = Walk {
            gate,
            site: &site,
            world: &world,
            constants,
            lets: &lets,
            carried: None,
            first: None,
            overrides: &Overrides::default(),
            label: &label,
            subfolder: String::new(),
            record: self.record,
            journal: self.journal,
            tell: self.tell,
            drives: RefCell::default(),
            found: RefCell::default(),
        };
        let first = walk.walk().await;
        record.pass = Some(first.pass.clone());
        keep(&record);
        let bench = Bench {
            hall: self,
            gate,
            constants,
            lets: &lets,
            first: &first,
        };
        let stop = bench.controls(&mut record, keep).await;
        if let Some(reason) = &stop {
            record.not_run = Some(reason.clone());
            keep(&record);
        }
        stop
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
