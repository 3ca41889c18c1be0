//! What the tests of looks and changes stand on: a real Postgres, and a site around it.

mod cluster;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    Access, Action, Change, Clock, Executed, Files, Ground, Paper, Planted, Relays, Scratch, Site,
    ground::Answer, http,
};
use crate::{exchange::Exchange, redact::Secret};
use cluster::Cluster;

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of one test, and the site that reaches it as `admin` and as the ordinary role `plain`.
pub(crate) struct Bench {
    pub(crate) site: Site,
    ground: Arc<Still>,
    _cluster: Arc<Cluster>,
}

impl Bench {
    /// A fresh database with the statements of `schema` run in it.
    pub(crate) async fn new(schema: &str) -> Self {
        let cluster = Cluster::shared();
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let database = format!("t{number}");
        let url = |name: &str| format!("postgres://postgres@{}/{name}?sslmode=disable", cluster.address);
        let mut root = PgConnection::connect(&url("postgres")).await.expect("connected");
        let create = format!("create database {database}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut root)
            .await
            .expect("done");
        let mut own = PgConnection::connect(&url(&database)).await.expect("connected");
        sqlx::raw_sql(AssertSqlSafe(schema))
            .execute(&mut own)
            .await
            .expect("a good schema");
        let access = |user: &str| Access {
            service: "postgres".into(),
            address: cluster.address,
            database: database.clone(),
            user: user.into(),
            password: String::new(),
        };
        let databases = BTreeMap::from([
            ("admin".to_owned(), access("postgres")),
            ("plain".to_owned(), access("plain")),
        ]);
        let ground = Arc::new(Still::at(&[("postgres", cluster.address)]));
        let on = Arc::<Still>::clone(&ground);
        let site = site(on, Arc::new(Kept::default()), databases);
        Self {
            site,
            ground,
            _cluster: cluster,
        }
    }

    /// From now on a service is this process.
    pub(crate) fn runs_as(&self, service: &str, pid: u32) {
        let faked = Faked {
            pid,
            ..Faked::default()
        };
        let mut services = self.ground.services.lock().expect("not poisoned");
        services.insert(service.to_owned(), faked);
    }
}

/// A site on some ground.
pub(crate) fn site(
    ground: Arc<dyn Ground>,
    paper: Arc<dyn Paper>,
    databases: BTreeMap<String, Access>,
) -> Site {
    Site {
        asked_by: "G/pass/look".into(),
        ground,
        databases: Arc::new(databases),
        clone: None,
        files: Arc::new(Files::default()),
        root: Arc::new(PathBuf::from(env!("CARGO_MANIFEST_DIR"))),
        paper,
        clock: Clock::since(Instant::now()),
        client: http::client().expect("a client"),
        sql_timeout: Duration::from_secs(10),
        rollback: None,
        relays: Relays::default(),
        planted: Planted::default(),
        scratch: Vec::new(),
    }
}

/// Paper that keeps what it was given, and hides one word.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<Vec<Exchange>>);

impl Paper for Kept {
    fn exchange(&self, exchange: Exchange) {
        self.0.lock().expect("not poisoned").push(exchange);
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("password", "hunter2")]
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/mini")
    }

    fn redact(&self, text: &str) -> String {
        text.replace("hunter2", "‹password›")
    }

    fn redact_json(&self, value: &Value) -> Value {
        serde_json::from_str(&self.redact(&value.to_string())).expect("still JSON")
    }
}

/// Ground on which services have addresses, an environment and a state, and keep what was done to them.
#[derive(Default)]
pub(crate) struct Still {
    addresses: BTreeMap<String, SocketAddr>,
    pub(crate) services: Mutex<BTreeMap<String, Faked>>,
    pub(crate) done: Mutex<Vec<String>>,
    /// Where what services say stands, as `<service>.log`.
    logs: PathBuf,
}

/// A service that is only told about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faked {
    pub(crate) state: String,
    pub(crate) pid: u32,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) planned: BTreeMap<String, String>,
    /// Null where a service has no network of its own.
    pub(crate) networks: Option<Vec<String>>,
}

impl Still {
    pub(crate) fn at(addresses: &[(&str, SocketAddr)]) -> Self {
        let addresses = addresses
            .iter()
            .map(|(name, address)| ((*name).to_owned(), *address))
            .collect();
        Self {
            addresses,
            ..Self::default()
        }
    }

    /// Ground on which services have said what stands in a folder, as `<service>.log`.
    pub(crate) fn saying(logs: &Path) -> Self {
        Self {
            logs: logs.to_owned(),
            ..Self::default()
        }
    }

