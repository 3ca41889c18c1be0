//! A Postgres of the tests' own: a fresh cluster in a temporary folder, shared by whoever runs at the same time, stopped
//! by its process id when the last one lets go. As root it runs as an unprivileged user, because Postgres insists.

use std::{
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;

static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

/// A running cluster.
pub(crate) struct Cluster {
    server: Child,
    /// Where it listens.
    pub(crate) port: u16,
    /// Roles belong to the whole cluster, so they are provisioned by one test at a time.
    pub(crate) provisioning: Mutex<()>,
    _folder: TempDir,
}

impl Cluster {
    /// The one that runs, or a new one.
    pub(crate) async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::start());
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// The superuser's connection string.
    pub(crate) fn admin(&self, database: &str) -> String {
        format!("postgresql://postgres:admin@127.0.0.1:{}/{database}", self.port)
    }

    fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("ours to open");
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        std::fs::write(&password, "admin").expect("ours to write");
        std::fs::create_dir(&data).expect("ours to make");
        if let Some(id) = unprivileged() {
            chown(&data, Some(id), Some(id)).expect("root may give it away");
        }
        let initdb = command("initdb")
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg(format!("--pwfile={}", password.display()))
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(
            initdb.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&initdb.stderr)
        );
        let port = free_port();
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "fsync=off",
            ])
            .args(["-c", "max_connections=200", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("ours to write"))
            .spawn()
            .expect("postgres runs");
        let cluster = Self {
            server,
            port,
            provisioning: Mutex::new(()),
            _folder: folder,
        };
        cluster.await_answers();
        cluster
    }

    fn await_answers(&self) {
        let port = self.port.to_string();
        let until = Instant::now() + Duration::from_mins(1);
        while Instant::now() < until {
            let asked = command("pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .status();
            if asked.is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the cluster did not answer within a minute");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let id = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw);
        // SIGQUIT: stop at once and clean up; there is nothing worth keeping.
        let _ = kill_process(id.expect("a child has a process id"), Signal::QUIT);
        let _ = self.server.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

fn command(program: &str) -> Command {
    let mut command = Command::new(binaries().join(program));
    command.current_dir("/").env_remove("PGOPTIONS");
    if let Some(id) = unprivileged() {
        command.uid(id).gid(id);
    }
    command
}

/// Where the programs of Postgres are.
pub(crate) fn binaries() -> PathBuf {
    std::env::var_os("PG_BIN").map_or_else(newest_binaries, PathBuf::from)
}

fn newest_binaries() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").expect("is `scripts/setup` done?");
    let versions = installed.flatten().map(|version| version.path());
    let newest = versions.max_by_key(|version| {
        let name = version.file_name().unwrap_or_default().to_string_lossy();
        name.parse::<u32>().unwrap_or(0)
    });
    newest.expect("is `scripts/setup` done?").join("bin")
}

/// The id to run as when we are root.
fn unprivileged() -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("users are listed");
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    })
}
