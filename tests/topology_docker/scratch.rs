//! The services once more, beside the living ones.

use std::time::Duration;

use closure::{
    compose::model::{Condition, Model, Service},
    topology::{Addresses, Scratch, State},
};

use crate::house::{House, More as _, PATIENCE, acting, model, pick};

fn scratch(model: Model, addresses: Addresses) -> Scratch {
    Scratch {
        model,
        addresses,
        services: Vec::new(),
        alone: false,
        within: PATIENCE,
    }
}

/// A server that says who it is, and a client that asks for it by name again and again.
fn pair(name: &str) -> [(&'static str, Service); 2] {
    let server = acting(&["listen:7000", "append:/data/x=", "list:/data", "forever"])
        .told("NAME", name)
        .mounting("data", "/data")
        .healthy_when(&["ask:127.0.0.1:7000"], 50);
    let client = acting(&["ask:db:7000", "forever"]).after("db", Condition::ServiceHealthy);
    [("db", server), ("client", client)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_copy_has_a_network_and_volumes_of_its_own_and_leaves_the_living_alone() {
    let house = House::with_ports("scratch-whole", &[("db", 7000)]);
    let topology = house.topology(pair("living"));
    let before = topology.bring_up(PATIENCE).await.unwrap();
    let things = house.things();

    let ports = pick(&house.run, &[("db", 7000)]);
    let seen = topology
        .scratch(scratch(model(pair("copied")), ports.clone()))
        .await
        .unwrap();
    let words: Vec<_> = seen
        .iter()
        .map(|one| (one.name.as_str(), one.state, one.last_words.as_str()))
        .collect();
    assert_eq!(
        words,
        [("client", State::Running, "copied"), ("db", State::Healthy, "x")]
    );
    assert_eq!(seen[1].listens, ["0.0.0.0:7000"]);
    std::net::TcpStream::connect(ports.outside("db", 7000).unwrap()).unwrap_err();
    assert!(!house.run.path().join("scratch-1").exists());
    assert_eq!(house.things(), things, "nothing of the copy is left");

    let after = topology.inspect_all().await;
    let pids = |seen: &[closure::topology::ServiceSeen]| seen.iter().map(|one| one.pid).collect::<Vec<_>>();
    assert_eq!(pids(&after), pids(&before));
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_alone_reaches_the_living_by_name_and_takes_none_of_what_is_meant_for_them() {
    let house = House::new("scratch-alone");
    let topology = house.topology(pair("living"));
    topology.bring_up(PATIENCE).await.unwrap();
    let things = house.things();
    let asked = |services: [(&'static str, Service); 2], which: &str| Scratch {
        services: vec![which.to_owned()],
        alone: true,
        ..scratch(model(services), pick(&house.run, &[]))
    };

    // A second server of the same name: whoever asks for the name finds the living one, always.
    let mut second = pair("intruder");
    let words = std::iter::once("listen:7000").chain(std::iter::repeat_n("ask:db:7000", 20));
    second[0].1.command = Some(words.chain(["exit:78"]).map(str::to_owned).collect());
    second[0].1.healthcheck = None;
    let seen = topology.scratch(asked(second, "db")).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].state, seen[0].exit_code), (State::Exited, Some(78)));
    assert_eq!(seen[0].last_words, ["living"; 20].join("\n"));

    let seen = topology.scratch(asked(pair("other"), "client")).await.unwrap();
    assert_eq!((seen.len(), seen[0].state), (1, State::Running));
    assert_eq!(seen[0].last_words, "living");
    assert_eq!(topology.inspect("client").await.unwrap().restarts, 0);
    assert_eq!(house.things(), things);
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_does_not_come_up_is_what_was_seen_service_by_service() {
    let house = House::new("scratch-sick");
    let topology = house.topology([("cache", acting(&["forever"]))]);
    topology.prepare().await.unwrap();
    let broken = model([
        ("crash", acting(&["say:boom", "exit:1"])),
        ("fine", acting(&["forever"])),
        ("sick", acting(&["forever"]).healthy_when(&["exit:1"], 1)),
        (
            "slow",
            acting(&["forever"]).healthy_when(&["say:not yet", "exit:1"], 1000),
        ),
        (
            "waits",
            acting(&["forever"]).after("sick", Condition::ServiceHealthy),
        ),
    ]);
    let asked = Scratch {
        within: Duration::from_secs(10),
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
