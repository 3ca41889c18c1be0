//! What looks and changes ask of the topology.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;

/// An answer of the ground, or why there is none.
pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, String>>;

/// Something done to one service as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop it in an orderly way.
    Stop,
    /// Kill it.
    Kill,
    /// Freeze it.
    Pause,
    /// Let it go on after a pause.
    Resume,
    /// Start it again, as the plan has it, and wait for the state it had.
    Start,
    /// Stop and start.
    Restart,
    /// Take it off its networks.
    Disconnect,
    /// Put it back on them.
    Connect,
}

/// A change to what services are told, before they are started.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Environment of one service.
    Env {
        /// The service.
        service: String,
        /// Variables set.
        set: BTreeMap<String, String>,
        /// Variables taken away.
        unset: Vec<String>,
    },
    /// Variables of the compose file.
    Variables {
        /// Variables set.
        set: BTreeMap<String, String>,
        /// Variables taken away.
        unset: Vec<String>,
    },
    /// A fragment of compose YAML, merged over the file.
    Compose {
        /// The fragment.
        fragment: String,
    },
}

/// A scratch copy of the topology.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scratch {
    /// Services to start; none means all.
    pub services: Vec<String>,
    /// Start them against the running topology, without what they depend on.
    pub alone: bool,
    /// Changes, in order, the last one wins.
    pub changes: Vec<Change>,
    /// How long each service has to come to its state.
    pub within: Duration,
}

/// How a program ended that was run in a service, and what it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Its exit code, or 128 + the number of the signal that ended it.
    pub exit: i32,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// The running topology, as far as looks and changes need it.
pub trait Ground: Send + Sync {
    /// Where a service with a port listens, seen from outside.
    fn address(&self, service: &str) -> Option<SocketAddr>;

    /// Where a service with a port listens, seen from inside the other services: `host:port`.
    fn address_inside(&self, service: &str) -> Option<String>;

    /// What runs now: one object a service, with the fields of the kind `service`. `*` means all of them.
    fn inspect<'a>(&'a self, service: &'a str) -> Answer<'a, Vec<Value>>;

    /// Where everything a service has said stands as it was heard, its secrets with it.
    fn log(&self, service: &str) -> Result<PathBuf, String>;

    /// The environment of a service's process, as the process itself has it.
    fn environment<'a>(&'a self, service: &'a str) -> Answer<'a, BTreeMap<String, String>>;

    /// Send closure into a service as its sidecar: tell it an errand, and bring back what it answers.
    fn sidecar<'a>(&'a self, service: &'a str, errand: &'a [u8], within: Duration) -> Answer<'a, Vec<u8>>;

    /// Run a program of the service's own in it, with `input` to read. How it ended is no error.
    fn exec<'a>(
        &'a self,
        service: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> Answer<'a, Executed>;

    /// Do something to a service as a whole.
    fn act<'a>(&'a self, service: &'a str, action: Action) -> Answer<'a, ()>;

    /// Start a service anew with a changed environment; with none, as the plan has it. Returns once it has come to
    /// a state, whichever that is.
    fn restart<'a>(&'a self, service: &'a str, change: Option<&'a Change>) -> Answer<'a, ()>;

    /// Start a scratch copy, record what it came to, remove it: the observation of the kind `startup`.
    fn startup<'a>(&'a self, scratch: &'a Scratch) -> Answer<'a, Value>;

    /// What would run under some changes: `{source_sha256, model}`, the file's digest before its variables are
    /// filled in and the resolved model; `{refused}` with the complaints when the compose file refuses them.
    fn model(&self, changes: &[Change]) -> Result<Value, String>;
}
