//! `runner_physics_probe.json`: the machine before, during and after a run. Reads `/proc` and `/sys`, nothing else.

mod limits;
mod stat;

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

pub use limits::Limits;
pub use stat::Sample;

/// The machine, as it goes to paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Physics {
    /// When it was first looked at (RFC 3339, UTC).
    pub captured_at: String,
    /// The profile of the run.
    pub run_authority: String,
    /// Where CI says we are; null where it says nothing.
    pub github: BTreeMap<String, Option<String>>,
    /// The host.
    pub host: Host,
    /// What the control groups allow.
    pub cgroup_limits: Limits,
    /// One sample a second.
    #[serde(default)]
    pub during: Vec<Sample>,
    /// The last sample; absent in a record that has not got there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Sample>,
}

/// The host, as far as it is the same for the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Processors that are online.
    pub cpu_count: u64,
    /// The model's name, where the kernel knows one.
    pub cpu_model: Option<String>,
    /// Memory in KiB.
    pub mem_total_kib: Option<u64>,
    /// Memory that could be had at the start, in KiB.
    pub mem_available_kib: Option<u64>,
    /// Version of the kernel.
    pub kernel: Option<String>,
    /// What the kernel's clock runs on: `tsc` …
    pub clock_source: Option<String>,
}

/// What a key of `github` is called in the environment.
const GITHUB: [(&str, &str); 9] = [
    ("run_id", "GITHUB_RUN_ID"),
    ("run_attempt", "GITHUB_RUN_ATTEMPT"),
    ("workflow", "GITHUB_WORKFLOW"),
    ("sha", "GITHUB_SHA"),
    ("ref", "GITHUB_REF"),
    ("repository", "GITHUB_REPOSITORY"),
    ("runner_name", "RUNNER_NAME"),
    ("runner_arch", "RUNNER_ARCH"),
    ("runner_os", "RUNNER_OS"),
];

impl Physics {
    /// Look at the machine whose `/proc` and `/sys` lie under `root` (`/`, outside tests). `env` reads a variable.
    pub fn capture(root: &Path, run_authority: &str, env: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            captured_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            run_authority: run_authority.to_owned(),
            github: GITHUB
                .iter()
                .map(|(key, variable)| ((*key).to_owned(), env(variable)))
                .collect(),
            host: Host::capture(root),
            cgroup_limits: Limits::capture(root),
            during: Vec::new(),
            after: None,
        }
    }
}

impl Host {
    fn capture(root: &Path) -> Self {
        let cpuinfo = text(root, "proc/cpuinfo").unwrap_or_default();
        let values_of = |key: &str| field(&cpuinfo, key).map(str::to_owned);
        let memory = text(root, "proc/meminfo").unwrap_or_default();
        Self {
            cpu_count: cpuinfo
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count() as u64,
            cpu_model: values_of("model name"),
            mem_total_kib: kib(&memory, "MemTotal"),
            mem_available_kib: kib(&memory, "MemAvailable"),
            kernel: text(root, "proc/sys/kernel/osrelease"),
            clock_source: text(
                root,
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
            ),
        }
    }
}

/// A file of the kernel, trimmed.
fn text(root: &Path, path: &str) -> Option<String> {
    let text = fs::read_to_string(root.join(path)).ok()?;
    Some(text.trim().to_owned())
}

/// The value behind the first `key:` of a list.
fn field<'a>(list: &'a str, key: &str) -> Option<&'a str> {
    list.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

/// A number of KiB in `/proc/meminfo`.
fn kib(memory: &str, key: &str) -> Option<u64> {
    field(memory, key)?.strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Physics, Sample};

    /// A machine made of files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder can be made");
        for (path, contents) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("folders can be made");
            fs::write(path, contents).expect("files can be written");
        }
        root
    }

    fn capture(root: &Path) -> Physics {
        Physics::capture(root, "ci_subset", |name| {
            (name == "GITHUB_SHA").then(|| "abc".to_owned())
        })
    }

    #[test]
    fn the_host_is_read_from_proc() {
        let root = machine(&[
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: Fast\n\nprocessor\t: 1\nmodel name\t: Fast\n",
            ),
            (
                "proc/meminfo",
                "MemTotal:  2048 kB\nMemFree: 7 kB\nMemAvailable:    1024 kB\n",
            ),
        ]);
        let physics = capture(root.path());
        assert_eq!(physics.host.cpu_count, 2);
        assert_eq!(physics.host.cpu_model.as_deref(), Some("Fast"));
        assert_eq!(physics.host.mem_total_kib, Some(2048));
        assert_eq!(physics.host.mem_available_kib, Some(1024));
        assert_eq!(physics.github["sha"].as_deref(), Some("abc"));
        assert_eq!(physics.github["run_id"], None);
    }

    #[test]
    fn limits_are_read_from_both_versions_of_control_groups() {
        let second = machine(&[
            ("proc/self/cgroup", "0::/builds/job\n"),
            ("sys/fs/cgroup/builds/job/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/builds/memory.max", "1073741824\n"),
        ]);
        let limits = capture(second.path()).cgroup_limits;
        assert_eq!(limits.cpu_max.as_deref(), Some("200000 100000"));
        assert_eq!(limits.memory_max.as_deref(), Some("1073741824"));
        assert_eq!(limits.cpu_cfs_quota_us, None);

        let first = machine(&[
            ("proc/self/cgroup", "4:memory:/job\n1:cpu,cpuacct:/\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "512\n"),
        ]);
        let limits = capture(first.path()).cgroup_limits;
        assert_eq!(limits.cpu_cfs_quota_us.as_deref(), Some("-1"));
        assert_eq!(limits.cpu_cfs_period_us.as_deref(), Some("100000"));
        assert_eq!(limits.memory_limit_in_bytes_v1.as_deref(), Some("512"));
        assert_eq!(limits.cpu_max, None);
    }

    #[test]
    fn steal_is_a_share_of_the_ticks_between_two_samples() {
        let at = |steal: &str| {
            let stat = format!("cpu  100 0 100 700 0 0 0 {steal} 50 0\ncpu0 1\n");
            let root = machine(&[
                ("proc/stat", &stat),
                (
                    "proc/pressure/cpu",
                    "some avg10=1.50 avg60=0.27 avg300=0.85 total=29\n",
                ),
                ("proc/loadavg", "0.25 0.17 0.26 1/115 15656\n"),
            ]);
            Sample::take(root.path(), 1000)
        };
        let (first, second) = (at("100"), at("200"));
        assert_eq!(first.psi_cpu_some_avg10, Some(1.5));
        assert_eq!(first.load1, Some(0.25));
        assert_eq!(first.psi_memory_some_avg10, None);
        assert_eq!(second.steal_pct_since(&first), Some(100.0));
        assert_eq!(first.steal_pct_since(&first), None);
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let physics = capture(Path::new("/"));
        assert!(physics.host.cpu_count >= 1);
        assert!(Sample::take(Path::new("/"), 0).all_ticks.is_some());
    }
}
