//! What a look at a service sees: the observation of kind `service`, and each element of kind `startup`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::life::{Health, State};

/// One service, as it was seen at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSeen {
    /// Its name in the compose file.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// What its health check says.
    pub health: Health,
    /// How it ended: its own code, or 128 + the number of the signal that ended it; null while it lives.
    pub exit_code: Option<i32>,
    /// The image it was started from, which is that of the compose file unless another stands in for it; natively,
    /// when it names none, the program.
    pub image: String,
    /// `sha256:` and 64 digits: natively of the program's bytes; empty when nothing was started.
    pub image_id: String,
    /// Natively the same as `image_id`; else the image's name in a registry with its digest there, empty for an image
    /// that was never in one.
    pub digest: String,
    /// Process id of its leader; null when it does not live.
    pub pid: Option<u32>,
    /// When its current or last process was started, RFC 3339 in UTC; null when none was.
    pub started_at: Option<String>,
    /// How often it was started again.
    pub restarts: u32,
    /// Its environment, in plain: who writes it down redacts it.
    pub env: BTreeMap<String, String>,
    /// Local `ip:port` of each established TCP connection of its processes.
    pub sockets: Vec<String>,
    /// `ip:port` of each TCP listener of its processes.
    pub listens: Vec<String>,
    /// Resident memory of all its processes in KiB; memory they share is counted once. Null when they cannot be seen
    /// from here.
    pub rss_kib: Option<u64>,
    /// Per cent of one core since the look before, or since its start; null when its processes cannot be seen.
    pub cpu_pct: Option<f64>,
    /// Open file descriptors of all its processes; null when they may not be looked at.
    pub fds: Option<u64>,
    /// Memory its container uses in KiB, without file cache that can be taken back at once. Null natively, and when the
    /// engine is silent; so are the four below.
    pub mem_kib: Option<u64>,
    /// Memory its container may use in KiB; null without a limit.
    pub mem_limit_kib: Option<u64>,
    /// Processes and threads of its container.
    pub pids: Option<u64>,
    /// How many it may have; null without a limit.
    pub pids_limit: Option<u64>,
    /// In how many periods of the scheduler its container wanted more processor time than it may have, since its start.
    pub throttled_periods: Option<u64>,
    /// The networks it is on: one of the run by its name in the compose file, another by the engine's. Null natively,
    /// and when the engine is silent.
    pub networks: Option<Vec<String>>,
    /// Milliseconds from its start until it was ready, or over.
    pub took_ms: u64,
    /// The last lines it wrote, redacted; when it wrote none, what its last health look said or why it did not start.
    pub last_words: String,
}

/// The part of a look that only the substrate can tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vitals {
    pub(crate) image: String,
    pub(crate) image_id: String,
    pub(crate) digest: String,
    /// Absent when the process's own environment cannot be read.
    pub(crate) env: Option<BTreeMap<String, String>>,
    pub(crate) sockets: Vec<String>,
    pub(crate) listens: Vec<String>,
    pub(crate) rss_kib: Option<u64>,
    pub(crate) cpu_pct: Option<f64>,
    pub(crate) fds: Option<u64>,
    pub(crate) usage: Usage,
    /// Absent where a service has no networks of its own, and when they cannot be seen.
    pub(crate) networks: Option<Vec<String>>,
    pub(crate) last_words: String,
}

/// What a container as a whole uses and may use, each as far as it is known and limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) mem_kib: Option<u64>,
    pub(crate) mem_limit_kib: Option<u64>,
    pub(crate) pids: Option<u64>,
    pub(crate) pids_limit: Option<u64>,
    pub(crate) throttled_periods: Option<u64>,
}
