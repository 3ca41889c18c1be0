//! The site: everything a look stands on, cheap to clone.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::{Access, Change, Ground, Planted, Relays};
use crate::{exchange::Exchange, redact::Secret};

/// The door to paper: the one recorder of HTTP exchanges, and the one place where secrets are taken out.
pub trait Paper: Send + Sync {
    /// Keep one exchange. It is redacted already.
    fn exchange(&self, exchange: Exchange);

    /// Every secret the run has made so far, by value.
    fn secrets(&self) -> Vec<Secret>;

    /// The folder of the record.
    fn folder(&self) -> PathBuf;

    /// A text without the secrets of the run.
    fn redact(&self, text: &str) -> String;

    /// A value without the secrets of the run, in keys and in texts.
    fn redact_json(&self, value: &Value) -> Value;
}

/// The run's clock: milliseconds since the run began.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that began at an instant.
    pub fn since(begin: Instant) -> Self {
        Self(begin)
    }

    /// Milliseconds of the run's clock.
    pub fn ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The files a look may name: SQL and overrides of the gate, then of the suite.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The gate's own, by name relative to its folder.
    pub gate: BTreeMap<String, Vec<u8>>,
    /// The suite's, by name relative to its folder.
    pub suite: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// The characters of a file, the gate's own before the suite's.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        let bytes = self.gate.get(name).or_else(|| self.suite.get(name));
        let bytes = bytes.ok_or_else(|| format!("no file `{name}` in the gate's folder or the suite's"))?;
        std::str::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))
    }
}

/// A transaction that is going to be rolled back, and the connection it is open on.
#[derive(Clone)]
pub struct Rollback {
    /// The connection, inside its transaction.
    pub connection: Arc<Mutex<PgConnection>>,
    /// The service that is the database server.
    pub service: String,
    /// The database it is connected to: looks at another one cannot stand in the transaction.
    pub database: String,
}

/// What a look stands on.
#[derive(Clone)]
pub struct Site {
    /// Gate, pass and probe that ask: `EG8.5/pass/storm`.
    pub asked_by: String,
    /// The running topology.
    pub ground: Arc<dyn Ground>,
    /// Databases of the suite.
    pub databases: Arc<BTreeMap<String, Access>>,
    /// Name of the gate's own database, when it has one.
    pub clone: Option<String>,
    /// Files a look may name.
    pub files: Arc<Files>,
    /// Root of the repository, for the kind `file`.
    pub root: Arc<PathBuf>,
    /// Where exchanges go, and what takes secrets out.
    pub paper: Arc<dyn Paper>,
    /// The run's clock.
    pub clock: Clock,
    /// The HTTP client: see [`super::http::client`].
    pub client: reqwest::Client,
    /// Bound on one SQL statement.
    pub sql_timeout: Duration,
    /// The transaction of a sabotage with `place = "rollback"`: sql looks are made inside it.
    pub rollback: Option<Rollback>,
    /// What stands between looks and services while a change of kind `proxy` is in force.
    pub relays: Relays,
    /// Lines that stand over the logs of services while a change of kind `plant` is in force.
    pub planted: Planted,
    /// Changes with `place = "scratch"`: they stand under `startup` looks only.
    pub scratch: Vec<Change>,
}

impl Site {
    /// The same site, asked by somebody else.
    #[must_use]
    pub fn asked_by(&self, who: impl Into<String>) -> Self {
        Self {
            asked_by: who.into(),
            ..self.clone()
        }
    }
}
