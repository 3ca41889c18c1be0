//! Nothing is left, on whatever way out.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use closure::topology::{RunFolder, clean};

use crate::house::{House, PATIENCE, lives, postgres, shell};

/// Tells the process that is going to be killed where to keep its run.
const HOLDER_ROOT: &str = "CLOSURE_TEST_HOLDER_ROOT";

/// Tells it the run's id.
const HOLDER_RUN: &str = "CLOSURE_TEST_HOLDER_RUN";

/// Writes the id of a process that left group and session, then goes on.
const WANDERING: &str = "setsid sleep 600 > /dev/null 2>&1 & echo wanderer $!; exec sleep 600";

fn wanderer(log: &str) -> u32 {
    let line = log
        .lines()
        .find_map(|line| line.strip_prefix("wanderer "))
        .expect("it told its id");
    line.parse().expect("an id is a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn teardown_finds_processes_that_wandered_off() {
    let house = House::new("leave-wander");
    let topology = house.topology([("api", shell(WANDERING))]);
    topology.bring_up(PATIENCE).await.unwrap();
    let wanderer = wanderer(&house.log("api"));
    assert!(lives(wanderer));
    topology.tear_down(false).await.unwrap();
    assert!(!lives(wanderer));
    assert!(!house.run.path().exists());
    topology
        .tear_down(false)
        .await
        .expect("a second teardown has nothing to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_folder_holds_the_state_but_nothing_lives() {
    let house = House::with_ports("leave-keep", &[("postgres", 5432)]);
    let topology = house.topology([("postgres", postgres())]);
    let pid = topology.bring_up(PATIENCE).await.unwrap()[0].pid.unwrap();
    topology.tear_down(true).await.unwrap();
    assert!(!lives(pid));
    assert!(
        house
            .run
            .path()
            .join("live/cluster-postgres/data/PG_VERSION")
            .exists()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topology_dropped_without_teardown_leaves_nothing_either() {
    let House { root, run, addresses } = House::with_ports("leave-drop", &[("postgres", 5432)]);
    let house = House {
        root,
        run: Arc::clone(&run),
        addresses,
    };
    let topology = house.topology([("postgres", postgres()), ("api", shell(WANDERING))]);
    let pids: Vec<u32> = topology
        .bring_up(PATIENCE)
        .await
        .unwrap()
        .iter()
        .filter_map(|one| one.pid)
        .collect();
    let wanderer = wanderer(&house.log("api"));
    assert_eq!(pids.len(), 2);
    drop(topology);
    assert!(pids.iter().chain([&wanderer]).all(|pid| !lives(*pid)));
    let path = run.path().to_owned();
    drop((house.run, run));
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bring_up_that_is_interrupted_half_way_leaves_nothing() {
    for after in [5, 60, 200, 450, 900] {
        let house = House::with_ports("leave-half", &[("postgres", 5432)]);
        let topology = house.topology([("postgres", postgres()), ("api", shell(WANDERING))]);
        let interrupted =
            tokio::time::timeout(Duration::from_millis(after), topology.bring_up(PATIENCE)).await;
        drop(interrupted);
        topology.tear_down(false).await.unwrap();
        assert!(!house.run.path().exists());
        assert_eq!(processes_below(house.root.path()), 0, "after {after} ms");
    }
}

#[test]
fn what_a_killed_run_left_is_cleaned_and_a_run_that_lives_is_not_touched() {
    let house = House::new("leave-living");
    let runs = house.root.path().join("runs");
    let mut holder = start_holder(house.root.path(), "leave-dead");
    let ready = house.root.path().join("ready");
    let begin = Instant::now();
    while !ready.exists() {
        assert!(begin.elapsed() < PATIENCE, "the holder never came up");
        std::thread::sleep(Duration::from_millis(20));
    }
    let dead = runs.join("leave-dead");
    assert!(clean(&runs).unwrap().is_empty(), "both runs live");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(processes_below(house.root.path()) > 1, "its services survive it");

    let cleaned = clean(&runs).unwrap();

    assert_eq!(cleaned.len(), 1);
    assert_eq!(
        (cleaned[0].run.as_str(), cleaned[0].folder.as_path()),
        ("leave-dead", dead.as_path())
    );
    let commands: Vec<&str> = cleaned[0]
        .processes
        .iter()
        .map(|(_, command)| command.as_str())
        .collect();
    assert!(
        commands.contains(&"postgres") && commands.contains(&"sleep"),
        "{commands:?}"
    );
    assert_eq!(cleaned[0].ports.len(), 1);
    assert!(!dead.exists() && house.run.path().exists());
    assert_eq!(processes_below(house.root.path()), 0);
}

#[test]
fn a_run_killed_at_any_moment_of_its_bring_up_is_cleaned_whole() {
    for after in [5, 40, 120, 300, 700, 1500] {
        let root = tempfile::tempdir().unwrap();
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let runs = root.path().join("runs");
        let mut holder = start_holder(root.path(), "leave-moment");
        std::thread::sleep(Duration::from_millis(after));
        holder.kill().unwrap();
        holder.wait().unwrap();
        clean(&runs).unwrap();
        assert_eq!(processes_below(root.path()), 0, "killed after {after} ms");
        let left = std::fs::read_dir(&runs).map_or(0, Iterator::count);
        assert_eq!(left, 0, "killed after {after} ms");
    }
}

/// A process of its own that brings a run up and waits to be killed.
fn start_holder(root: &Path, run: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaving::holder", "--ignored", "--nocapture"])
        .env(HOLDER_ROOT, root)
        .env(HOLDER_RUN, run)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test: the process that another test starts and kills"]
async fn holder() {
    let root = std::path::PathBuf::from(std::env::var(HOLDER_ROOT).unwrap());
    let id = std::env::var(HOLDER_RUN).unwrap();
    let run = Arc::new(RunFolder::open(&root.join("runs"), &id).unwrap());
    let addresses = crate::house::pick(&run, &[("postgres", 5432)]);
    let model = crate::house::model([("postgres", postgres()), ("api", shell(WANDERING))]);
    let site = closure::topology::Site {
        folder: root.clone(),
        logs: root.join("holder-logs"),
        redact: Arc::new(str::to_owned),
        closure: env!("CARGO_BIN_EXE_closure").into(),
    };
    let topology = closure::topology::Topology::native(run, site, model, addresses).unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    std::fs::write(root.join("ready"), "").unwrap();
    tokio::time::sleep(PATIENCE).await;
    drop(topology);
}

/// Living processes that stand in a folder, or were told of it.
fn processes_below(folder: &Path) -> usize {
    let told = folder.to_string_lossy().into_owned();
    let is_below = |process: &Path| {
        let stands = std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        stands || String::from_utf8_lossy(&command).contains(&told)
    };
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    processes
        .filter(|process| process.join("stat").exists() && is_below(process))
        .count()
}
