//! Order, readiness, deadlines, and what is said when something does not come up.

use std::time::{Duration, Instant};

use closure::{
    compose::model::Condition,
    topology::{Error, Health, State},
};

use crate::house::{House, More as _, PATIENCE, shell};

/// A server that says when it is ready by a file in its volume.
const SERVER: &str = "echo ready when the file is there; sleep 0.3; touch \"$DATA/ready\"; exec sleep 600";

#[tokio::test(flavor = "multi_thread")]
async fn services_start_after_what_they_depend_on_has_come_to_its_condition() {
    let house = House::new("up-order");
    let topology = house.topology([
        (
            "seed",
            shell("sleep 0.2; echo seeded > \"$DATA/seed\"")
                .told("DATA", "/data")
                .mounting("data", "/data"),
        ),
        (
            "api",
            shell(&format!("cat \"$DATA/seed\"; {SERVER}"))
                .told("DATA", "/data")
                .mounting("data", "/data")
                .healthy_when("test -e \"$DATA/ready\"", 100)
                .after("seed", Condition::ServiceCompletedSuccessfully),
        ),
        (
            "worker",
            shell("ls \"$DATA\"; exec sleep 600")
                .told("DATA", "/data")
                .mounting("data", "/data")
                .after("api", Condition::ServiceHealthy),
        ),
    ]);
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    let states: Vec<_> = seen
        .iter()
        .map(|one| (one.name.as_str(), one.state, one.health))
        .collect();
    assert_eq!(
        states,
        [
            ("api", State::Healthy, Health::Healthy),
            ("seed", State::Completed, Health::None),
            ("worker", State::Running, Health::None),
        ]
    );
    assert_eq!(house.log("api"), "seeded\nready when the file is there\n");
    assert_eq!(house.log("worker"), "ready\nseed\n");
    assert!(
        seen[0].took_ms >= 300 && seen[0].image_id.starts_with("sha256:"),
        "{:?}",
        seen[0]
    );
    assert_eq!(seen[0].image_id.len(), 7 + 64);
    topology.tear_down(false).await.unwrap();
    assert!(!house.run.path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn part_of_the_services_can_be_brought_up_before_the_rest() {
    let house = House::new("up-part");
    let topology = house.topology([
        ("seed", shell("exit 0")),
        (
            "api",
            shell("exec sleep 600").after("seed", Condition::ServiceCompletedSuccessfully),
        ),
    ]);
    topology.bring_up_to(&["seed"], PATIENCE).await.unwrap();
    assert_eq!(topology.inspect("api").await.unwrap().state, State::NotStarted);
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!((seen[0].state, seen[1].state), (State::Running, State::Completed));
    assert_eq!(seen[1].restarts, 0, "what was up already is not started again");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_that_fails_fails_bring_up_at_once_with_its_last_words() {
    let house = House::new("up-oneshot");
    let topology = house.topology([
        (
            "migrate",
            shell("echo applying 0001; echo no such role hunter2 >&2; exit 3"),
        ),
        (
            "api",
            shell("exec sleep 600").after("migrate", Condition::ServiceCompletedSuccessfully),
        ),
    ]);
    let begin = Instant::now();
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    assert!(begin.elapsed() < PATIENCE / 2);
    let said = error.to_string();
    assert!(
        said.starts_with("`migrate` exited with 3; `api` waits for it\n  "),
        "{said}"
    );
    assert!(
        said.contains("  applying 0001") && said.contains("  no such role ‹password›"),
        "{said}"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_exits_while_others_wait_for_its_health_is_named() {
    let house = House::new("up-exit");
    let topology = house.topology([
        (
            "db",
            shell("echo out of memory; exit 0").healthy_when("false", 100),
        ),
        (
            "api",
            shell("exec sleep 600").after("db", Condition::ServiceHealthy),
        ),
        (
            "worker",
            shell("exec sleep 600").after("db", Condition::ServiceHealthy),
        ),
    ]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`db` exited with 0; `api`, `worker` wait for it\n  out of memory"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_after_it_was_up_fails_the_bring_up_of_the_others() {
    let house = House::new("up-fall");
    let topology = house.topology([
        (
            "db",
            shell("sleep 1.5; echo crashed; exit 7").healthy_when("true", 1),
        ),
        (
            "api",
            shell("exec sleep 600")
                .healthy_when("false", 1000)
                .after("db", Condition::ServiceHealthy),
        ),
    ]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    assert_eq!(error.to_string(), "`db` exited with 7\n  crashed");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_never_healthy_is_told_with_what_its_health_check_said() {
    let house = House::new("up-sick");
    let topology = house.topology([(
        "api",
        shell("exec sleep 600").healthy_when("echo no route to hunter2; exit 2", 2),
    )]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`api` is unhealthy\n  the health check exited with 2: no route to ‹password›"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passes_says_what_was_last_seen_of_each_service() {
    let house = House::new("up-late");
    let topology = house.topology([
        (
            "db",
            shell("echo recovering; exec sleep 600").healthy_when("echo not yet; exit 1", 1000),
        ),
        (
            "api",
            shell("exec sleep 600").after("db", Condition::ServiceHealthy),
        ),
        ("cache", shell("exec sleep 600")),
    ]);
    let error = topology.bring_up(Duration::from_secs(3)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not ready within 3 s\n  `api` is not started: it waits for `db`\n  `db` is starting; the health check \
         exited with 1: not yet; last words:\n  recovering"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prepares_the_services_runs_once_each_and_its_failure_is_told() {
    let house = House::new("up-prepare");
    let prepared = |script: &str| {
        let mut service = shell("exec sleep 600");
        service.native.as_mut().unwrap().prepare = ["sh", "-c", script].map(str::to_owned).to_vec();
        service
    };
    let topology = house.topology([
        ("api", prepared("echo built in $(pwd)")),
        ("worker", prepared("echo built in $(pwd)")),
        ("other", prepared("echo linker not found >&2; exit 101")),
    ]);
    let error = topology.prepare().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sh -c echo linker not found >&2; exit 101`, which prepares the services, ended with exit status: 101\n  \
         linker not found"
    );
    assert!(matches!(error, Error::Prepare { .. }));
    let log = house.log("prepare");
    assert_eq!(log.matches("built in").count(), 1, "{log}");
    assert!(
        log.contains(&format!("built in {}", house.root.path().display())),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_native_form_says_so() {
    let house = House::new("up-foreign");
    let topology = house.topology([("api", closure::compose::model::Service::default())]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.to_string(), "failed to start `api`");
    assert!(
        cause.starts_with("the compose file does not say how it runs natively\nhint: "),
        "{cause}"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_our_own_environment_reaches_a_service() {
    let house = House::with_ports("up-clean", &[("api", 8000)]);
    let mut service = shell("env; exec sleep 600")
        .told("GREETING", "hello")
        .told("SHARDS", "/shards/one");
    service.tmpfs.push("/shards".to_owned());
    service.native.as_mut().unwrap().listen = Some("LISTEN".to_owned());
    let topology = house.topology([("api", service)]);
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    let listen = house.addresses.inside("api", 8000).unwrap();
    let log = house.log("api");
    // What the shell itself adds is not ours.
    let mut names: Vec<&str> = log
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    names.retain(|name| !["PWD", "OLDPWD", "_", "SHLVL"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["CLOSURE_RUN_ID", "GREETING", "LISTEN", "PATH", "SHARDS"]);
    assert!(log.contains(&format!("LISTEN={listen}")), "{log}");
    assert!(log.contains("PATH=/usr/local/sbin:"), "{log}");
    assert!(
        log.contains(&format!("SHARDS={}/", house.run.path().display())),
        "{log}"
    );
    assert_eq!(seen[0].env.get("GREETING").map(String::as_str), Some("hello"));
    assert_eq!(seen[0].env.get("LISTEN"), Some(&listen));
    assert!(!seen[0].env.contains_key("CLOSURE_RUN_ID"));
    topology.tear_down(false).await.unwrap();
}
