//! How long a run will take: mandated load seconds, and the rest.

use serde::{Deserialize, Serialize};

/// Seconds, split into what the profile mandates and what we are responsible for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Seconds of load windows, those of controls included.
    pub load_s: f64,
    /// Seconds of everything else: bring-up, looks, restarts, sealing.
    pub rest_s: f64,
}

/// Bring-up, teardown, sealing and verification of a small topology.
const FRAME_S: f64 = 15.0;
/// A look that is no load, on average.
const LOOK_S: f64 = 0.3;
/// A change with its witness and its undoing, on average.
const CHANGE_S: f64 = 2.0;

impl Estimate {
    /// The estimate of a run whose loads last `load_s` and which makes so many looks and changes.
    pub fn of(load_s: f64, looks: u32, changes: u32) -> Self {
        Self {
            load_s,
            rest_s: FRAME_S + f64::from(looks) * LOOK_S + f64::from(changes) * CHANGE_S,
        }
    }

    /// All of it, in seconds.
    pub fn total_s(&self) -> f64 {
        self.load_s + self.rest_s
    }
}
