//! What the engine was heard to do to the services: told from what was asked of it here, and written down.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use closure::topology::{Heard, Topology};
use serde_json::Value;

use crate::house::{House, More as _, PATIENCE, acting, docker};

/// What others did to `api`, as far as the engine was heard.
async fn of_others(topology: &Topology) -> Option<String> {
    let mut heard = topology.heard().await.expect("there is an engine");
    assert_eq!(heard.missed, None, "it was heard all the time");
    heard.of_others.remove("api")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_done_here_is_taken_for_somebody_elses() {
    let house = House::new("heard-ours");
    let api = acting(&["listen:8000", "forever"]).healthy_when(&["ask:127.0.0.1:8000"], 1000);
    let topology = house.topology([("api", api), ("once", acting(&["say:done"]))]);
    topology.prepare().await.unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(of_others(&topology).await, None, "its own health checks");
    topology.pause("api").await.unwrap();
    topology.unpause("api").await.unwrap();
    topology.disconnect("api").await.unwrap();
    topology.connect("api").await.unwrap();
    let argv = ["/puppet".to_owned(), "say:x".to_owned()];
    topology.exec("api", &argv, b"", PATIENCE).await.unwrap();
    topology.exec("api", &argv[..1], b"", PATIENCE).await.unwrap();
    topology.inside("api", &argv[1..], b"", PATIENCE).await.unwrap();
    assert_eq!(of_others(&topology).await, None);
    topology.restart("api", PATIENCE).await.unwrap();
    topology.kill("api").await.unwrap();
    topology.start("api", PATIENCE).await.unwrap();
    topology
        .stop("api", Some(Duration::from_millis(100)))
        .await
        .unwrap();
    let other = topology.definition("api").unwrap().told("MOOD", "good");
    topology.restart_with("api", other, PATIENCE).await.unwrap();
    let heard = topology.heard().await.unwrap();
    assert_eq!(heard, Heard::default());
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_by_somebody_else_is_heard_although_it_is_over() {
    let house = House::new("heard-pause");
    let topology = house.topology([("api", acting(&["forever"]))]);
    topology.prepare().await.unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    topology.pause("api").await.unwrap();
    topology.unpause("api").await.unwrap();
    assert_eq!(of_others(&topology).await, None, "that was us");
    let api = house.container("api");
    docker(&["pause", &api]);
    docker(&["unpause", &api]);
    assert_eq!(
        of_others(&topology).await.as_deref(),
        Some("was paused by somebody else")
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hand_that_is_laid_on_a_container_is_named() {
    let house = House::new("heard-hands");
    let mut hungry = acting(&["sleep:300", "eat:256", "forever"]);
    hungry.mem_limit = Some(32 << 20);
    let names = ["run", "net", "limits", "copy", "signal"];
    let quiet = names.map(|name| (name, acting(&["forever"])));
    let services = quiet.into_iter().chain([("hungry", hungry)]);
    let topology = house.topology(services);
    topology.prepare().await.unwrap();
    topology.bring_up_to(&names, PATIENCE).await.unwrap();
    let of = |service| house.container(service);
    docker(&["exec", &of("run"), "/puppet", "say:x"]);
    docker(&["network", "disconnect", &of("default"), &of("net")]);
    docker(&["update", "--pids-limit", "16", &of("limits")]);
    docker(&["kill", "--signal", "WINCH", &of("signal")]);
    let note = house.root.path().join("note");
    std::fs::write(&note, "x").unwrap();
    docker(&["cp", &note.to_string_lossy(), &format!("{}:/note", of("copy"))]);
    // It may be over before it counts as up.
    let _starved = topology.bring_up_to(&["hungry"], PATIENCE).await;
    let begin = std::time::Instant::now();
    let heard = loop {
        let heard = topology.heard().await.unwrap().of_others;
        if heard.contains_key("hungry") || begin.elapsed() > PATIENCE {
            break heard;
        }
    };
    for (service, words) in [
        ("run", "had `/puppet say:x` run in it by somebody else"),
        ("net", "was taken off a network by somebody else"),
        ("limits", "had its limits changed by somebody else"),
        ("signal", "was sent a signal by somebody else"),
        ("copy", "had files copied into it by somebody else"),
        ("hungry", "ran out of memory"),
    ] {
        assert_eq!(heard.get(service).map(String::as_str), Some(words), "{service}");
    }
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_the_engine_refused_to_run_excuses_nobody_who_runs_the_same() {
    let house = House::new("heard-refused");
    let topology = house.topology([("api", acting(&["forever"]))]);
    topology.prepare().await.unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    topology.pause("api").await.unwrap();
    let argv = ["/puppet".to_owned(), "say:x".to_owned()];
    topology
        .exec("api", &argv, b"", PATIENCE)
        .await
        .expect_err("an engine runs nothing in what is paused");
    topology.unpause("api").await.unwrap();
    assert_eq!(of_others(&topology).await, None);
    docker(&["exec", &house.container("api"), "/puppet", "say:x"]);
    assert_eq!(
        of_others(&topology).await.as_deref(),
        Some("had `/puppet say:x` run in it by somebody else")
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_says_is_told_as_it_comes_and_nothing_after_the_teardown() {
    let house = House::new("heard-told");
    let topology = house.topology([("api", acting(&["forever"]))]);
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let ear = Arc::clone(&told);
    topology.tell(Arc::new(move |event: &Value| {
        ear.lock().expect("not poisoned").push(event.clone());
    }));
    topology.prepare().await.unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    let api = house.container("api");
    docker(&["pause", &api]);
    docker(&["unpause", &api]);
    topology.heard().await.unwrap();
    topology.tear_down(false).await.unwrap();
    let events = told.lock().unwrap().clone();
    let actions: Vec<&str> = events
        .iter()
        .filter(|event| event["Actor"]["Attributes"]["closure.service"] == "api")
        .filter_map(|event| event["Action"].as_str())
        .collect();
    for action in ["create", "start", "pause", "unpause"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(told.lock().unwrap().len(), events.len(), "the record is sealed");
}
