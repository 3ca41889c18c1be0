//! One walk through a gate's probes: a pass.
//!
//! Probes go top to bottom; what stands inside a span runs while it lasts. An unmet `until` ends its sequence, and
//! what stands below it is unreached. A look that could not be made leaves no observation.

mod course;
mod look;
mod loops;
mod one;
mod paper;
mod repeat;
mod span;
mod way;

use std::cell::RefCell;

use serde_json::Value;

use super::{looks::Drives, names::Repeats, news::Tell, overrides::Overrides};
use crate::{
    cel::World,
    control::Journal,
    evidence::Record,
    gate::model::{Gate, Probe},
    observation::{Names, Pass},
    probe::Site,
};

/// What a walk needs to know; what it finds is its [`Pass`].
pub(super) struct Walk<'a> {
    /// The gate walked through.
    pub(super) gate: &'a Gate,
    /// The running topology, and everything that is recorded about it.
    pub(super) site: &'a Site,
    /// The doing world of this pass.
    pub(super) world: &'a World,
    /// `suite`, `profile`, `run`, `compose`, `from`.
    pub(super) constants: &'a Names,
    /// The gate's lets, as they are: secrets among them.
    pub(super) lets: &'a Names,
    /// The pass the observations are carried over from, and what is repeated all the same.
    pub(super) carried: Option<(&'a Pass, &'a Repeats)>,
    /// An earlier pass of the same gate: looks that are made once are taken from it.
    pub(super) first: Option<&'a Pass>,
    /// Parameters a sabotage has changed.
    pub(super) overrides: &'a Overrides,
    /// Gate and pass: `EG8.5/pass`, `EG8.5/lost_row.0.red`.
    pub(super) label: &'a str,
    /// Added to the folders of raw files in every pass but the gate's own.
    pub(super) subfolder: String,
    /// The record, for raw files and for rehearsals of its seal.
    pub(super) record: &'a Record,
    /// Where undoings are written before anything is changed.
    pub(super) journal: &'a Journal,
    /// Whoever listens.
    pub(super) tell: Tell<'a>,
    /// What loads of this pass, or of the one it carries over from, have sent.
    pub(super) drives: RefCell<Drives>,
    /// What was found so far.
    pub(super) found: RefCell<Pass>,
}

/// A pass, and what its loads sent.
pub(super) struct Walked {
    pub(super) pass: Pass,
    pub(super) drives: Drives,
}

/// Names in scope of one look beyond those of the pass: loop variables, template parameters, steps above, `i`.
type Around = Names;

/// What one look, or one element of a loop, came to.
struct Seen {
    /// The observation; none when the look could not be made.
    value: Option<Value>,
    /// Why it could not be made.
    blind: Option<String>,
    /// False when its `until` was not met: the sequence ends.
    met: bool,
}

impl Seen {
    fn of(value: Value) -> Self {
        Self {
            value: Some(value),
            blind: None,
            met: true,
        }
    }

    fn blind(reason: impl Into<String>) -> Self {
        Self {
            value: None,
            blind: Some(reason.into()),
            met: true,
        }
    }
}

impl Walk<'_> {
    /// Walk, and hand over what was found.
    pub(super) async fn walk(self) -> Walked {
        let probes: Vec<&Probe> = self
            .gate
            .probes
            .iter()
            .filter(|probe| probe.during.is_none())
            .collect();
        self.sequence(&probes).await;
        let lets = self.redacted(self.lets);
        Walked {
            pass: Pass {
                lets,
                ..self.found.into_inner()
            },
            drives: self.drives.into_inner(),
        }
    }
}
