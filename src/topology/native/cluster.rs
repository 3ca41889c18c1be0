//! A fresh Postgres cluster in a folder of the run, in place of the image's. It honours what the image honours:
//! `POSTGRES_USER`, `POSTGRES_PASSWORD`, `POSTGRES_DB`, `POSTGRES_INITDB_ARGS`. Nothing about durability is relaxed.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{binaries::Binaries, launch::Launch};
use crate::{
    compose::model::Service,
    topology::{error::Cause, journal::Journal},
};

/// Longest path a socket may have; where the run's folder lies deeper, there is no socket, only the port.
const LONGEST_SOCKET: usize = 100;

/// One cluster.
pub(super) struct Cluster<'a> {
    pub(super) binaries: &'a Binaries,
    /// Holds `data` and, while it runs, the socket.
    pub(super) home: PathBuf,
    /// How its programs are run: account, environment, marker.
    pub(super) launch: &'a Launch,
    pub(super) journal: &'a Journal,
}

impl Cluster<'_> {
    /// The server's command line: what the compose file adds to it comes last and wins.
    pub(super) fn argv(binaries: &Binaries, home: &Path, port: u16, service: &Service) -> Vec<String> {
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", socket_folder(home, port)),
            "max_connections=100".to_owned(),
            "log_destination=stderr".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        let mut argv = vec![
            in_text(&binaries.program("postgres")),
            "-D".to_owned(),
            in_text(&home.join("data")),
        ];
        argv.extend(
            settings
                .into_iter()
                .flat_map(|setting| ["-c".to_owned(), setting]),
        );
        let command = service.command.as_deref().unwrap_or_default();
        argv.extend(command.iter().skip_while(|word| *word == "postgres").cloned());
        argv
    }

    /// Make the cluster and its database, unless an earlier start made them.
    pub(super) async fn establish(&self) -> Result<(), Cause> {
        if self.home.join("established").exists() {
            return Ok(());
        }
        if self.home.exists() {
            fs::remove_dir_all(&self.home)?;
        }
        fs::create_dir(&self.home)?;
        fs::set_permissions(&self.home, fs::Permissions::from_mode(0o700))?;
        self.own(&self.home)?;
        self.init().await?;
        self.create_database().await?;
        // Written last: a start that was interrupted half-way must not pass for a whole cluster.
        File::create(self.home.join("established"))?;
        Ok(())
    }

    async fn init(&self) -> Result<(), Cause> {
        let missing =
            "`POSTGRES_PASSWORD` is not set or empty, and a cluster without a password proves nothing";
        let password = self.setting("POSTGRES_PASSWORD").ok_or(missing)?;
        let password_file = PasswordFile::write(self.home.join("password"), password)?;
        self.own(&password_file.0)?;
        let mut argv = vec![
            in_text(&self.binaries.program("initdb")),
            format!("--pgdata={}", in_text(&self.home.join("data"))),
            format!("--username={}", self.user()),
            format!("--pwfile={}", in_text(&password_file.0)),
            "--auth=scram-sha-256".to_owned(),
            "--encoding=UTF8".to_owned(),
            "--locale=C.UTF-8".to_owned(),
            // The empty cluster need not survive a loss of power; what is committed to it later does.
            "--no-sync".to_owned(),
        ];
        let more = self.setting("POSTGRES_INITDB_ARGS").unwrap_or_default();
        argv.extend(more.split_whitespace().map(str::to_owned));
        self.run("initdb", self.launch.command(&argv), "").await
    }

    /// In single-user mode: the database is there before anybody can connect.
    async fn create_database(&self) -> Result<(), Cause> {
        let database = self.setting("POSTGRES_DB").unwrap_or_else(|| self.user());
        if database == "postgres" {
            return Ok(());
        }
        if database.contains(char::is_control) {
            return Err(format!(
                "`POSTGRES_DB` is no name for a database: `{}`",
                database.escape_debug()
            )
            .into());
        }
        let argv = [
            in_text(&self.binaries.program("postgres")),
            "--single".to_owned(),
            "-D".to_owned(),
            in_text(&self.home.join("data")),
            // Otherwise a mistake is only told, and the exit code says that all is well.
            "-c".to_owned(),
            "exit_on_error=on".to_owned(),
            "postgres".to_owned(),
        ];
        let statement = format!("create database \"{}\"\n", database.replace('"', "\"\""));
        self.run("postgres --single", self.launch.command(&argv), &statement)
            .await
    }

    async fn run(&self, what: &str, mut command: Command, input: &str) -> Result<(), Cause> {
        let mut child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        for line in output
            .stdout
            .split(|&b| b == b'\n')
            .chain(output.stderr.split(|&b| b == b'\n'))
        {
            if !line.is_empty() {
                self.journal.line(line);
            }
        }
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "`{what}` ended with {}\n{}",
            output.status,
            self.journal.last_words()
        )
        .into())
    }

    fn user(&self) -> &str {
        self.setting("POSTGRES_USER").unwrap_or("postgres")
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.launch
            .environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn own(&self, path: &Path) -> io::Result<()> {
        self.launch
            .account
            .as_ref()
            .map_or(Ok(()), |account| account.own(path))
    }
}

/// The password on disk for as long as `initdb` reads it, and on no way out any longer.
struct PasswordFile(PathBuf);

impl PasswordFile {
    fn write(path: PathBuf, password: &str) -> io::Result<Self> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let written = Self(path);
        writeln!(file, "{password}")?;
        Ok(written)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        // When it cannot be removed now, it goes with the run's folder.
        let _gone = fs::remove_file(&self.0);
    }
}

fn socket_folder(home: &Path, port: u16) -> String {
    let fits = in_text(home).len() + format!("/.s.PGSQL.{port}").len() <= LONGEST_SOCKET;
    if fits { in_text(home) } else { String::new() }
}

fn in_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
