//! What a substrate must be able to do. The topology above it knows order, conditions, deadlines and words; a
//! substrate knows how one service is started, asked and ended. One file each.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::compose::model::{Model, Service};

use super::{
    addresses::Addresses,
    error::{Cause, Leftover, Result},
    life::Life,
    seen::Vitals,
    tenure::{Heard, Tenure},
};

/// Takes what may not reach paper out of a line.
pub type Redactor = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Told everything that an engine says of what it does to the services, as it says it, not redacted.
pub type Ear = Arc<dyn Fn(&Value) + Send + Sync>;

/// What services run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Processes of this host.
    #[default]
    Native,
    /// Containers of an engine on this host.
    Docker,
}

impl On {
    /// As it stands on the command line and on paper.
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Docker => "docker",
        }
    }
}

/// Where a topology stands on this host.
#[derive(Clone)]
pub struct Site {
    /// The compose file's folder: what its relative paths are relative to.
    pub folder: PathBuf,
    /// Where each service's log goes, as `<service>.log`.
    pub logs: PathBuf,
    /// Asked for every line before it is written or kept.
    pub redact: Redactor,
    /// The closure binary: what is run beside a service to look from inside it.
    pub closure: PathBuf,
}

/// How a program that was run in a service ended, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Its exit code, or 128 + the number of the signal that ended it.
    pub exit_code: i32,
    /// Everything it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// Everything it wrote to its standard error, not redacted.
    pub stderr: String,
}

/// Where a service's life is written down and followed.
pub(crate) type LifeLine = Arc<watch::Sender<Life>>;

/// What is done to a service that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Asks it to end.
    Stop,
    /// Ends it without asking.
    Kill,
    /// Holds it.
    Pause,
    /// Lets it go on.
    Unpause,
}

/// Something services can run on.
pub(crate) trait Substrate: Send + Sync {
    /// Whatever must exist before the first service of a model starts.
    fn prepare<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, Result<()>>;

    /// Start a service and return once its process lives. From then on the substrate keeps its life line current,
    /// until its end.
    fn start<'a>(
        &'a self,
        name: &'a str,
        service: &'a Service,
        life: LifeLine,
    ) -> BoxFuture<'a, Result<(), Cause>>;

    /// Send a signal to a service that lives.
    fn signal<'a>(&'a self, name: &'a str, signal: Signal) -> BoxFuture<'a, Result<(), Cause>>;

    /// Take a service that lives off every network of the run.
    fn disconnect<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Cause>>;

    /// Put it back on each of them, under the names it had there.
    fn connect<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Cause>>;

    /// What can be seen of a service now.
    fn vitals<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Vitals>;

    /// Who stands for a service, or why that cannot be told now.
    fn tenure<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Tenure, Cause>>;

    /// Run closure inside a service that lives: in its network and among its processes, under its account, without a
    /// capability, with an environment that holds nothing of ours but the run's marker. `argv` are the words after
    /// closure's own name; `--pid` and the id of the service's first process, as it is seen from in there, are put
    /// behind them. `input` is all it gets to read. Nothing of it is left when the future is dropped.
    fn inside<'a>(
        &'a self,
        name: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, Cause>>;

    /// Run a program of the service's own in it while it lives: under its account, with its environment, in its folder,
    /// and `input` is all it gets to read. One that is not heard to its end is ended.
    fn exec<'a>(
        &'a self,
        name: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, Cause>>;

    /// Tell this one what an engine says from now on; where there is none, nothing is said.
    fn tell(&self, _ear: Ear) {}

    /// What an engine was heard to do for others; none where there is no engine.
    fn heard(&self) -> BoxFuture<'_, Option<Heard>> {
        Box::pin(std::future::ready(None))
    }

    /// What was done in another way than the compose file says, one line each.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// A second, empty place for services beside this one. One that is alone reaches the services that live by their
    /// names; they, and whoever asks for them, do not notice it.
    fn twin(&self, label: &str, addresses: Addresses, alone: bool) -> Result<Box<dyn Substrate>>;

    /// Leave what runs to itself: nothing is ended when this is dropped, and nothing it says is written down any more.
    /// Answers with what cannot go on without us, one sentence each.
    fn disown(&self) -> Vec<String>;

    /// End and remove whatever is there; say what could not be. Folders stay when they are to be kept.
    fn remove(&self, keep: bool) -> BoxFuture<'_, Vec<Leftover>>;
}
