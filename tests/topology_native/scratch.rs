//! The services once more, beside the living ones.

use std::time::Duration;

use closure::{
    compose::model::Condition,
    topology::{Scratch, State},
};

use crate::house::{House, More as _, PATIENCE, model, pick, postgres, shell};

const REFUSING: &str = "test -n \"$DSN\" || { echo DSN is not set; exit 78; }; exec sleep 600";

fn scratch(model: closure::compose::model::Model, addresses: closure::topology::Addresses) -> Scratch {
    Scratch {
        model,
        addresses,
        services: Vec::new(),
        alone: false,
        within: PATIENCE,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_copy_has_a_cluster_of_its_own_and_leaves_the_living_alone() {
    let house = House::with_ports("scratch-whole", &[("postgres", 5432)]);
    let services = || {
        let migrate = shell("echo migrated").after("postgres", Condition::ServiceHealthy);
        let api = shell(REFUSING)
            .told("DSN", "x")
            .after("migrate", Condition::ServiceCompletedSuccessfully);
        [("postgres", postgres()), ("migrate", migrate), ("api", api)]
    };
    let topology = house.topology(services());
    let before = topology.bring_up(PATIENCE).await.unwrap();

    let ports = pick(&house.run, &[("postgres", 5432)]);
    let seen = topology
        .scratch(scratch(model(services()), ports.clone()))
        .await
        .unwrap();
    let states: Vec<_> = seen.iter().map(|one| (one.name.as_str(), one.state)).collect();
    let expected = [
        ("api", State::Running),
        ("migrate", State::Completed),
        ("postgres", State::Healthy),
    ];
    assert_eq!(states, expected);
    assert_eq!(seen[2].listens, [ports.outside("postgres", 5432).unwrap()]);
    std::net::TcpStream::connect(ports.outside("postgres", 5432).unwrap()).unwrap_err();
    assert!(!house.run.path().join("scratch-1").exists());

    let after = topology.inspect_all().await;
    assert_eq!(
        after.iter().map(|one| one.pid).collect::<Vec<_>>(),
        before.iter().map(|one| one.pid).collect::<Vec<_>>()
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_alone_shows_that_it_refuses_and_what_it_says() {
    let house = House::new("scratch-alone");
    let services = |dsn: Option<&str>| {
        let api = dsn.iter().fold(shell(REFUSING), |api, dsn| api.told("DSN", dsn));
        [
            ("db", shell("exec sleep 600")),
            ("api", api.after("db", Condition::ServiceStarted)),
        ]
    };
    let topology = house.topology(services(Some("x")));
    topology.bring_up(PATIENCE).await.unwrap();
    let alone = |dsn| Scratch {
        services: vec!["api".to_owned()],
        alone: true,
        ..scratch(model(services(dsn)), pick(&house.run, &[]))
    };

    let seen = topology.scratch(alone(None)).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].state, seen[0].exit_code), (State::Exited, Some(78)));
    assert_eq!(seen[0].last_words, "DSN is not set");
    assert!(!seen[0].env.contains_key("DSN"));

    let seen = topology.scratch(alone(Some("fallback"))).await.unwrap();
    assert_eq!((seen.len(), seen[0].state), (1, State::Running));
    assert_eq!(topology.inspect("api").await.unwrap().restarts, 0);
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_does_not_come_up_is_what_was_seen_service_by_service() {
    let house = House::new("scratch-sick");
    let topology = house.topology([("cache", shell("exec sleep 600"))]);
    let broken = model([
        ("crash", shell("echo boom; exit 1")),
        ("sick", shell("exec sleep 600").healthy_when("false", 1)),
        (
            "slow",
            shell("exec sleep 600").healthy_when("echo not yet; exit 1", 1000),
        ),
        (
            "waits",
            shell("exec sleep 600").after("sick", Condition::ServiceHealthy),
        ),
        ("fine", shell("exec sleep 600")),
    ]);
    let asked = Scratch {
        within: Duration::from_secs(4),
        ..scratch(broken, pick(&house.run, &[]))
    };
    let seen = topology.scratch(asked).await.unwrap();
    let states: Vec<_> = seen
        .iter()
        .map(|one| (one.name.as_str(), one.state, one.last_words.as_str()))
        .collect();
    assert_eq!(
        states,
        [
            ("crash", State::Exited, "boom"),
            ("fine", State::Running, ""),
            ("sick", State::Unhealthy, "the health check exited with 1"),
            ("slow", State::Timeout, "the health check exited with 1: not yet"),
            ("waits", State::NotStarted, "it waits for `sick`"),
        ]
    );
    topology.tear_down(false).await.unwrap();
}
