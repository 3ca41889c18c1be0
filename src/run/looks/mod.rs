//! Looks that the conductor makes itself: they last, or read what an earlier one left behind.

mod conserve;
mod contract;
mod load;
mod rehearsal;

use std::{collections::BTreeMap, rc::Rc};

use serde_json::Value;

use crate::account::RequestRow;

pub(super) use conserve::conserve;
pub(super) use contract::contract;
pub(super) use load::{Errand, load};
pub(super) use rehearsal::rehearsal;

/// What a load of this pass, or of the pass it carries over from, sent: by the name of its probe.
pub(super) type Drives = BTreeMap<String, Drive>;

/// The requests of one load, and where they stand in the record.
#[derive(Clone)]
pub(super) struct Drive {
    /// One row per planned request.
    pub(super) rows: Rc<Vec<RequestRow>>,
    /// Folder in the record, when the gate asked for raw files.
    pub(super) folder: Option<String>,
}

/// What such a look came to: an observation or the reason why there is none, and the parameters as executed.
pub(super) struct Made {
    pub(super) seen: Result<Value, String>,
    pub(super) params: Value,
}

impl Made {
    pub(super) fn blind(reason: impl Into<String>) -> Self {
        Self {
            seen: Err(reason.into()),
            params: Value::Null,
        }
    }
}
