//! Probes top to bottom, and what a pass takes over from an earlier one instead of looking again.

use serde_json::Value;

use super::{Around, Seen, Walk, span};
use crate::{gate::model::Probe, observation::Pass};

impl Walk<'_> {
    /// Probes in order, until one whose `until` is not met.
    pub(super) async fn sequence(&self, probes: &[&Probe]) -> bool {
        let mut open = true;
        for probe in probes {
            if open {
                open = self.top(probe).await;
            } else {
                self.unreached(probe);
            }
        }
        open
    }

    /// One probe of the gate itself: carried over, or looked at; true when the sequence goes on.
    pub(super) async fn top(&self, probe: &Probe) -> bool {
        if let Some(met) = self.carry_over(probe) {
            return met;
        }
        let changed = match self.overrides.of(probe).transpose() {
            Ok(changed) => changed,
            Err(reason) => {
                self.keep(&probe.name, &Seen::blind(reason));
                return true;
            }
        };
        let probe = changed.as_ref().unwrap_or(probe);
        let seen = if span::inside(self.gate, probe).next().is_some() {
            span::run(self, probe).await
        } else {
            self.looped(probe, &Around::new()).await
        };
        self.keep(&probe.name, &seen);
        seen.met
    }

    /// Take the observation over from an earlier pass, where this pass does not repeat it.
    fn carry_over(&self, probe: &Probe) -> Option<bool> {
        let from = match (self.carried, self.first) {
            (Some((pass, repeats)), _) if !repeats.contains_key(&probe.name) => pass,
            (_, Some(first)) if probe.once => first,
            _ => return None,
        };
        for inner in std::iter::once(probe).chain(span::inside(self.gate, probe)) {
            self.copy(from, &inner.name);
        }
        let unmet = |value: &Value| value.get("settled") == Some(&Value::Bool(false));
        let was_met = match from.seen.get(&probe.name) {
            Some(Value::Array(elements)) => !elements.iter().any(unmet),
            Some(value) => !unmet(value),
            None => !from.unreached.contains(&probe.name),
        };
        Some(was_met)
    }

    fn copy(&self, from: &Pass, name: &str) {
        let mut found = self.found.borrow_mut();
        if let Some(value) = from.seen.get(name) {
            found.seen.insert(name.to_owned(), value.clone());
        }
        if let Some(reason) = from.blind.get(name) {
            found.blind.insert(name.to_owned(), reason.clone());
        }
        found.unreached.extend(
            from.unreached
                .iter()
                .filter(|unreached| *unreached == name)
                .cloned(),
        );
    }

    /// A probe, and what stands inside it, was never reached.
    pub(super) fn unreached(&self, probe: &Probe) {
        let mut found = self.found.borrow_mut();
        let inner = span::inside(self.gate, probe);
        found.unreached.extend(
            std::iter::once(probe)
                .chain(inner)
                .map(|probe| probe.name.clone()),
        );
    }
}
