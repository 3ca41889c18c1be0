//! The declared subset of the compose format, read and (once variables are filled in) resolved.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// A composed topology, resolved: every variable filled in, every default written out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// Named volumes.
    pub volumes: Vec<String>,
    /// Networks; `default` when the file names none.
    pub networks: Vec<String>,
}

impl Model {
    /// The digest of the model as JSON. Values of variables are among it.
    ///
    /// # Panics
    /// Never: there is nothing in a model that JSON cannot say.
    pub fn digest(&self) -> Digest {
        // Fields keep their order and maps are sorted, so that equal models have equal bytes.
        Digest::of(serde_json::to_vec(self).expect("a model has only texts for keys"))
    }
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Image reference.
    pub image: Option<String>,
    /// Build context and file, when the image is built.
    pub build: Option<Build>,
    /// Replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Environment. Values are texts; secrets are among them.
    pub environment: BTreeMap<String, String>,
    /// What must have happened before it starts.
    pub depends_on: BTreeMap<String, Condition>,
    /// How its health is asked.
    pub healthcheck: Option<Healthcheck>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// Folders in memory.
    pub tmpfs: Vec<String>,
    /// `uid[:gid]`.
    pub user: Option<String>,
    /// Root file system without writing.
    pub read_only: bool,
    /// Capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Capabilities given.
    pub cap_add: Vec<String>,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Memory limit in bytes.
    pub mem_limit: Option<u64>,
    /// Processor limit in cores.
    pub cpus: Option<f64>,
    /// Limit of processes.
    pub pids_limit: Option<i64>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<u64>,
    /// Time between the stop signal and the kill.
    pub stop_grace_period: Option<Duration>,
    /// Restart policy: only `no` is honoured, because a service that restarts by itself hides its failures.
    pub restart: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// An init process inside the container.
    pub init: bool,
    /// Name of the host inside.
    pub hostname: Option<String>,
    /// The folder its process starts in.
    pub working_dir: Option<String>,
    /// Names of the networks it is on; `default` when the file names none.
    pub networks: Vec<String>,
    /// How it runs natively.
    pub native: Option<Native>,
}

/// How an image is built.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// Folder of the context, relative to the compose file.
    pub context: String,
    /// File inside the context.
    pub dockerfile: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Stage.
    pub target: Option<String>,
}

/// What a dependency must have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its process was started.
    ServiceStarted,
    /// Its health check succeeded.
    ServiceHealthy,
    /// It ended with 0.
    ServiceCompletedSuccessfully,
}

/// How health is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Healthcheck {
    /// The command, without the leading `CMD`; a `CMD-SHELL` becomes `/bin/sh -c …`. Empty: disabled (`NONE`).
    pub test: Vec<String>,
    /// Between looks.
    pub interval: Duration,
    /// Of one look.
    pub timeout: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
    /// Failures in this time do not count.
    pub start_period: Duration,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The container's own.
    pub target: u16,
    /// The host's; none means picked free.
    pub published: Option<u16>,
    /// Host address: always a loopback address.
    pub host_ip: String,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Named volume, or a path relative to the compose file when it begins with `.` or `/`.
    pub source: String,
    /// Path inside.
    pub target: String,
    /// Without writing.
    pub read_only: bool,
}

/// `x-closure`: how a service runs on this host, without a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Native {
    /// `postgres`: a fresh cluster takes the place of the image. Then there is no `argv`.
    pub provides: Option<String>,
    /// What is executed; the program is relative to the compose file's folder when it holds a `/`, else found on PATH.
    pub argv: Vec<String>,
    /// The argv that builds the program, run once before bring-up in the compose file's folder.
    pub prepare: Vec<String>,
    /// The environment variable that says where it listens; set to `127.0.0.1:<port picked free>`.
    pub listen: Option<String>,
    /// What is executed instead of `healthcheck.test`.
    pub health: Vec<String>,
}
