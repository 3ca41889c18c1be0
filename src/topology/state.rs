//! What a run writes down about itself, so that whoever comes after a SIGKILL knows what to take away.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{census::Identity, substrate::On};

/// The file's name in the run's folder.
pub(crate) const STATE_FILE: &str = "state.json";

/// `state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// Version of this form.
    pub(crate) format: u32,
    pub(crate) run_id: String,
    pub(crate) substrate: On,
    /// The socket of the engine that holds its containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<PathBuf>,
    pub(crate) created_at: DateTime<Utc>,
    /// The process that owns the run.
    pub(crate) owner: Option<Identity>,
    /// Every process group that was started and not yet replaced by a later one of the same service.
    pub(crate) groups: Vec<Group>,
    /// Ports of 127.0.0.1 that were given out.
    pub(crate) ports: Vec<u16>,
    /// Folders below the run's own, each holding one copy of the services.
    pub(crate) folders: Vec<String>,
}

/// One process group: its leader, and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// Folder of the copy, a `/`, the service.
    pub(crate) service: String,
    #[serde(flatten)]
    pub(crate) leader: Identity,
}

impl RunState {
    pub(crate) fn new(run_id: &str) -> Self {
        Self {
            format: 1,
            run_id: run_id.to_owned(),
            substrate: On::Native,
            engine: None,
            created_at: Utc::now(),
            owner: Identity::of(std::process::id()),
            groups: Vec::new(),
            ports: Vec::new(),
            folders: Vec::new(),
        }
    }

    /// The state a run left in its folder; absent when it was killed before it wrote one.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(STATE_FILE)).ok()?).ok()
    }

    /// Replace the file as a whole: a reader sees the state before or the state after, never half of one.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let fresh = folder.join("state.json.new");
        let mut file = fs::File::create(&fresh)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(fresh, folder.join(STATE_FILE))
    }

    pub(crate) fn leaders(&self) -> Vec<Identity> {
        self.groups.iter().map(|group| group.leader).collect()
    }

    /// Remember the group of a service in place of its last one.
    pub(crate) fn replace_group(&mut self, service: String, leader: Identity) {
        self.groups.retain(|group| group.service != service);
        self.groups.push(Group { service, leader });
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, RunState};

    #[test]
    fn what_is_written_is_what_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut state = RunState::new("r1");
        state.replace_group(
            "live/api".to_owned(),
            Identity {
                pid: 4,
                start_time: 40,
            },
        );
        state.replace_group(
            "live/api".to_owned(),
            Identity {
                pid: 5,
                start_time: 50,
            },
        );
        state.write(folder.path()).expect("written");
        let read = RunState::read(folder.path()).expect("read");
        assert_eq!(read, state);
        assert_eq!(
            read.leaders(),
            [Identity {
                pid: 5,
                start_time: 50
            }]
        );
    }

    #[test]
    fn half_a_state_is_no_state() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("state.json"), "{\"run_id\":").expect("written");
        assert_eq!(RunState::read(folder.path()), None);
    }
}
