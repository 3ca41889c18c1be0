//! Probes that are made to ask something else while a sabotage stands.

use crate::{control::Override, gate::model::Probe};

/// Every override in force in a pass.
#[derive(Default)]
pub(super) struct Overrides(pub(super) Vec<Override>);

impl Overrides {
    /// A copy of the probe that asks what the overrides say; none when no override is about it.
    pub(super) fn of(&self, probe: &Probe) -> Option<Result<Probe, String>> {
        let about = |change: &&Override| change.probe.split('.').next() == Some(probe.name.as_str());
        let mut changes = self.0.iter().filter(about).peekable();
        changes.peek()?;
        Some(changes.try_fold(probe.clone(), |probe, change| change.apply(&probe)))
    }
}
