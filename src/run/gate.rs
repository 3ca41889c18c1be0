//! One gate: its own pass, then its controls.

use std::cell::RefCell;

use super::{
    hall::{Hall, lets},
    overrides::Overrides,
    triplet::Bench,
    walk::Walk,
};
use crate::{
    gate::model::Gate,
    observation::{GateRecord, Names},
};

impl Hall<'_> {
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
        let own = match self.own(gate).await {
            Ok(own) => own,
            Err(blind) => {
                record.not_run = Some(self.base.paper.redact(&format!("its own database: {blind}")));
                keep(&record);
                return None;
            }
        };
        let site = self.site(gate, own.as_ref());
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
            site: &site,
            first: &first,
        };
        let mut stop = bench.controls(&mut record, keep).await;
        if let Some(own) = own {
            let ended = own.end(&self.base, self.journal).await;
            stop = stop.or(ended
                .err()
                .map(|why| format!("{}: its own database: {why}", gate.id)));
        }
        if let Some(reason) = &stop {
            record.not_run = Some(reason.clone());
            keep(&record);
        }
        stop
    }
}
