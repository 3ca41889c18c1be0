//! One look at a machine at work. Counters are kept as the kernel counts them; shares are made of two samples.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{kib, text};

/// What a machine does at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Milliseconds of the run's clock.
    pub t_ms: u64,
    /// All ticks of all processors since boot.
    pub all_ticks: Option<u64>,
    /// Those of them in which nothing was to do.
    pub idle_ticks: Option<u64>,
    /// Those of them that the hypervisor gave to somebody else.
    pub steal_ticks: Option<u64>,
    /// Share of the last ten seconds in which some task waited for a processor, in per cent.
    pub psi_cpu_some_avg10: Option<f64>,
    /// The same for memory.
    pub psi_memory_some_avg10: Option<f64>,
    /// The same for storage.
    pub psi_io_some_avg10: Option<f64>,
    /// Load average of the last minute.
    pub load1: Option<f64>,
    /// Memory that could be had, in KiB.
    pub mem_available_kib: Option<u64>,
}

impl Sample {
    /// Look at the machine whose `/proc` lies under `root`. Takes well under a millisecond, and never fails: what
    /// could not be seen is null.
    pub fn take(root: &Path, t_ms: u64) -> Self {
        let stat = text(root, "proc/stat").unwrap_or_default();
        let ticks = ticks(&stat);
        let tick = |place: usize| ticks.as_ref().and_then(|ticks| ticks.get(place).copied());
        let pressure = |what: &str| average(&text(root, &format!("proc/pressure/{what}"))?);
        Self {
            t_ms,
            all_ticks: ticks.as_ref().map(|ticks| ticks.iter().sum()),
            idle_ticks: tick(3).zip(tick(4)).map(|(idle, waiting)| idle + waiting),
            steal_ticks: tick(7),
            psi_cpu_some_avg10: pressure("cpu"),
            psi_memory_some_avg10: pressure("memory"),
            psi_io_some_avg10: pressure("io"),
            load1: text(root, "proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
            mem_available_kib: text(root, "proc/meminfo").and_then(|text| kib(&text, "MemAvailable")),
        }
    }

    /// The share of time since an earlier sample that was stolen, in per cent; none when no time has passed.
    pub fn steal_pct_since(&self, before: &Self) -> Option<f64> {
        let all = self.all_ticks?.checked_sub(before.all_ticks?)?;
        let stolen = self.steal_ticks?.checked_sub(before.steal_ticks?)?;
        (all > 0).then(|| 100.0 * as_f64(stolen) / as_f64(all))
    }
}

/// Ticks between two samples are few: far below what a float holds exactly.
fn as_f64(ticks: u64) -> f64 {
    f64::from(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// The first eight numbers of the line of all processors: user, nice, system, idle, iowait, irq, softirq, steal. The
/// two behind them (guests) are already counted in the first two.
fn ticks(stat: &str) -> Option<Vec<u64>> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    line.split_whitespace()
        .take(8)
        .map(|number| number.parse().ok())
        .collect()
}

/// `avg10` of the line that begins with `some`.
fn average(pressure: &str) -> Option<f64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = some.split(' ').find_map(|part| part.strip_prefix("avg10="))?;
    average.parse().ok()
}
