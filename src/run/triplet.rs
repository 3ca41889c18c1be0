//! Control triplets: green, sabotage, landed, red, undo, green.
//!
//! The gate's own pass is the first green. Controls that look at the same probes again share one closing green: a
//! leftover of any of them would turn something red that nobody promised.

use std::cell::RefCell;

use serde_json::Value;

use super::{
    hall::{Hall, lets},
    names::{Repeats, repeats},
    news::News,
    overrides::Overrides,
    walk::{Walk, Walked},
};
use crate::{
    cel::Sentence,
    control::{self, Applied},
    gate::model::{Control, Gate, Probe},
    observation::{ControlRecord, GateRecord, Names, Pass},
    probe::Site,
};

/// A gate in the hands of its controls.
pub(super) struct Bench<'a> {
    pub(super) hall: &'a Hall<'a>,
    pub(super) gate: &'a Gate,
    pub(super) constants: &'a Names,
    pub(super) lets: &'a Names,
    pub(super) site: &'a Site,
    pub(super) first: &'a Walked,
}

/// Controls that look at the same probes again.
struct Group<'a> {
    rerun: Option<&'a [(String, Option<Sentence>)]>,
    controls: Vec<&'a Control>,
}

impl Bench<'_> {
    /// Carry out every control of the profile, and tell after each what the record holds by then. Returns why the
    /// run must stop, when a sabotage would not be undone.
    pub(super) async fn controls(
        &self,
        record: &mut GateRecord,
        keep: &dyn Fn(&GateRecord),
    ) -> Option<String> {
        for group in self.groups() {
            let repeats = repeats(self.gate, group.rerun);
            let begin = record.controls.len();
            for control in group.controls {
                for vars in self.family(control) {
                    (self.hall.tell)(News::Doing(format!("control {}: {}", control.name, control.says)));
                    let label = format!("{}.{}", control.name, record.controls.len());
                    let triplet = self.triplet(control, &vars, repeats.as_ref(), &label).await;
                    let stuck = triplet
                        .changes
                        .iter()
                        .find(|change| !change.undone())
                        .map(|change| change.kind.clone());
                    record.controls.push(triplet);
                    keep(record);
                    if let Some(kind) = stuck {
                        return Some(format!(
                            "{}: control `{}`: its `{kind}` was not undone",
                            self.gate.id, control.name
                        ));
                    }
                }
            }
            if record.controls.len() > begin {
                (self.hall.tell)(News::Doing("closing green".into()));
                let label = format!("closing.{}", record.closings.len());
                let closing = self
                    .pass(self.site, &Overrides::default(), repeats.as_ref(), &label)
                    .await;
                record.closings.push(closing);
                let index = record.closings.len() - 1;
                record.controls[begin..]
                    .iter_mut()
                    .for_each(|control| control.closing = Some(index));
                keep(record);
            }
        }
        None
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for control in &self.gate.controls {
            let belongs = control
                .profiles
                .as_ref()
                .is_none_or(|names| names.contains(&self.hall.profile));
            let rerun = control.rerun.as_deref();
            match groups.iter_mut().find(|group| group.rerun == rerun) {
                _ if !belongs => {}
                Some(group) => group.controls.push(control),
                None => groups.push(Group {
                    rerun,
                    controls: vec![control],
                }),
            }
        }
        groups
    }

    /// The members of a family; one without variables for a single control.
    fn family(&self, control: &Control) -> Vec<Names> {
        let world = self.hall.world(&format!("{}/{}", self.gate.id, control.name));
        let mut scope = world.scope();
        self.names(&mut scope);
        let mut members = vec![Names::new()];
        for (variable, over) in &control.for_each {
            let values = scope
                .eval(over)
                .ok()
                .and_then(|value| value.as_array().cloned())
                .unwrap_or_default();
            let with = |names: &Names, value: &Value| {
                let mut names = names.clone();
                names.insert(variable.clone(), value.clone());
                names
            };
            members = members
                .iter()
                .flat_map(|names| values.iter().map(|value| with(names, value)).collect::<Vec<_>>())
                .collect();
        }
        members
    }

    fn names(&self, scope: &mut crate::cel::Scope<'_>) {
        for names in [self.constants, self.lets, &self.first.pass.seen] {
            names.iter().for_each(|(name, value)| scope.bind(name, value));
        }
    }

    async fn triplet(
        &self,
        control: &Control,
        vars: &Names,
        repeats: Option<&Repeats>,
        label: &str,
    ) -> ControlRecord {
        let site = self.site.asked_by(format!("{}/{label}/sabotage", self.gate.id));
        let mut record = ControlRecord {
            control: control.name.clone(),
            vars: vars.clone(),
            rerun: match repeats {
                Some(repeats) => repeats.keys().cloned().collect(),
                None => self.gate.probes.iter().map(|probe| probe.name.clone()).collect(),
            },
            ..ControlRecord::default()
        };
        let before = self.witness(control.witness.as_ref(), &site, label).await;
        let (mut applied, stands) = self.sabotage(control, vars, &site, label).await;
        let after = self.witness(control.witness.as_ref(), &stands, label).await;
        if applied.iter().all(|change| change.record.error.is_none()) {
            let overrides = Overrides(applied.iter().filter_map(Applied::overrides).cloned().collect());
            record.red = Some(
                self.pass(&stands, &overrides, repeats, &format!("{label}.red"))
                    .await,
            );
        }
        for change in applied.iter_mut().rev() {
            change.undo(&site, self.hall.journal).await;
        }
        let looks = record.red.as_ref().map_or(&[][..], |red| &red.looks);
        for change in &mut applied {
            change.witnessed(&self.first.pass.looks, looks, None);
        }
        record.witness = before
            .zip(after)
            .map(|(before, after)| serde_json::json!({"before": before, "after": after}));
        record.changes = applied.into_iter().map(|change| change.record).collect();
        record
    }

    /// Make the changes in order; each stands on those before it.
    async fn sabotage(
        &self,
        control: &Control,
        vars: &Names,
        site: &Site,
        label: &str,
    ) -> (Vec<Applied>, Site) {
        let world = self.hall.world(&format!("{}/{label}", self.gate.id));
        let mut scope = world.scope();
        self.names(&mut scope);
        vars.iter().for_each(|(name, value)| scope.bind(name, value));
        let mut stands = site.clone();
        let mut applied = Vec::new();
        for change in &control.sabotage {
            let made = control::make(change, &scope, &stands, self.hall.journal).await;
            stands = made.stands_on(&stands);
            let failed = made.record.error.is_some();
            applied.push(made);
            if failed {
                break;
            }
        }
        (applied, stands)
    }

    /// A control's own witness: one look, in a pass of its own.
    async fn witness(&self, witness: Option<&Probe>, site: &Site, label: &str) -> Option<Value> {
        let witness = witness?;
        let mut alone = self.gate.clone();
        alone.probes = vec![witness.clone()];
        let world = self.hall.world(&format!("{}/{label}.witness", self.gate.id));
        let names = &self.first.pass.seen;
        let mut constants = self.constants.clone();
        constants.extend(names.clone());
        let pass = self
            .walk(
                &alone,
                &world,
                site,
                &Overrides::default(),
                None,
                &constants,
                self.lets,
                "witness",
            )
            .await;
        pass.seen.get(&witness.name).cloned()
    }

    /// A pass under what stands: repeated in part over the first one, or whole and with new lets.
    async fn pass(&self, site: &Site, overrides: &Overrides, repeats: Option<&Repeats>, label: &str) -> Pass {
        let world = self.hall.world(&format!("{}/{label}", self.gate.id));
        let lets = match repeats {
            Some(_) => self.lets.clone(),
            None => lets(self.gate, &world, self.constants).unwrap_or_default(),
        };
        let carried = repeats.map(|repeats| (&self.first.pass, repeats));
        self.walk(
            self.gate,
            &world,
            site,
            overrides,
            carried,
            self.constants,
            &lets,
            label,
        )
        .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is one thing that differs between passes"
    )]
    async fn walk(
        &self,
        gate: &Gate,
        world: &crate::cel::World,
        site: &Site,
        overrides: &Overrides,
        carried: Option<(&Pass, &Repeats)>,
        constants: &Names,
        lets: &Names,
        label: &str,
    ) -> Pass {
        let walk = Walk {
            gate,
            site,
            world,
            constants,
            lets,
            carried,
            first: Some(&self.first.pass),
            overrides,
            label: &format!("{}/{label}", self.gate.id),
            subfolder: label.to_owned(),
            record: self.hall.record,
            journal: self.hall.journal,
            tell: self.hall.tell,
            drives: RefCell::new(self.first.drives.clone()),
            found: RefCell::default(),
        };
        walk.walk().await.pass
    }
}
