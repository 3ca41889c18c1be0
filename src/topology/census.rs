//! Who lives on this host, and who of them belongs to a run. Processes are named by id *and* start time, because an
//! id alone may belong to somebody else by the time it is used.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use procfs::process::{self, Stat};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The variable by which every process of a run is known, however far it wandered from its parents. Its value is the
/// run's id, or the run's id, a `/` and the label of a scratch copy.
pub(crate) const MARKER: &str = "CLOSURE_RUN_ID";

/// One process and no other: its id and its start time in clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
}

impl Identity {
    /// The living process with this id.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = process::Process::new(i32::try_from(pid).ok()?)
            .ok()?
            .stat()
            .ok()?;
        is_alive(&stat).then_some(Self {
            pid,
            start_time: stat.starttime,
        })
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Send a signal to this process and to no later one with the same id: the descriptor is opened first, so the
    /// start time that is then compared is that of the process the signal reaches.
    pub(crate) fn send(self, signal: Signal) -> rustix::io::Result<()> {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(rustix::io::Errno::SRCH)?;
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        if self.is_alive() {
            pidfd_send_signal(process, signal)
        } else {
            Err(rustix::io::Errno::SRCH)
        }
    }
}

/// One living process.
#[derive(Clone, Debug)]
pub(crate) struct Resident {
    pub(crate) id: Identity,
    parent: u32,
    group: u32,
    pub(crate) command: String,
}

/// Everybody who lived when it was taken; the dead who wait for their parents are not counted.
#[derive(Debug)]
pub(crate) struct Census(Vec<Resident>);

/// How the processes of a run are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'a> {
    /// The value of [`MARKER`].
    pub(crate) marker: &'a str,
    /// The folder of the run, or of one copy in it.
    pub(crate) folder: &'a Path,
    /// Leaders of the process groups that were started.
    pub(crate) leaders: &'a [Identity],
}

impl Census {
    pub(crate) fn take() -> Self {
        let stats = process::all_processes()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.stat().ok());
        Self(
            stats
                .filter(is_alive)
                .filter_map(|stat| Resident::of(&stat))
                .collect(),
        )
    }

    /// A leader, the members of its group and all their descendants. Members count even when the leader is gone.
    pub(crate) fn family(&self, leader: Identity) -> Vec<Resident> {
        let led_by_another = self
            .0
            .iter()
            .any(|one| one.id.pid == leader.pid && one.id != leader);
        if led_by_another {
            return Vec::new();
        }
        let members = self
            .0
            .iter()
            .filter(|one| one.group == leader.pid || one.id == leader);
        self.with_descendants(members.map(|one| one.id.pid).collect())
    }

    /// Every process of a run: known by its marker, by the run's folder, by its group or by its parents. The process
    /// that asks, and those above it, are never among them.
    pub(crate) fn of_run(&self, marks: Marks<'_>) -> Vec<Resident> {
        let mut pids: BTreeSet<u32> = self
            .0
            .iter()
            .map(|one| one.id.pid)
            .filter(|&pid| bears_marks(pid, marks))
            .collect();
        for leader in marks.leaders.iter().filter(|leader| leader.is_alive()) {
            pids.extend(self.family(*leader).iter().map(|one| one.id.pid));
        }
        let ourselves = self.with_ancestors(std::process::id());
        let theirs = self.with_descendants(pids.difference(&ourselves).copied().collect());
        theirs
            .into_iter()
            .filter(|one| !ourselves.contains(&one.id.pid))
            .collect()
    }

    fn with_descendants(&self, mut pids: BTreeSet<u32>) -> Vec<Resident> {
        loop {
            let children = self
                .0
                .iter()
                .filter(|one| pids.contains(&one.parent))
                .map(|one| one.id.pid);
            let found: BTreeSet<u32> = children.filter(|pid| !pids.contains(pid)).collect();
            if found.is_empty() {
                return self
                    .0
                    .iter()
                    .filter(|one| pids.contains(&one.id.pid))
                    .cloned()
                    .collect();
            }
            pids.extend(found);
        }
    }

    fn with_ancestors(&self, pid: u32) -> BTreeSet<u32> {
        let parent_of = |pid: &u32| self.0.iter().find(|one| one.id.pid == *pid).map(|one| one.parent);
        std::iter::successors(Some(pid), parent_of)
            .take_while(|&pid| pid != 0)
            .collect()
    }
}

impl Resident {
    fn of(stat: &Stat) -> Option<Self> {
        Some(Self {
            id: Identity {
                pid: u32::try_from(stat.pid).ok()?,
                start_time: stat.starttime,
            },
            parent: u32::try_from(stat.ppid).ok()?,
            group: u32::try_from(stat.pgrp).ok()?,
            command: stat.comm.clone(),
        })
    }
}

