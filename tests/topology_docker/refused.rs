//! What is said when something does not come up, and that nothing of it is left.

use std::{
    error::Error as _,
    net::TcpListener,
    time::{Duration, Instant},
};

use closure::{compose::model::Condition, topology::Error};

use crate::house::{House, More as _, PATIENCE, acting};

/// An error with its causes, as the voice tells it.
fn whole(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_that_fails_fails_bring_up_at_once_with_its_last_words() {
    let house = House::new("no-oneshot");
    let topology = house.topology([
        (
            "migrate",
            acting(&["say:applying 0001", "cry:no such role hunter2", "exit:3"]),
        ),
        (
            "api",
            acting(&["forever"]).after("migrate", Condition::ServiceCompletedSuccessfully),
        ),
    ]);
    let begin = Instant::now();
    let said = topology.bring_up(PATIENCE).await.unwrap_err().to_string();
    assert!(begin.elapsed() < PATIENCE / 2);
    assert!(
        said.starts_with("`migrate` exited with 3; `api` waits for it\n  "),
        "{said}"
    );
    assert!(
        said.contains("  applying 0001") && said.contains("  no such role ‹password›"),
        "{said}"
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_never_healthy_is_told_with_what_its_health_check_said() {
    let house = House::new("no-sick");
    let sick = acting(&["forever"]).healthy_when(&["say:no route to hunter2", "exit:2"], 2);
    let topology = house.topology([("api", sick)]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`api` is unhealthy\n  the health check exited with 2: no route to ‹password›"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passes_says_what_was_last_seen_of_each_service() {
    let house = House::new("no-late");
    let topology = house.topology([
        (
            "db",
            acting(&["say:recovering", "forever"]).healthy_when(&["say:not yet", "exit:1"], 1000),
        ),
        ("api", acting(&["forever"]).after("db", Condition::ServiceHealthy)),
    ]);
    topology.prepare().await.unwrap();
    let error = topology.bring_up(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not ready within 5 s\n  `api` is not started: it waits for `db`\n  `db` is starting; the health check \
         exited with 1: not yet; last words:\n  recovering"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told_with_whoever_holds_it() {
    let house = House::with_ports("no-port", &[("api", 8000)]);
    let place = house.addresses.outside("api", 8000).unwrap();
    let _holder = TcpListener::bind(&place).unwrap();
    let topology = house.topology([("api", acting(&["forever"]))]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    let said = whole(&error);
    let port = place.rsplit(':').next().unwrap();
    let expected = format!(
        "failed to start `api`: port {port} of 127.0.0.1 is taken: process {} (`",
        std::process::id()
    );
    assert!(
        said.starts_with(&expected) && said.ends_with("`) listens on it"),
        "{said}"
    );
    topology.tear_down(false).await.expect("the port is the other's");
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_container_holds_is_told_with_its_name() {
    let one = House::with_ports("no-share", &[("first", 8000)]);
    let first = one.topology([("first", acting(&["forever"]))]);
    first.bring_up(PATIENCE).await.unwrap();
    let place = one.addresses.outside("first", 8000).unwrap();
    let port = place.rsplit(':').next().unwrap();

    let other = House::new("no-share-too");
    let mut service = acting(&["forever"]);
    service.ports = vec![closure::compose::model::Port {
        target: 9000,
        published: port.parse().ok(),
        host_ip: "127.0.0.1".to_owned(),
    }];
    let second = other.topology([("second", service)]);
    let said = whole(&second.bring_up(PATIENCE).await.unwrap_err());
    let expected = format!(
        "failed to start `second`: port {port} of 127.0.0.1 is taken: container `{}` listens on it",
        one.container("first")
    );
    assert_eq!(said, expected);
    second.tear_down(false).await.unwrap();
    first.tear_down(false).await.unwrap();
    assert_eq!((one.things(), other.things()), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_nowhere_is_told_with_what_the_engine_said_and_what_to_do() {
    let house = House::new("no-image");
    let mut service = acting(&["forever"]);
    service.build = None;
    // Nobody listens there: the engine is refused at once.
    service.image = Some("127.0.0.1:1/nobody/nothing:1".to_owned());
    let topology = house.topology([("api", service)]);
    let error = topology.prepare().await.unwrap_err();
    assert!(matches!(error, Error::Image { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.starts_with("there is no image `127.0.0.1:1/nobody/nothing:1` for `api`: ")
            && said.contains("connection refused")
            && said.contains("\nhint: build it (`docker build --tag 127.0.0.1:1/nobody/nothing:1 …`)"),
        "{said}"
    );
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    assert!(
        whole(&error).starts_with("failed to start `api`: there is no image"),
        "{error}"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_in_the_image_is_told_without_the_engines_preamble() {
    let house = House::new("no-program");
    let mut service = acting(&[]);
    service.entrypoint = Some(vec!["/nope".to_owned()]);
    let topology = house.topology([("api", service)]);
    let said = whole(&topology.bring_up(PATIENCE).await.unwrap_err());
    assert!(
        said.starts_with("failed to start `api`: exec: \"/nope\": stat /nope: no such file"),
        "{said}"
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_wants_more_memory_than_it_is_allowed_is_told_to_have_wanted_it() {
    let house = House::new("no-memory");
    let mut hungry = acting(&["say:hungry", "eat:256", "forever"]);
    hungry.mem_limit = Some(32 << 20);
    let topology = house.topology([("api", hungry.healthy_when(&["need:/never"], 1000))]);
    let said = topology.bring_up(PATIENCE).await.unwrap_err().to_string();
    assert_eq!(
        said,
        "`api` exited with 137: it wanted more memory than it is allowed\n  hungry"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_would_shrug_at_is_refused_by_name() {
    let house = House::new("no-shrug");
    let mut unchecked = acting(&["forever"]).healthy_when(&[], 3);
    unchecked.healthcheck.as_mut().unwrap().test.clear();
    unchecked.native = Some(closure::compose::model::Native {
        health: vec!["./check".to_owned()],
        ..Default::default()
    });
    let cases = [
        (
            acting(&["forever"]).mounting("./nowhere", "/x"),
            "failed to start `api`: `./nowhere`, which it mounts, is not there",
        ),
        (
            unchecked,
            "failed to start `api`: its `healthcheck` is switched off, and `x-closure.health` is asked natively only",
        ),
        (
            closure::compose::model::Service::default(),
            "failed to start `api`: the compose file gives it neither `image` nor `build`",
        ),
    ];
    for (service, expected) in cases {
        let topology = house.topology([("api", service)]);
        assert_eq!(whole(&topology.bring_up(PATIENCE).await.unwrap_err()), expected);
        assert_eq!(topology.leave(), Vec::<String>::new());
    }
    assert!(!house.root.path().join("nowhere").exists(), "and nobody made it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_is_told_with_its_last_steps() {
    let house = House::new("no-build");
    let recipe = "FROM scratch\nCOPY puppet /puppet\nCOPY nothing /nothing\n";
    std::fs::write(house.root.path().join("puppet/Dockerfile"), recipe).unwrap();
    let topology = house.topology([("api", acting(&["forever"]))]);
    let said = topology.prepare().await.unwrap_err().to_string();
    assert!(
        said.starts_with("`build ./puppet`, which prepares the services, failed: COPY failed: ")
            && said.contains("\n  Step 1/4 : FROM scratch"),
        "{said}"
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0], "no half-built image is left");
}
