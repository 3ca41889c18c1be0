//! What the tests share: a root, the puppet that every image holds, small services made of words, a model made of
//! them, and what the engine itself says of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
    time::Duration,
};

use closure::{
    compose::model::{Build, Condition, Healthcheck, Model, Mount, Service},
    topology::{Addresses, On, RunFolder, Site, Topology},
};
use tempfile::TempDir;

/// Long enough for a machine that compiles something else at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// One run below a root of its own.
pub(crate) struct House {
    pub(crate) root: TempDir,
    pub(crate) run: Arc<RunFolder>,
    pub(crate) addresses: Addresses,
}

impl House {
    /// A house with ports picked for services named with their container port. The run's id is nobody else's on this
    /// engine.
    pub(crate) fn with_ports(run: &str, ports: &[(&str, u16)]) -> Self {
        there_is_an_engine();
        let root = furnished();
        let id = format!("{run}-{}", std::process::id());
        let run = RunFolder::open(&root.path().join("runs"), &id).expect("a fresh run");
        run.stand_on(On::Docker).expect("noted");
        let run = Arc::new(run);
        let addresses = pick(&run, ports);
        Self { root, run, addresses }
    }

    pub(crate) fn new(run: &str) -> Self {
        Self::with_ports(run, &[])
    }

    pub(crate) fn log(&self, service: &str) -> String {
        fs::read_to_string(self.root.path().join("logs").join(format!("{service}.log")))
            .expect("every service has a log")
    }

    pub(crate) fn topology(&self, services: impl IntoIterator<Item = (&'static str, Service)>) -> Topology {
        let model = model(services);
        let site = site(self.root.path());
        Topology::docker(Arc::clone(&self.run), site, model, self.addresses.clone()).expect("a topology")
    }

    /// What the engine calls the container of a service of the living copy.
    pub(crate) fn container(&self, service: &str) -> String {
        format!("closure-{}-live-{service}", self.run.id())
    }

    /// The volumes that the containers of this run hold, by name: the nameless ones too, which carry no label and are
    /// called by an id.
    pub(crate) fn volumes(&self) -> BTreeSet<String> {
        let label = format!("label=closure.run={}", self.run.id());
        let containers = docker(&["ps", "--all", "--quiet", "--filter", &label]);
        let mounts = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{println .Name}}{{end}}{{end}}";
        let held = containers
            .lines()
            .map(|container| docker(&["inspect", "--format", mounts, container]));
        held.flat_map(|names| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Everything of this run that the engine has.
    pub(crate) fn things(&self) -> Vec<String> {
        things_of(self.run.id())
    }
}

/// A folder with the puppet's build context in it.
pub(crate) fn furnished() -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("opened to all");
    let context = root.path().join("puppet");
    fs::create_dir(&context).expect("made");
    fs::copy(puppet(), context.join("puppet")).expect("copied");
    fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nCOPY puppet /puppet\nENTRYPOINT [\"/puppet\"]\n",
    )
    .expect("written");
    root
}

pub(crate) fn site(root: &Path) -> Site {
    Site {
        folder: root.to_owned(),
        logs: root.join("logs"),
        redact: Arc::new(|line| line.replace("hunter2", "‹password›")),
        closure: puppet().to_owned(),
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

/// A service that does what some words say.
pub(crate) fn acting(words: &[&str]) -> Service {
    Service {
        build: Some(Build {
            context: "./puppet".to_owned(),
            ..Build::default()
        }),
        command: Some(words.iter().map(|word| (*word).to_owned()).collect()),
        ..Service::default()
    }
}

/// Ways to say more about a service.
pub(crate) trait More: Sized {
    fn after(self, service: &str, condition: Condition) -> Self;
    fn healthy_when(self, words: &[&str], retries: u32) -> Self;
    fn told(self, name: &str, value: &str) -> Self;
    fn mounting(self, volume: &str, target: &str) -> Self;
}

impl More for Service {
    fn after(mut self, service: &str, condition: Condition) -> Self {
        self.depends_on.insert(service.to_owned(), condition);
        self
    }

    fn healthy_when(mut self, words: &[&str], retries: u32) -> Self {
        let program = std::iter::once("/puppet");
        self.healthcheck = Some(Healthcheck {
            test: program.chain(words.iter().copied()).map(str::to_owned).collect(),
            interval: Duration::from_millis(200),
            timeout: Duration::from_secs(10),
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

/// Everything that the engine has with a run's label.
pub(crate) fn things_of(run: &str) -> Vec<String> {
    let label = format!("label=closure.run={run}");
    let lists: [(&str, &[&str]); 4] = [
        ("container", &["ps", "--all", "--format", "{{.Names}}"]),
        ("network", &["network", "ls", "--format", "{{.Name}}"]),
        ("volume", &["volume", "ls", "--format", "{{.Name}}"]),
        ("image", &["images", "--all", "--format", "{{.ID}}"]),
    ];
    let mut things = Vec::new();
    for (kind, words) in lists {
        let said = docker(&[words, &["--filter", &label]].concat());
        things.extend(said.lines().map(|name| format!("{kind} {name}")));
    }
    things.sort();
    things
}

/// Those of these volumes that the engine still has. What else it has is for others to say, who run beside.
pub(crate) fn still_there(volumes: &BTreeSet<String>) -> BTreeSet<String> {
    let all = docker(&["volume", "ls", "--format", "{{.Name}}"]);
    let all: BTreeSet<String> = all.lines().map(str::to_owned).collect();
    volumes.intersection(&all).cloned().collect()
}

/// What the engine's own command line tool says.
pub(crate) fn docker(words: &[&str]) -> String {
    let output = Command::new("docker")
        .args(words)
        .output()
        .expect("`docker` is there: run `scripts/setup`");
    assert!(
        output.status.success(),
        "docker {}: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn there_is_an_engine() {
    UnixStream::connect("/var/run/docker.sock")
        .expect("these tests need a Docker engine at `/var/run/docker.sock`: run `scripts/setup`");
}

/// The puppet, compiled once by each process that needs it.
pub(crate) fn puppet() -> &'static Path {
    static PUPPET: OnceLock<PathBuf> = OnceLock::new();
    PUPPET.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/topology_docker/puppet.rs");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let fresh = folder.join(format!("puppet-{}", std::process::id()));
        let compiled = Command::new("rustc")
            .args(["--edition", "2024", "-C", "opt-level=1", "-C", "strip=symbols"])
            .args([
                "-C",
                "target-feature=+crt-static",
                "--target",
                "x86_64-unknown-linux-gnu",
                "-o",
            ])
            .args([&fresh, &source])
            .status()
            .expect("`rustc` is there: it compiled this test");
        assert!(compiled.success(), "the puppet does not compile");
        // Whole or not at all: other processes look for it too.
        let puppet = folder.join("puppet");
        fs::rename(fresh, &puppet).expect("renamed");
        puppet
    })
}

/// The environment of a look, without what stands in every container.
pub(crate) fn told(env: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    env.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| *name != "PATH")
        .collect()
}
