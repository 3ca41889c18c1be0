//! The open-model load driver: a list of send times made before the first send, and nothing between list and send.
//!
//! The corridor of this room: `Schedule` (when, which class, which key) → `Launch` (every request made, ready to
//! leave) → `drive` (sent at its time, both clocks kept) → rows, whose figures `account` makes. It sends to this
//! host only. `Target` is a server inside closure whose behaviour is known: four loads against it certify the meter.

mod driver;
mod exchange;
mod fault;
mod find_max;
mod launch;
mod mix;
mod pacer;
mod schedule;
mod target;
mod wire;

pub use driver::{Drive, Limits, Progress, drive};
pub use exchange::Answer;
pub use fault::LoadFault;
pub use find_max::{Found, Trial, find_max, trial};
pub use launch::Launch;
pub use schedule::{Arrival, Arrivals, ClassPlan, Schedule};
pub use target::{Target, TargetPlan};
pub use wire::PreparedRequest;
