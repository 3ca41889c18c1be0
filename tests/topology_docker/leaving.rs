//! Nothing is left, on whatever way out; and nothing of anybody else's is touched.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use closure::{
    compose::model::{Condition, Service},
    topology::{On, RunFolder, Topology, clean},
};

use crate::house::{House, More as _, PATIENCE, acting, furnished, model, pick, site, things_of};

/// Tells the process that is going to be killed where to keep its run.
const HOLDER_ROOT: &str = "CLOSURE_TEST_HOLDER_ROOT";

/// Tells it the run's id.
const HOLDER_RUN: &str = "CLOSURE_TEST_HOLDER_RUN";

fn services() -> [(&'static str, Service); 3] {
    [
        (
            "db",
            acting(&["listen:7000", "forever"])
                .mounting("data", "/data")
                .healthy_when(&["ask:127.0.0.1:7000"], 100),
        ),
        (
            "migrate",
            acting(&["sleep:100"]).after("db", Condition::ServiceHealthy),
        ),
        (
            "api",
            acting(&["ask:db:7000", "forever"]).after("migrate", Condition::ServiceCompletedSuccessfully),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_not_disturb_each_other() {
    let (one, two) = (
        House::with_ports("leave-one", &[("db", 7000)]),
        House::with_ports("leave-two", &[("db", 7000)]),
    );
    let (first, second) = (one.topology(services()), two.topology(services()));
    let (a, b) = tokio::join!(first.bring_up(PATIENCE), second.bring_up(PATIENCE));
    a.unwrap();
    let before = b.unwrap();
    let things = two.things();
    first.tear_down(false).await.unwrap();
    assert_eq!(one.things(), [""; 0]);
    assert_eq!(two.things(), things);
    let after = second.inspect_all().await;
    assert_eq!(
        after.iter().map(|one| (one.state, one.pid)).collect::<Vec<_>>(),
        before.iter().map(|one| (one.state, one.pid)).collect::<Vec<_>>()
    );
    second.tear_down(false).await.unwrap();
    assert_eq!(two.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bring_up_given_up_at_any_moment_leaves_nothing() {
    for after in [0, 30, 150, 400, 700, 1100, 1600, 2500] {
        let house = House::with_ports(&format!("leave-{after}"), &[("db", 7000)]);
        let topology = house.topology(services());
        let bring_up = async {
            topology.prepare().await.unwrap();
            topology.bring_up(PATIENCE).await
        };
        let interrupted = tokio::time::timeout(Duration::from_millis(after), bring_up).await;
        drop(interrupted);
        topology.tear_down(false).await.unwrap();
        assert!(!house.run.path().exists());
        assert_eq!(house.things(), [""; 0], "given up after {after} ms");
        topology
            .tear_down(false)
            .await
            .expect("a second teardown has nothing to do");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topology_that_is_dropped_takes_its_containers_with_it() {
    let house = House::new("leave-drop");
    let topology = house.topology(services());
    topology.bring_up(PATIENCE).await.unwrap();
    assert!(!house.things().is_empty());
    drop(topology);
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_left_up_stays_until_it_is_cleaned() {
    let root = furnished();
    let id = format!("leave-keep-{}", std::process::id());
    let runs = root.path().join("runs");
    let run = RunFolder::open(&runs, &id).unwrap();
    run.stand_on(On::Docker).unwrap();
    let run = Arc::new(run);
    let topology = Topology::docker(
        Arc::clone(&run),
        site(root.path()),
        model(services()),
        pick(&run, &[]),
    )
    .unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(topology.leave(), Vec::<String>::new());
    drop(topology);
    drop(run);
    assert!(!things_of(&id).is_empty());
    let cleaned = clean(&runs).unwrap();
    assert_eq!(cleaned.len(), 1);
    assert!(
        cleaned[0]
            .things
            .contains(&format!("container `closure-{id}-live-api`")),
        "{:?}",
        cleaned[0].things
    );
    assert!(
        cleaned[0]
            .things
            .contains(&format!("volume `closure-{id}-live-data`")),
        "{:?}",
        cleaned[0].things
    );
    assert_eq!(things_of(&id), [""; 0]);
}

#[test]
fn what_a_killed_run_left_is_cleaned_and_a_run_that_lives_is_not_touched() {
    let house = House::new("leave-living");
    let runs = house.root.path().join("runs");
    let id = format!("leave-dead-{}", std::process::id());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let topology = house.topology([("api", acting(&["forever"]))]);
    runtime.block_on(topology.bring_up(PATIENCE)).unwrap();
    let living = house.things();

    let mut holder = start_holder(house.root.path(), &id);
    await_ready(house.root.path());
    assert!(clean(&runs).unwrap().is_empty(), "both runs live");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(!things_of(&id).is_empty(), "its containers survive it");

    let cleaned = clean(&runs).unwrap();

    assert_eq!(cleaned.len(), 1);
    assert_eq!((&cleaned[0].run, &cleaned[0].folder), (&id, &runs.join(&id)));
    assert_eq!(things_of(&id), [""; 0]);
    assert!(!runs.join(&id).exists());
    assert_eq!(house.things(), living);
    runtime.block_on(topology.tear_down(false)).unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[test]
fn a_run_killed_at_any_moment_of_its_bring_up_is_cleaned_whole() {
    for after in [100, 400, 700, 1000, 1400, 2000] {
        let root = furnished();
        let id = format!("leave-moment-{after}-{}", std::process::id());
        let mut holder = start_holder(root.path(), &id);
        std::thread::sleep(Duration::from_millis(after));
        holder.kill().unwrap();
        holder.wait().unwrap();
        let runs = root.path().join("runs");
        clean(&runs).unwrap();
        assert_eq!(things_of(&id), [""; 0], "killed after {after} ms");
        let left = std::fs::read_dir(&runs).map_or(0, Iterator::count);
        assert_eq!(left, 0, "killed after {after} ms");
    }
}

fn await_ready(root: &Path) {
    let begin = Instant::now();
    while !root.join("ready").exists() {
        assert!(begin.elapsed() < PATIENCE, "the holder never came up");
        std::thread::sleep(Duration::from_millis(20));
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
    let root = PathBuf::from(std::env::var(HOLDER_ROOT).unwrap());
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
    let id = std::env::var(HOLDER_RUN).unwrap();
    let run = RunFolder::open(&root.join("runs"), &id).unwrap();
    run.stand_on(On::Docker).unwrap();
    let run = Arc::new(run);
    let addresses = pick(&run, &[("db", 7000)]);
    let topology = Topology::docker(run, site(&root), model(services()), addresses).unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    std::fs::write(root.join("ready"), "").unwrap();
    tokio::time::sleep(PATIENCE).await;
    drop(topology);
}
