//! What services run on: containers where they can, processes where they cannot; said, recorded, and watched.

use std::{
    fs,
    io::copy,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    running::{Running, alone},
    suite::{Said, Suite, closure, verify},
    traces::{assert_nothing_left, docker, on_the_engine, whole_engine},
};

const NOWHERE: &str = "unix:///nowhere/docker.sock";

fn seal_of(suite: &Suite) -> Value {
    serde_json::from_slice(&fs::read(suite.pack().join("seal.json")).unwrap()).unwrap()
}

#[test]
fn without_an_engine_a_run_that_may_choose_takes_processes_and_says_why() {
    let suite = Suite::mini();
    let _silence = alone();
    let mut command = suite.command_on("auto", &[]);
    command.env("DOCKER_HOST", NOWHERE);
    Said::by(&mut command).exits(0).says(&[
        "substrate native: the Docker engine does not answer at `/nowhere/docker.sock`",
        "authority needs `docker`",
    ]);
    let seal = seal_of(&suite);
    assert_eq!(
        (&seal["substrate"], &seal["substrate_asked"]),
        (&"native".into(), &"auto".into())
    );
    assert!(
        seal["substrate_because"]
            .as_str()
            .unwrap()
            .contains("does not answer")
    );
    verify(&suite.pack()).exits(0);
}

#[test]
fn an_image_that_nobody_can_have_makes_a_run_that_may_choose_take_processes() {
    let suite = Suite::mini().reword(
        "compose.yml",
        "closure/debian:bookworm",
        "closure/nobody-made-this:1",
    );
    let _silence = alone();
    Said::by(&mut suite.command_on("auto", &["--only", "M2"]))
        .exits(3)
        .says(&[
            "substrate native: engine ",
            " answers, but `closure/nobody-made-this:1` cannot be had",
        ]);
}

#[test]
fn containers_that_were_asked_for_and_cannot_run_end_it_with_a_pack_that_says_so() {
    let suite = Suite::mini();
    let mut command = suite.command_on("docker", &[]);
    command.env("DOCKER_HOST", NOWHERE);
    Said::by(&mut command).exits(5).says(&[
        "the Docker engine does not answer at `/nowhere/docker.sock`",
        "hint: start it, or use `--substrate native`",
    ]);
    verify(&suite.pack()).exits(1).says(&["not_run      M1"]);

    let suite = Suite::mini().reword(
        "compose.yml",
        "closure/debian:bookworm",
        "closure/nobody-made-this:1",
    );
    let said = suite.run_on("docker", &[]);
    said.exits(5)
        .says(&["closure/nobody-made-this:1", "hint: run `scripts/setup`"]);
    verify(&suite.pack()).exits(1);
}

#[test]
fn where_an_engine_answers_and_every_image_is_there_a_run_takes_containers() {
    let suite = Suite::mini();
    let _silence = alone();
    let mut running = Running::start(suite.command_on("auto", &["--only", "M2"]));
    let run = running.until(Running::id).unwrap();
    let said = running.finish();
    // Whether the gate passes is not the question here, and depends on how busy the machine is.
    assert!(matches!(said.code, Some(1 | 3)), "{said:?}");
    said.says(&["substrate docker: engine ", "answers, and every image can be had"]);
    let seal = seal_of(&suite);
    assert_eq!(seal["substrate"], "docker");
    for service in ["counter", "postgres"] {
        let id = seal["first"][format!("service {service}")]["image_id"]
            .as_str()
            .unwrap();
        assert_eq!(id.len(), "sha256:".len() + 64, "{service}: {id}");
    }
    verify(&suite.pack()).exits(1);
    assert_nothing_left(&run);
}

#[test]
fn a_run_in_containers_passes_and_its_pack_is_judged_again_alone() {
    let suite = Suite::mini();
    let (before, said, after) = {
        let _silence = alone();
        let before = whole_engine();
        let said = Running::start(suite.command_on("docker", &["--json"])).finish();
        (before, said, whole_engine())
    };
    let said = said.exits(0).json();
    assert_eq!(
        after, before,
        "the engine is as it was, whatever its things are called"
    );
    assert_eq!(said["outcome"], "pass");
    assert_eq!(said["left_behind"], Value::Array(Vec::new()));
    verify(&suite.pack().join("closure_pack_artifact.zip"))
        .exits(0)
        .says(&["outcome    pass, derived again from the evidence"]);
    let seal = seal_of(&suite);
    assert_eq!(seal["substrate"], "docker");
    assert_eq!(seal["first"]["engine_events"], "heard");
    for boundary in seal["boundaries"].as_array().unwrap() {
        assert_eq!(boundary["unseen"], serde_json::json!({}));
    }
    assert_nothing_left(seal["run_id"].as_str().unwrap());
}

/// The Postgres of this host under another name, until this is dropped.
struct Hidden;

const OWN_POSTGRES: &str = "closure/postgres:15";
const ASIDE: &str = "closure-test/postgres:aside";

impl Hidden {
    fn own_postgres() -> Self {
        docker(&["tag", OWN_POSTGRES, ASIDE]);
        let hidden = Self;
        docker(&["image", "rm", "--no-prune", OWN_POSTGRES]);
        hidden
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        docker(&["tag", ASIDE, OWN_POSTGRES]);
        docker(&["image", "rm", "--no-prune", ASIDE]);
    }
}

