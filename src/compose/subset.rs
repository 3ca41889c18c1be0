//! The declared subset: every key of the compose format that is honoured, and the ones refused by name.

use super::complaint::Complaints;
use super::model::Condition;
use super::tree::Entry;
use crate::name::nearest;

pub(super) const TOP: &[&str] = &["version", "name", "services", "volumes", "networks"];

pub(super) const SERVICE: &[&str] = &[
    "image",
    "build",
    "entrypoint",
    "command",
    "environment",
    "depends_on",
    "healthcheck",
    "ports",
    "volumes",
    "tmpfs",
    "user",
    "read_only",
    "cap_drop",
    "cap_add",
    "security_opt",
    "mem_limit",
    "cpus",
    "pids_limit",
    "shm_size",
    "stop_grace_period",
    "restart",
    "labels",
    "init",
    "hostname",
    "working_dir",
    "networks",
    "deploy",
    NATIVE_KEY,
];

pub(super) const NATIVE_KEY: &str = "x-closure";
pub(super) const NATIVE: &[&str] = &["provides", "argv", "prepare", "listen", "health"];
pub(super) const BUILD: &[&str] = &["context", "dockerfile", "args", "target"];
pub(super) const HEALTHCHECK: &[&str] = &[
    "test",
    "interval",
    "timeout",
    "retries",
    "start_period",
    "disable",
];
pub(super) const PORT: &[&str] = &["target", "published", "host_ip", "protocol"];
pub(super) const MOUNT: &[&str] = &["type", "source", "target", "read_only"];
pub(super) const DEPENDENCY: &[&str] = &["condition"];
pub(super) const DEPLOY: &[&str] = &["resources"];
pub(super) const RESOURCES: &[&str] = &["limits"];
pub(super) const LIMITS: &[&str] = &["memory", "cpus", "pids"];
/// What a dependency may wait for.
pub(super) const CONDITIONS: [(&str, Condition); 3] = [
    ("service_started", Condition::ServiceStarted),
    ("service_healthy", Condition::ServiceHealthy),
    (
        "service_completed_successfully",
        Condition::ServiceCompletedSuccessfully,
    ),
];

/// Keys that other readers of the format know: nobody misspelt them, they are just not honoured here.
const ELSEWHERE: &[&str] = &[
    "blkio_config",
    "cgroup_parent",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpuset",
    "devices",
    "dns",
    "dns_search",
    "domainname",
    "driver",
    "env_file",
    "expose",
    "extends",
    "external",
    "external_links",
    "extra_hosts",
    "group_add",
    "include",
    "ipc",
    "links",
    "logging",
    "mem_reservation",
    "memswap_limit",
    "network_mode",
    "oom_kill_disable",
    "pid",
    "platform",
    "privileged",
    "profiles",
    "pull_policy",
    "replicas",
    "required",
    "runtime",
    "scale",
    "secrets",
    "stdin_open",
    "stop_signal",
    "sysctls",
    "tty",
    "ulimits",
    "userns_mode",
    "volumes_from",
];

/// True where variables are filled in: under `services`, `volumes` and `networks`, but not in keys that are ignored.
pub(super) fn is_interpolated(path: &[String]) -> bool {
    match path {
        [top] => matches!(top.as_str(), "services" | "volumes" | "networks"),
        [top, _, key] if top == "services" => !is_ignored(key),
        _ => true,
    }
}

/// True for extensions of others.
fn is_ignored(key: &str) -> bool {
    key.starts_with("x-") && key != NATIVE_KEY
}

/// Refuse a key that is not among `known`, or a misspelt extension of ours. `what` names the table it stands in.
pub(super) fn check_key(entry: &Entry, what: &str, known: &[&str], complaints: &mut Complaints) {
    let key = entry.key.as_str();
    if known.contains(&key) {
        return;
    }
    let is_extension = key.starts_with("x-") && (known == SERVICE || known == TOP);
    if is_extension && nearest(key, [NATIVE_KEY]).is_some() {
        let message = format!("unknown key `{key}` in {what}");
        let hint = if known == TOP {
            format!("`{NATIVE_KEY}` stands in a service")
        } else {
            did_you_mean(NATIVE_KEY)
        };
        complaints.hint(&entry.place, message, hint);
    } else if is_extension {
        // Extensions of others are theirs.
    } else if ELSEWHERE.contains(&key) {
        let message = format!("key `{key}` in {what} is not in the declared subset");
        complaints.push(&entry.place, message, short_list(known));
    } else {
        let hint = nearest(key, known.iter().copied())
            .map(did_you_mean)
            .or_else(|| short_list(known));
        complaints.push(&entry.place, format!("unknown key `{key}` in {what}"), hint);
    }
}

/// What is known, when that is short enough to be read.
fn short_list(known: &[&str]) -> Option<String> {
    (1..=6)
        .contains(&known.len())
        .then(|| format!("known are {}", listed(known)))
}

/// The hint for a word that is nearly another.
pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// Words in backticks, with commas between.
pub(super) fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
