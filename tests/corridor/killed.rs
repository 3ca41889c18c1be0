//! After a SIGKILL nobody can tidy up but the next one: `closure clean`, or a run. Neither touches a run that lives.

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    running::{Running, alone},
    suite::{Said, Suite, closure, verify},
    traces::{assert_nothing_left, folder, on_the_engine, open_ports, processes},
};

/// A run that was killed while its gates were being passed: its id, and its state as it left it.
fn killed(suite: &Suite) -> (String, Value) {
    let mut running = Running::start(suite.command(&[]));
    let up = running.until(|running| running.state().filter(is_up));
    let (run, state) = (running.id().expect("its record is open"), up.expect("it came up"));
    running.signal(Signal::KILL);
    assert_eq!(running.finish().code, None, "it was killed");
    assert!(processes(&run).len() >= 2, "its services survive it");
    assert!(folder(&run).exists());
    (run, state)
}

/// Both services were started.
fn is_up(state: &Value) -> bool {
    state["groups"].as_array().is_some_and(|groups| groups.len() >= 2)
}

#[test]
fn clean_removes_what_a_killed_run_left_and_a_run_that_lives_passes_all_the_same() {
    let _silence = alone();
    let (living, dead) = (Suite::mini(), Suite::mini());
    let mut lives = Running::start(living.command(&[]));
    let its_id = lives.until(Running::id).expect("its record is open");
    let (run, state) = killed(&dead);

    let cleaned = Said::by(closure().args(["clean", "--json"])).exits(0).json();

    let ours = cleaned
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["run"] == run.as_str())
        .expect("it was cleaned");
    let commands = ours["processes"].to_string();
    assert!(
        commands.contains("postgres") && commands.contains("python3"),
        "{commands}"
    );
    assert!(!cleaned.to_string().contains(&its_id), "the other one lives");
    assert_nothing_left(&run);
    assert_eq!(open_ports(&state), Vec::<u64>::new());
    verify(&dead.pack()).exits(4);

    assert!(folder(&its_id).exists(), "it is still under way");
    lives.finish().exits(0).says(&["outcome    pass"]);
    verify(&living.pack()).exits(0);
    assert_nothing_left(&its_id);
}

#[test]
fn clean_removes_what_a_killed_run_left_on_the_engine_and_no_container_of_a_run_that_lives() {
    let _silence = alone();
    let (living, dead) = (Suite::mini(), Suite::mini());
    let up = |running: &Running| running.has_said("gate 1/2").then_some(());
    let mut dies = Running::start(dead.command_on("docker", &[]));
    dies.until(up).expect("it came up");
    // Held where it is, until the other one is up as well.
    dies.signal(Signal::STOP);
    let mut lives = Running::start(living.command_on("docker", &[]));
    lives.until(up).expect("it came up");
    let (run, its_id) = (dies.id().unwrap(), lives.id().unwrap());
    dies.signal(Signal::KILL);
    assert_eq!(dies.finish().code, None, "it was killed");
    assert!(
        on_the_engine(&run).lines().count() >= 3,
        "its containers and its network survive it"
    );

    let cleaned = Said::by(closure().args(["clean", "--json"])).exits(0).json();
    let ours = cleaned
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["run"] == run.as_str());
    let removed = ours.expect("it was cleaned")["engine"].to_string();
    for service in ["counter", "postgres"] {
        assert!(
            removed.contains(&format!("container `closure-{run}-live-{service}`")),
            "{removed}"
        );
    }
    assert!(removed.contains("network `"), "{removed}");
    assert!(!cleaned.to_string().contains(&its_id), "the other one lives");
    assert_nothing_left(&run);
    verify(&dead.pack()).exits(4);

    let containers = on_the_engine(&its_id);
    assert!(containers.lines().count() >= 3, "{containers}");
    lives.signal(Signal::TERM);
    lives.finish().exits(6).says(&["interrupted by SIGTERM"]);
    verify(&living.pack()).exits(1);
    assert_nothing_left(&its_id);
}

#[test]
fn the_next_run_removes_what_a_killed_run_left_and_says_so() {
    let _silence = alone();
    let suite = Suite::mini();
    let (run, state) = killed(&suite);
    let mut next = suite.command(&[]);
    next.env("PG_BIN", "/nowhere");
    Said::by(&mut next)
        .exits(5)
        .says(&[&format!("cleaned up after run {run}")]);
    assert_nothing_left(&run);
    assert_eq!(open_ports(&state), Vec::<u64>::new());
    // What it had written is not thrown away with it.
    assert!(
        suite
            .pack()
            .with_file_name(format!("pack.{run}"))
            .join("timeline.jsonl")
            .exists()
    );
}

#[test]
fn a_kept_topology_stays_up_until_somebody_cleans() {
    let _silence = alone();
    let suite = Suite::mini();
    let mut running = Running::start(suite.command(&["--only", "M2", "--keep"]));
    let state = running
        .until(|running| running.state().filter(is_up))
        .expect("it came up");
    let run = running.id().expect("its record is open");
    running.finish().exits(3).says(&["not authoritative", "`--keep`"]);
    verify(&suite.pack()).exits(1);
    assert!(processes(&run).len() >= 2, "its services were kept");
    assert_eq!(open_ports(&state).len(), 2, "and they answer");

    Said::by(closure().arg("clean"))
        .exits(0)
        .says(&[&format!("run {run}")]);
    assert_nothing_left(&run);
    assert_eq!(open_ports(&state), Vec::<u64>::new());
}