#[test]
fn without_the_postgres_that_was_named_and_without_the_one_that_stands_in_a_run_says_what_builds_it() {
    let suite = Suite::mini().reword(
        "compose.yml",
        "${E2E_POSTGRES_IMAGE:-postgres:15-alpine}",
        "127.0.0.1:9/postgres:15",
    );
    let said = {
        let _silence = alone();
        let before = whole_engine();
        let hidden = Hidden::own_postgres();
        let said = Running::start(suite.command_on("docker", &[])).finish();
        drop(hidden);
        assert_eq!(whole_engine(), before);
        said
    };
    said.exits(5).says(&[
        "`127.0.0.1:9/postgres:15`",
        "hint: run `scripts/setup`, which builds `closure/postgres:15` to stand in for it",
    ]);
    verify(&suite.pack()).exits(1).says(&["not_run      M1"]);
}

#[test]
fn a_container_that_somebody_else_restarts_breaks_the_seal_by_its_services_name() {
    let suite = Suite::mini();
    let _silence = alone();
    let mut running = Running::start(suite.command_on("docker", &[]));
    let run = running.until(Running::id).unwrap();
    running.until(|running| running.has_said("gate 1/2").then_some(()));
    docker(&["restart", "--time", "1", &format!("closure-{run}-live-postgres")]);
    let said = running.finish();
    assert!(matches!(said.code, Some(1 | 3)), "{said:?}");
    said.says(&["the seal broke ", ": service `postgres` was restarted"]);
    verify(&suite.pack())
        .exits(1)
        .says(&["service `postgres` was restarted", "not_run      M1"]);
    assert_eq!(on_the_engine(&run), "");
}

#[test]
fn a_pause_by_somebody_else_breaks_the_seal_although_it_is_over() {
    let suite = Suite::mini();
    let _silence = alone();
    let mut running = Running::start(suite.command_on("docker", &[]));
    let run = running.until(Running::id).unwrap();
    running.until(|running| running.has_said("gate 1/2").then_some(()));
    let postgres = format!("closure-{run}-live-postgres");
    docker(&["pause", &postgres]);
    docker(&["unpause", &postgres]);
    let said = running.finish();
    assert!(matches!(said.code, Some(1 | 3)), "{said:?}");
    said.says(&[
        "the seal broke ",
        ": service `postgres` was paused by somebody else",
    ]);
    verify(&suite.pack())
        .exits(1)
        .says(&["service `postgres` was paused by somebody else"]);
    // What the engine said of it stands in the pack, and nothing of the run's secrets.
    let events = fs::read_to_string(suite.pack().join("engine_events.jsonl")).unwrap();
    let actions: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["Actor"]["Attributes"]["closure.service"] == "postgres")
        .map(|event| event["Action"].clone())
        .collect();
    for action in ["start", "pause", "unpause"] {
        assert!(actions.contains(&Value::from(action)), "{actions:?}");
    }
    assert_eq!(on_the_engine(&run), "");
}

/// A socket of our own in front of the engine's, that can be taken away.
struct Front {
    folder: TempDir,
    open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<UnixStream>>>,
}

impl Front {
    fn of_the_engine() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let front = Self {
            folder,
            open: Arc::new(AtomicBool::new(true)),
            streams: Arc::default(),
        };
        let listener = UnixListener::bind(front.socket()).unwrap();
        let (open, streams) = (Arc::clone(&front.open), Arc::clone(&front.streams));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if !open.load(Ordering::SeqCst) {
                    break;
                }
                let far = UnixStream::connect("/var/run/docker.sock").unwrap();
                streams
                    .lock()
                    .unwrap()
                    .extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                join(near, far);
            }
        });
        front
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// From now on nobody is there, and whoever was being answered hears no more.
    fn die(&self) {
        self.open.store(false, Ordering::SeqCst);
        fs::remove_file(self.socket()).unwrap();
        for stream in self.streams.lock().unwrap().drain(..) {
            let _gone_already = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// The engine is back, at the same place.
    fn rise(&self) {
        std::os::unix::fs::symlink(Path::new("/var/run/docker.sock"), self.socket()).unwrap();
    }
}

/// Everything that one end says is heard at the other.
fn join(near: UnixStream, far: UnixStream) {
    let pairs = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
    for (mut from, mut to) in pairs {
        thread::spawn(move || {
            let _ended = copy(&mut from, &mut to);
            let _gone_already = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

#[test]
fn an_engine_that_dies_under_a_run_ends_it_in_words_and_clean_takes_away_what_it_left() {
    let (suite, front) = (Suite::mini(), Front::of_the_engine());
    let _silence = alone();
    let mut command = suite.command_on("docker", &[]);
    command.env("DOCKER_HOST", format!("unix://{}", front.socket().display()));
    let mut running = Running::start(command);
    let run = running.until(Running::id).unwrap();
    running.until(|running| running.has_said("gate 1/2").then_some(()));
    front.die();
    running.finish().exits(5).says(&[
        "stopped    the Docker engine at `",
        "went away while the services ran on it",
        "LEFT ",
    ]);
    verify(&suite.pack())
        .exits(1)
        .says(&["went away while the services ran on it", "not_run      M1"]);
    assert!(suite.pack().join("logs/counter.log").is_file(), "logs are kept");
    assert_ne!(on_the_engine(&run), "", "nobody could take them away");

    front.rise();
    thread::sleep(Duration::from_millis(100));
    Said::by(closure().arg("clean"))
        .exits(0)
        .says(&[&format!("run {run}")]);
    assert_nothing_left(&run);
}