    /// Add a service that is healthy.
    pub(crate) fn runs(&self, name: &str, env: &[(&str, &str)]) {
        let env: BTreeMap<_, _> = env
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let faked = Faked {
            state: "healthy".into(),
            pid: 10,
            planned: env.clone(),
            networks: Some(vec!["default".to_owned()]),
            env,
        };
        self.services
            .lock()
            .expect("not poisoned")
            .insert(name.to_owned(), faked);
    }

    fn with<T>(&self, service: &str, what: &str, change: impl FnOnce(&mut Faked) -> T) -> Result<T, String> {
        self.done
            .lock()
            .expect("not poisoned")
            .push(format!("{what} {service}"));
        let mut services = self.services.lock().expect("not poisoned");
        services
            .get_mut(service)
            .map(change)
            .ok_or_else(|| format!("no service `{service}`"))
    }
}

impl Ground for Still {
    fn address(&self, service: &str) -> Option<SocketAddr> {
        self.addresses.get(service).copied()
    }

    fn address_inside(&self, service: &str) -> Option<String> {
        self.addresses.get(service).map(ToString::to_string)
    }

    fn inspect<'a>(&'a self, service: &'a str) -> Answer<'a, Vec<Value>> {
        Box::pin(async move {
            self.with(service, "inspect", |faked| {
                vec![serde_json::json!({ "name": service, "state": faked.state, "pid": faked.pid, "started_at": faked.pid,
                    "networks": faked.networks })]
            })
        })
    }

    fn log(&self, service: &str) -> Result<PathBuf, String> {
        self.with(service, "log", |_| ())?;
        Ok(self.logs.join(format!("{service}.log")))
    }

    fn environment<'a>(&'a self, service: &'a str) -> Answer<'a, BTreeMap<String, String>> {
        Box::pin(async move { self.with(service, "environment", |faked| faked.env.clone()) })
    }

    /// The sidecar itself, in this very process, beside whatever process the service is said to be.
    fn sidecar<'a>(&'a self, service: &'a str, errand: &'a [u8], _within: Duration) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let pid = self.with(service, "sidecar", |faked| faked.pid)?;
            super::sql::answer(pid, errand).await
        })
    }

    /// A program that says what it was called with and what it was told, and ends as its last word says.
    fn exec<'a>(
        &'a self,
        service: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> Answer<'a, Executed> {
        Box::pin(async move {
            self.with(service, "exec", |_| ())?;
            let told = String::from_utf8_lossy(input);
            Ok(Executed {
                exit: argv.last().and_then(|word| word.parse().ok()).unwrap_or(0),
                stdout: format!("{}\n{told}\n", argv.join(" ")).into_bytes(),
                stderr: format!("within {} ms", within.as_millis()),
            })
        })
    }

    fn act<'a>(&'a self, service: &'a str, action: Action) -> Answer<'a, ()> {
        Box::pin(async move {
            self.with(
                service,
                &format!("{action:?}").to_lowercase(),
                |faked| match action {
                    Action::Stop | Action::Kill => faked.state = "exited".into(),
                    Action::Pause => faked.state = "paused".into(),
                    Action::Disconnect => faked.networks = Some(Vec::new()),
                    Action::Connect => faked.networks = Some(vec!["default".to_owned()]),
                    Action::Resume => faked.state = "healthy".into(),
                    Action::Start | Action::Restart => {
                        faked.state = "healthy".into();
                        faked.pid += 1;
                    }
                },
            )
        })
    }

    fn restart<'a>(&'a self, service: &'a str, change: Option<&'a Change>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.with(service, "restart", |faked| {
                faked.pid += 1;
                faked.env = faked.planned.clone();
                if let Some(Change::Env { set, unset, .. }) = change {
                    faked.env.extend(set.clone());
                    faked.env.retain(|name, _| !unset.contains(name));
                }
            })
        })
    }

    fn startup<'a>(&'a self, scratch: &'a Scratch) -> Answer<'a, Value> {
        Box::pin(async move {
            Ok(
                serde_json::json!({ "refused_by": null, "services": scratch.services, "changes": scratch.changes.len() }),
            )
        })
    }

    fn model(&self, changes: &[Change]) -> Result<Value, String> {
        let services = self.services.lock().expect("not poisoned");
        let mut services: serde_json::Map<String, Value> = services
            .iter()
            .map(|(name, faked)| (name.clone(), serde_json::json!(faked.planned)))
            .collect();
        for change in changes {
            match change {
                Change::Compose { fragment } if fragment == "refused" => {
                    return Ok(serde_json::json!({ "refused": "compose.yml: no" }));
                }
                Change::Compose { fragment } => drop(services.insert(fragment.clone(), "overridden".into())),
                other => drop(services.insert("changed".into(), format!("{other:?}").into())),
            }
        }
        Ok(serde_json::json!({ "source_sha256": "", "model": { "services": services } }))
    }
}
