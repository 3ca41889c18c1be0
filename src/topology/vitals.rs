//! What the kernel tells of the processes of one service: memory, processor time, descriptors, sockets.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use procfs::{
    net::{TcpNetEntry, TcpState},
    process::{FDTarget, Process, Status},
};

use super::census::{Identity, MARKER, Resident};

/// Where an engine answers for the names of services, on every network of containers.
const ENGINE_NAMES: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// Processor time of a service at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Instant,
    used: Duration,
}

/// What was measured of a family of processes.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) rss_kib: u64,
    /// Absent when nobody lets us look at them.
    pub(crate) fds: Option<u64>,
    pub(crate) sockets: Vec<String>,
    pub(crate) listens: Vec<String>,
    used: Duration,
}

impl Sample {
    /// The beginning of a service: nothing used yet.
    pub(crate) fn begin() -> Self {
        Self {
            at: Instant::now(),
            used: Duration::ZERO,
        }
    }

    /// Per cent of one core since this sample, and the sample to measure from next time.
    pub(crate) fn step(self, measured: &Measured) -> (f64, Self) {
        let now = Self {
            at: Instant::now(),
            used: measured.used,
        };
        let wall = now.at.duration_since(self.at).as_secs_f64();
        // A child that ended takes its time with it: less than before is nothing, not something negative.
        let used = now.used.saturating_sub(self.used).as_secs_f64();
        let percent = if wall > 0.0 { 100.0 * used / wall } else { 0.0 };
        ((percent * 10.0).round() / 10.0, now)
    }
}

/// Measure a family. A process that ends while it is looked at simply counts no more.
pub(crate) fn measure(family: &[Resident]) -> Measured {
    let processes: Vec<Process> = family
        .iter()
        .filter_map(|one| Process::new(i32::try_from(one.id.pid).ok()?).ok())
        .collect();
    let mut inodes = HashSet::new();
    let mut measured = Measured {
        rss_kib: resident_kib(&processes),
        fds: processes.is_empty().then_some(0),
        ..Measured::default()
    };
    for process in &processes {
        for descriptor in process.fd().into_iter().flatten() {
            measured.fds = Some(measured.fds.unwrap_or(0) + 1);
            if let Ok(FDTarget::Socket(inode)) = descriptor.map(|descriptor| descriptor.target) {
                inodes.insert(inode);
            }
        }
        measured.used += processor_time(process);
    }
    let entries = processes.first().map(tcp_entries).unwrap_or_default();
    let is_theirs = |entry: &TcpNetEntry| match measured.fds {
        Some(_) => inodes.contains(&entry.inode),
        // In a network of its own every socket is the service's, but for the engine's own name server.
        None => entry.local_address.ip() != ENGINE_NAMES,
    };
    let entries: Vec<TcpNetEntry> = entries.into_iter().filter(is_theirs).collect();
    measured.sockets = places(&entries, &TcpState::Established);
    measured.listens = places(&entries, &TcpState::Listen);
    measured
}

/// The environment a process was started with, without the marker that is ours.
pub(crate) fn environment(leader: Identity) -> Option<BTreeMap<String, String>> {
    let variables = Process::new(i32::try_from(leader.pid).ok()?)
        .ok()?
        .environ()
        .ok()?;
    let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
    let mut environment: BTreeMap<String, String> = variables
        .into_iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    environment.remove(MARKER);
    Some(environment)
}

/// Private memory of each process, and the largest shared part once: the processes of a Postgres map one and the
/// same buffer cache.
fn resident_kib(processes: &[Process]) -> u64 {
    let statuses: Vec<Status> = processes
        .iter()
        .filter_map(|process| process.status().ok())
        .collect();
    let private: u64 = statuses.iter().filter_map(|status| status.rssanon).sum();
    let shared = statuses
        .iter()
        .map(|status| status.rssfile.unwrap_or(0) + status.rssshmem.unwrap_or(0));
    private + shared.max().unwrap_or(0)
}

fn processor_time(process: &Process) -> Duration {
    let Ok(stat) = process.stat() else {
        return Duration::ZERO;
    };
    let ticks = stat.utime + stat.stime;
    let per_second = procfs::ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / per_second)
}

/// Every TCP socket of the network a process stands on.
fn tcp_entries(process: &Process) -> Vec<TcpNetEntry> {
    let (four, six) = (process.tcp(), process.tcp6());
    [four, six].into_iter().flatten().flatten().collect()
}

/// True when the process with this id here is one of a container: the engine may count its processes elsewhere.
pub(crate) fn is_of_container(pid: u32, container: &str) -> bool {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
    groups.is_ok_and(|groups| groups.contains(container))
}

/// The account a process runs under now: `uid:gid`.
pub(crate) fn account(leader: Identity) -> Option<String> {
    let process = Process::new(i32::try_from(leader.pid).ok()?).ok()?;
    let status = process.status().ok().filter(|_| leader.is_alive())?;
    Some(format!("{}:{}", status.euid, status.egid))
}

/// Who listens on a TCP port of this host, as far as we may look.
pub(crate) fn listener_of(port: u16) -> Option<String> {
    let listens = |entry: &TcpNetEntry| entry.state == TcpState::Listen && entry.local_address.port() == port;
    let inodes: HashSet<u64> = tcp_entries(&Process::myself().ok()?)
        .into_iter()
        .filter(listens)
        .map(|entry| entry.inode)
        .collect();
    let holds = |process: &Process| {
        let mut descriptors = process.fd().into_iter().flatten().flatten();
        descriptors.any(|one| matches!(one.target, FDTarget::Socket(inode) if inodes.contains(&inode)))
    };
    let mut processes = procfs::process::all_processes().ok()?.flatten();
    let holder = processes.find(holds)?;
    Some(format!("process {} (`{}`)", holder.pid, holder.stat().ok()?.comm))
}

fn places(entries: &[TcpNetEntry], state: &TcpState) -> Vec<String> {
    let local: BTreeSet<String> = entries
        .iter()
        .filter(|entry| &entry.state == state)
        .map(|entry| entry.local_address.to_string())
        .collect();
    local.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::{Identity, environment, listener_of, measure};
    use crate::topology::census::Census;

    fn ourselves() -> Vec<super::Resident> {
        let us = Identity::of(std::process::id()).expect("we live");
        Census::take()
            .family(us)
            .into_iter()
            .filter(|one| one.id == us)
            .collect()
    }

    #[test]
    fn listeners_and_connections_are_those_of_the_process() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let place = listener.local_addr().expect("it has one").to_string();
        let client = TcpStream::connect(&place).expect("connected");
        let measured = measure(&ourselves());
        assert!(measured.listens.contains(&place), "{measured:?}");
        let local = client.local_addr().expect("it has one").to_string();
        assert!(measured.sockets.contains(&local), "{measured:?}");
        assert!(!measured.listens.contains(&local));
        let port = listener.local_addr().expect("it has one").port();
        let holder = listener_of(port).expect("we listen");
        assert!(
            holder.starts_with(&format!("process {} (`", std::process::id())),
            "{holder}"
        );
        assert!(measured.rss_kib > 100 && measured.fds > Some(2), "{measured:?}");
    }

    #[test]
    fn an_environment_is_that_of_the_process() {
        let us = Identity::of(std::process::id()).expect("we live");
        let seen = environment(us).expect("readable");
        assert_eq!(seen.get("PATH").cloned(), std::env::var("PATH").ok());
    }
}
