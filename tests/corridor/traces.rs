//! What a run may not leave behind: processes, its folder with the lock in it, open ports, anything on the engine.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::suite::Said;

/// By this variable every process of a run is known.
const MARKER: &str = "CLOSURE_RUN_ID";

/// Where a run keeps its folder and its lock while it lives.
pub(crate) fn folder(run: &str) -> PathBuf {
    closure::topology::default_root().join(run)
}

/// The command lines of everybody who belongs to a run: told by his environment, or by standing in its folder, as
/// the children of Postgres do, which write their titles over their environments.
pub(crate) fn processes(run: &str) -> Vec<String> {
    let folder = folder(run);
    let entries = fs::read_dir("/proc").expect("there is a /proc").flatten();
    let theirs = entries
        .map(|entry| entry.path())
        .filter(|process| belongs(process, run, &folder));
    theirs.map(|process| command_line(&process)).collect()
}

fn belongs(process: &Path, run: &str, folder: &Path) -> bool {
    let is_marked = || {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let marked = format!("{MARKER}={run}");
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(marked.as_bytes()))
    };
    let stands = || fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    is_marked() || stands()
}

fn command_line(process: &Path) -> String {
    let words = fs::read(process.join("cmdline")).unwrap_or_default();
    format!(
        "{} {}",
        process.display(),
        String::from_utf8_lossy(&words).replace('\0', " ")
    )
}

/// The ports of a run's state that still answer.
pub(crate) fn open_ports(state: &Value) -> Vec<u64> {
    let ports = state["ports"]
        .as_array()
        .expect("a state lists its ports")
        .iter()
        .filter_map(Value::as_u64);
    let answers = |port: &u64| {
        let port = u16::try_from(*port).expect("it is a port");
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    ports.filter(answers).collect()
}

/// The engine's own command line tool.
#[track_caller]
pub(crate) fn docker(words: &[&str]) -> String {
    let said = Said::by(Command::new("docker").args(words));
    assert_eq!(said.code, Some(0), "is `scripts/setup` done? {words:?}: {said:?}");
    said.out
}

/// Everything on the engine that carries a run's label.
#[track_caller]
pub(crate) fn on_the_engine(run: &str) -> String {
    let label = format!("label=closure.run={run}");
    let all = [
        docker(&["ps", "--all", "--quiet", "--filter", &label]),
        docker(&["network", "ls", "--quiet", "--filter", &label]),
        docker(&["volume", "ls", "--quiet", "--filter", &label]),
        docker(&["image", "ls", "--quiet", "--filter", &label]),
    ];
    all.concat()
}

/// Everything on the engine, whoever it belongs to: containers, networks, volumes and images, each with its name and
/// its id, sorted. Only for tests that nobody runs beside.
#[track_caller]
pub(crate) fn whole_engine() -> Vec<String> {
    let all = [
        docker(&[
            "ps",
            "--all",
            "--no-trunc",
            "--format",
            "container {{.Names}} {{.ID}}",
        ]),
        docker(&[
            "network",
            "ls",
            "--no-trunc",
            "--format",
            "network {{.Name}} {{.ID}}",
        ]),
        docker(&["volume", "ls", "--format", "volume {{.Name}}"]),
        docker(&[
            "image",
            "ls",
            "--all",
            "--no-trunc",
            "--format",
            "image {{.Repository}}:{{.Tag}} {{.ID}}",
        ]),
    ];
    let mut lines: Vec<_> = all
        .iter()
        .flat_map(|list| list.lines())
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

/// Nothing of a run is left.
#[track_caller]
pub(crate) fn assert_nothing_left(run: &str) {
    assert_eq!(processes(run), Vec::<String>::new(), "of run {run}");
    assert!(!folder(run).exists(), "the folder of run {run} is still there");
    assert_eq!(on_the_engine(run), "", "of run {run}");
}
