//! What is done to services that stand.

use std::{collections::BTreeSet, time::Duration};

use closure::{
    compose::model::Service,
    topology::{State, Topology},
};

use crate::house::{House, More as _, PATIENCE, acting, docker, still_there};

/// Counts while it runs, in a volume.
fn counting() -> Service {
    acting(&["beat:/data/beats", "forever"]).mounting("data", "/data")
}

/// How far it has counted, seen by a service of its own.
async fn beats(topology: &Topology) -> usize {
    let seen = if topology.inspect("reader").await.unwrap().state == State::NotStarted {
        topology.bring_up_to(&["reader"], PATIENCE).await.unwrap();
        topology.inspect("reader").await.unwrap()
    } else {
        topology.start("reader", PATIENCE).await.unwrap()
    };
    seen.last_words.len()
}

fn reader() -> Service {
    acting(&["read:/data/beats"]).mounting("data", "/data")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_service_stands_still_and_goes_on_where_it_was() {
    let house = House::new("act-pause");
    let topology = house.topology([("api", counting()), ("reader", reader())]);
    topology.bring_up_to(&["api"], PATIENCE).await.unwrap();
    assert_eq!(topology.pause("api").await.unwrap().state, State::Paused);
    let held = beats(&topology).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(beats(&topology).await, held);
    let seen = topology.unpause("api").await.unwrap();
    assert_eq!((seen.state, seen.restarts), (State::Running, 0));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(beats(&topology).await > held);
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_is_gone_and_can_be_started_again_where_it_was() {
    let house = House::new("act-kill");
    let topology = house.topology([(
        "api",
        acting(&["list:/data", "append:/data/x=", "forever"]).mounting("data", "/data"),
    )]);
    let first = topology.bring_up(PATIENCE).await.unwrap()[0].pid.unwrap();
    let container = docker(&["inspect", "--format", "{{.Id}}", &house.container("api")]);
    let killed = topology.kill("api").await.unwrap();
    assert_eq!(
        (killed.state, killed.exit_code, killed.pid),
        (State::Exited, Some(137), None)
    );
    let error = topology.kill("api").await.unwrap_err();
    assert_eq!(error.to_string(), "failed to kill `api`");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "it does not live"
    );

    let again = topology.start("api", PATIENCE).await.unwrap();
    assert_eq!((again.state, again.restarts), (State::Running, 1));
    assert_ne!(again.pid, Some(first));
    assert_eq!(
        again.last_words, "x",
        "what it kept is there, what it said before is over"
    );
    assert_eq!(
        docker(&["inspect", "--format", "{{.Id}}", &house.container("api")]),
        container,
        "started as it was, it is the same container"
    );
    let error = topology.start("api", PATIENCE).await.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it lives");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_stopped_with_the_signal_of_its_image_and_killed_when_it_is_deaf() {
    let house = House::new("act-stop");
    let recipe = "FROM scratch\nCOPY puppet /puppet\nSTOPSIGNAL SIGINT\nENTRYPOINT [\"/puppet\"]\n";
    std::fs::write(house.root.path().join("puppet/Other"), recipe).unwrap();
    // The first process of a container hears no signal it does not ask for; behind an init it ends of any.
    let mut polite = acting(&["say:up", "forever"]);
    polite.init = true;
    let mut own = polite.clone();
    own.build.as_mut().unwrap().dockerfile = Some("Other".to_owned());
    let deaf = acting(&["say:up", "forever"]);
    let topology = house.topology([("deaf", deaf), ("own", own), ("polite", polite)]);
    topology.bring_up(PATIENCE).await.unwrap();
    for (service, grace, code) in [
        ("polite", PATIENCE, 143),
        ("own", PATIENCE, 130),
        ("deaf", Duration::from_millis(300), 137),
    ] {
        let seen = topology.stop(service, Some(grace)).await.unwrap();
        assert_eq!(
            (seen.state, seen.exit_code),
            (State::Exited, Some(code)),
            "{service}"
        );
        assert_eq!(seen.last_words, "up");
    }
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_other_settings_is_another_container_with_the_same_volumes() {
    let house = House::new("act-other");
    let recipe = "FROM scratch\nCOPY puppet /puppet\nVOLUME /kept\nENTRYPOINT [\"/puppet\"]\n";
    std::fs::write(house.root.path().join("puppet/Dockerfile"), recipe).unwrap();
    let words = ["env:COLOUR", "list:/kept", "append:/kept/x=", "forever"];
    let topology = house.topology([("api", acting(&words).told("COLOUR", "red"))]);
    topology.bring_up(PATIENCE).await.unwrap();
    let before = topology.definition("api").unwrap();
    let volumes = house.volumes();
    let seen = topology
        .restart_with("api", before.clone().told("COLOUR", "blue"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        seen.last_words, "blue\nx",
        "what the image calls a volume outlives its container"
    );
    assert_eq!(seen.env["COLOUR"], "blue");
    let seen = topology.restart_with("api", before, PATIENCE).await.unwrap();
    assert_eq!((seen.last_words.as_str(), seen.restarts), ("red\nx", 2));
    assert_eq!((house.volumes(), volumes.len()), (volumes.clone(), 1));
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
    assert_eq!(still_there(&volumes), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stands_in_the_way_of_a_container_made_anew_goes_with_its_nameless_volumes() {
    let house = House::new("act-nameless");
    let topology = house.topology([("api", acting(&["forever"]).mounting("data", "/data"))]);
    topology.bring_up(PATIENCE).await.unwrap();
    topology.kill("api").await.unwrap();
    let before = house.volumes();
    let (api, label) = (house.container("api"), format!("closure.run={}", house.run.id()));
    let image = docker(&["inspect", "--format", "{{.Image}}", &api]);
    docker(&["rm", "--force", &api]);
    docker(&[
        "create",
        "--name",
        &api,
        "--label",
        &label,
        "--volume",
        "/nameless",
        image.trim(),
        "forever",
    ]);
    let in_the_way = house.volumes();
    assert_eq!(
        (in_the_way.len(), still_there(&in_the_way)),
        (1, in_the_way.clone())
    );

    let other = topology.definition("api").unwrap().told("MOOD", "good");
    topology.restart_with("api", other, PATIENCE).await.unwrap();
    assert_eq!(house.volumes(), before, "its own are those it had");
    assert_eq!(still_there(&in_the_way), BTreeSet::new());
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
    assert_eq!(still_there(&before), BTreeSet::new());
}
