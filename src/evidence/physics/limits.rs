//! What the control groups allow this process, in version 1 and version 2.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::text;

/// The limits, as the kernel writes them; null where there is no such file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Version 2: quota and period, or `max` and period.
    pub cpu_max: Option<String>,
    /// Version 2: bytes, or `max`.
    pub memory_max: Option<String>,
    /// Version 1: microseconds, -1 for none.
    pub cpu_cfs_quota_us: Option<String>,
    /// Version 1: microseconds.
    pub cpu_cfs_period_us: Option<String>,
    /// Version 1: bytes.
    pub memory_limit_in_bytes_v1: Option<String>,
}

impl Limits {
    pub(super) fn capture(root: &Path) -> Self {
        let groups = text(root, "proc/self/cgroup").unwrap_or_default();
        let limit = |controller: &str, file: &str| nearest(root, &groups, controller, file);
        Self {
            cpu_max: limit("", "cpu.max"),
            memory_max: limit("", "memory.max"),
            cpu_cfs_quota_us: limit("cpu", "cpu.cfs_quota_us"),
            cpu_cfs_period_us: limit("cpu", "cpu.cfs_period_us"),
            memory_limit_in_bytes_v1: limit("memory", "memory.limit_in_bytes"),
        }
    }
}

/// The file of our own group, or of the nearest group above it that has one: inside a container the path may name a
/// group that is not mounted. Version 2 has no controller in its paths.
fn nearest(root: &Path, groups: &str, controller: &str, file: &str) -> Option<String> {
    let own = groups.lines().find_map(|line| group_of(line, controller))?;
    let mut group = own.trim_matches('/');
    loop {
        let parts = ["sys/fs/cgroup", controller, group, file];
        let path: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if let Some(text) = text(root, &path.join("/")) {
            return Some(text);
        }
        if group.is_empty() {
            return None;
        }
        group = group.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// The group in a line of `/proc/self/cgroup` (`4:memory:/job`), when the line is about this controller.
fn group_of<'a>(line: &'a str, controller: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, group) = rest.split_once(':')?;
    controllers
        .split(',')
        .any(|one| one == controller)
        .then_some(group)
}