/// Kill every process of a run, and again whoever was born meanwhile, until nobody is left or patience is. Returns
/// those who were killed and those who survived it.
pub(crate) fn extinguish(marks: Marks<'_>, patience: Duration) -> (Vec<Resident>, Vec<Resident>) {
    let deadline = Instant::now() + patience;
    let mut killed: Vec<Resident> = Vec::new();
    let mut empty_looks = 0;
    loop {
        let alive = Census::take().of_run(marks);
        empty_looks = if alive.is_empty() { empty_looks + 1 } else { 0 };
        // Twice, because a process that is just becoming another program shows no marks for a moment.
        if empty_looks == 2 || Instant::now() >= deadline {
            return (killed, alive);
        }
        for one in alive {
            // Whoever went by itself between the census and the kill is what we wanted.
            let _gone_already = one.id.send(Signal::KILL);
            if killed.iter().all(|known| known.id != one.id) {
                killed.push(one);
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_alive(stat: &Stat) -> bool {
    !matches!(stat.state, 'Z' | 'X' | 'x')
}

/// A Postgres child overwrites its environment with its title; it is known by standing in a cluster's data folder.
/// Other working directories prove nothing: somebody may be reading the logs there.
fn bears_marks(pid: u32, marks: Marks<'_>) -> bool {
    let Some(process) = i32::try_from(pid)
        .ok()
        .and_then(|pid| process::Process::new(pid).ok())
    else {
        return false;
    };
    let is_marked = || {
        let environment = process.environ().ok()?;
        let value = environment.get(OsStr::new(MARKER))?.to_str()?;
        let rest = value.strip_prefix(marks.marker)?;
        Some(rest.is_empty() || rest.starts_with('/'))
    };
    let runs_our_copy = || process.exe().is_ok_and(|exe| exe.starts_with(marks.folder));
    let stands_in_a_cluster = || {
        process
            .cwd()
            .is_ok_and(|cwd| cwd.starts_with(marks.folder) && cwd.ends_with("data"))
    };
    is_marked().unwrap_or(false) || runs_our_copy() || stands_in_a_cluster()
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        process::{Child, Command, Stdio},
        time::Duration,
    };

    use rustix::process::Signal;

    use super::{Census, Identity, MARKER, Marks, extinguish};

    fn sleeper(marker: &str) -> Child {
        Command::new("setsid")
            .args(["sleep", "600"])
            .env(MARKER, marker)
            .stdin(Stdio::null())
            .spawn()
            .expect("setsid is there")
    }

    fn marks(marker: &str) -> Marks<'_> {
        Marks {
            marker,
            folder: Path::new("/nowhere"),
            leaders: &[],
        }
    }

    #[test]
    fn a_process_that_left_its_session_is_found_by_its_marker_and_killed() {
        let mut child = sleeper("census-escaped/scratch-1");
        let (killed, survived) = extinguish(marks("census-escaped"), Duration::from_secs(5));
        assert_eq!(
            killed.iter().map(|one| one.id.pid).collect::<Vec<_>>(),
            [child.id()]
        );
        assert!(survived.is_empty());
        child.wait().expect("it is our child");
    }

    #[test]
    fn a_run_whose_id_only_begins_alike_is_left_alone() {
        let mut child = sleeper("census-10");
        let (killed, _) = extinguish(marks("census-1"), Duration::from_secs(5));
        assert!(killed.is_empty());
        let (killed, _) = extinguish(marks("census-10"), Duration::from_secs(5));
        assert_eq!(killed.len(), 1);
        child.wait().expect("it is our child");
    }

    #[test]
    fn a_signal_never_reaches_a_later_process_with_the_same_id() {
        let mut child = sleeper("census-identity");
        let id = Identity::of(child.id()).expect("it lives");
        let older = Identity {
            start_time: id.start_time - 1,
            ..id
        };
        older
            .send(Signal::KILL)
            .expect_err("another start time is another process");
        assert!(id.is_alive());
        id.send(Signal::KILL).expect("it is ours");
        child.wait().expect("it is our child");
        assert!(!id.is_alive());
    }

    #[test]
    fn the_process_that_asks_is_never_among_those_it_kills() {
        let us = Identity::of(std::process::id()).expect("we live");
        let found = Census::take().of_run(Marks {
            leaders: &[us],
            ..marks("census-self")
        });
        assert!(found.iter().all(|one| one.id != us));
    }
}
