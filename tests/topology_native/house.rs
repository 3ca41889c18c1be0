//! What the tests share: a root that services can pass through, small services made of a line of shell, and a model
//! made of them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use closure::{
    compose::model::{Condition, Healthcheck, Model, Mount, Native, Service},
    topology::{Addresses, RunFolder, Site, Topology},
};
use tempfile::TempDir;

/// Long enough for a machine that compiles something else at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// One run below a root of its own.
pub(crate) struct House {
    pub(crate) root: TempDir,
    pub(crate) run: Arc<RunFolder>,
    pub(crate) addresses: Addresses,
}

impl House {
    /// A house with ports picked for services named with their container port.
    pub(crate) fn with_ports(run: &str, ports: &[(&str, u16)]) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("opened to all");
        let run = Arc::new(RunFolder::open(&root.path().join("runs"), run).expect("a fresh run"));
        let addresses = pick(&run, ports);
        Self { root, run, addresses }
    }

    pub(crate) fn new(run: &str) -> Self {
        Self::with_ports(run, &[])
    }

    pub(crate) fn site(&self) -> Site {
        Site {
            folder: self.root.path().to_owned(),
            logs: self.logs(),
            redact: Arc::new(|line| line.replace("hunter2", "‹password›")),
            closure: PathBuf::from(env!("CARGO_BIN_EXE_closure")),
        }
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.path().join("logs")
    }

    pub(crate) fn log(&self, service: &str) -> String {
        fs::read_to_string(self.logs().join(format!("{service}.log"))).expect("every service has a log")
    }

    pub(crate) fn topology(&self, services: impl IntoIterator<Item = (&'static str, Service)>) -> Topology {
        let model = model(services);
        Topology::native(Arc::clone(&self.run), self.site(), model, self.addresses.clone())
            .expect("a topology")
    }
}

pub(crate) fn pick(run: &RunFolder, ports: &[(&str, u16)]) -> Addresses {
    let services = ports
        .iter()
        .map(|(name, port)| ((*name).to_owned(), vec![*port]))
        .collect();
    Addresses::pick(run, &services).expect("free ports")
}

pub(crate) fn model(services: impl IntoIterator<Item = (&'static str, Service)>) -> Model {
    let services = services
        .into_iter()
        .map(|(name, service)| (name.to_owned(), service))
        .collect();
    Model {
        services,
        ..Model::default()
    }
}

/// A service that is one line of shell.
pub(crate) fn shell(script: &str) -> Service {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    Service {
        native: Some(Native {
            argv,
            ..Native::default()
        }),
        ..Service::default()
    }
}

/// Ways to say more about a service.
pub(crate) trait More: Sized {
    fn after(self, service: &str, condition: Condition) -> Self;
    fn healthy_when(self, script: &str, retries: u32) -> Self;
    fn told(self, name: &str, value: &str) -> Self;
    fn mounting(self, volume: &str, target: &str) -> Self;
}

impl More for Service {
    fn after(mut self, service: &str, condition: Condition) -> Self {
        self.depends_on.insert(service.to_owned(), condition);
        self
    }

    fn healthy_when(mut self, script: &str, retries: u32) -> Self {
        self.healthcheck = Some(Healthcheck {
            test: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            interval: Duration::from_millis(200),
            timeout: Duration::from_secs(5),
            retries,
            start_period: Duration::ZERO,
        });
        self
    }

    fn told(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn mounting(mut self, volume: &str, target: &str) -> Self {
        self.volumes.push(Mount {
            source: volume.to_owned(),
            target: target.to_owned(),
            read_only: false,
        });
        self
    }
}

/// A Postgres with a database `shop`, whose health is asked as compose files do.
pub(crate) fn postgres() -> Service {
    let service = Service {
        environment: BTreeMap::from(
            [
                ("POSTGRES_USER", "boss"),
                ("POSTGRES_PASSWORD", "hunter2"),
                ("POSTGRES_DB", "shop \"1\""),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        native: Some(Native {
            provides: Some("postgres".to_owned()),
            ..Native::default()
        }),
        ..Service::default()
    };
    service.healthy_when(
        "pg_isready --username=\"$POSTGRES_USER\" --dbname=\"$POSTGRES_DB\"",
        300,
    )
}

/// True while a process with this id lives.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
