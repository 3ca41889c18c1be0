//! A Postgres cluster of the tests' own, as an unprivileged user.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

/// The user a cluster runs as when we are root, whom Postgres refuses.
const NOBODY: u32 = 65_534;

/// A cluster of its own, ended when the last test that uses it is done.
pub(super) struct Cluster {
    folder: tempfile::TempDir,
    server: Child,
    pub(super) address: SocketAddr,
}

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// The one cluster of this test process.
    pub(super) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let data = folder.path().join("data");
        let made = command("initdb", folder.path())
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C",
            ])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let server = command("postgres", folder.path())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args([
                "-p",
                &address.port().to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "fsync=off",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres runs");
        let cluster = Self {
            folder,
            server,
            address,
        };
        cluster.wait();
        cluster.role();
        cluster
    }

    /// One role for all tests, made before any of them: a witness compares all roles of a cluster.
    fn role(&self) {
        let port = self.address.port().to_string();
        let mut psql = command("psql", self.folder.path());
        psql.args([
            "-qX",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-p",
            &port,
            "-c",
            "create role plain login",
        ]);
        assert!(
            psql.status().is_ok_and(|status| status.success()),
            "the role was not made"
        );
    }

    fn wait(&self) {
        let socket = self
            .folder
            .path()
            .join(format!(".s.PGSQL.{}.lock", self.address.port()));
        let begin = Instant::now();
        let ready = || {
            command("pg_isready", self.folder.path())
                .args(["-q", "-h", "127.0.0.1", "-p", &self.address.port().to_string()])
                .status()
                .is_ok_and(|status| status.success())
        };
        while !(socket.exists() && ready()) {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "the cluster did not start"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // An immediate shutdown: nothing in it is worth keeping.
        let pid = i32::try_from(self.server.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let _sent = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::QUIT));
        let _ended = self.server.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary(program));
    command.current_dir(folder);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Where Postgres is: `PG_BIN`, the newest of Debian's places, or the path.
fn binary(program: &str) -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut places: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    places.sort();
    places.extend(std::env::var_os("PG_BIN").map(PathBuf::from));
    let found = places
        .iter()
        .rev()
        .map(|place| place.join(program))
        .find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(program))
}
