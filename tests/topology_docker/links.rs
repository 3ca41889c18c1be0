//! A service taken off its networks, and put back: what somebody at its door sees, and somebody beside it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use closure::topology::{State, Topology};

use crate::house::{House, More as _, PATIENCE, acting, docker};

/// What it says to whoever connects to its published port; nothing when it refuses or is silent.
fn heard_at(place: &str) -> Option<String> {
    let mut stream = TcpStream::connect(place).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut said = Vec::new();
    let mut byte = [0];
    while byte[0] != b'\n' && stream.read(&mut byte).ok()? == 1 {
        said.extend(byte);
    }
    let _gone = stream.write_all(b"x");
    let said = String::from_utf8(said).ok()?;
    (!said.is_empty()).then(|| said.trim().to_owned())
}

/// What the service next to it hears when it asks for it by name.
async fn heard_beside(topology: &Topology) -> String {
    let argv = ["ask:api:8000".to_owned()];
    let seen = topology.inside("peer", &argv, b"", PATIENCE).await.unwrap();
    let said = String::from_utf8(seen.stdout).unwrap();
    said.lines().next().unwrap_or_default().to_owned()
}

fn is_heard_again(place: &str) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if heard_at(place).is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_off_its_networks_is_silent_at_its_door_and_unknown_beside_it_until_it_is_put_back() {
    let house = House::with_ports("link-cut", &[("api", 8000)]);
    let mut api = acting(&["listen:8000", "forever"]).told("NAME", "I am the api");
    api.networks = vec!["front".to_owned(), "back".to_owned()];
    let mut peer = acting(&["forever"]);
    peer.networks = vec!["back".to_owned()];
    let topology = house.topology([("api", api), ("peer", peer)]);
    topology.bring_up(PATIENCE).await.unwrap();
    let door = house.addresses.outside("api", 8000).unwrap();
    assert_eq!(heard_at(&door).as_deref(), Some("I am the api"));
    assert_eq!(heard_beside(&topology).await, "I am the api");

    let cut = topology.disconnect("api").await.unwrap();
    assert_eq!((cut.state, cut.networks), (State::Running, Some(Vec::new())));
    assert_eq!(heard_at(&door), None);
    let beside = heard_beside(&topology).await;
    assert!(beside.starts_with("no answer from api:8000"), "{beside}");
    topology
        .disconnect("api")
        .await
        .expect("there is nothing left to do");

    let back = topology.connect("api").await.unwrap();
    let both = vec!["back".to_owned(), "front".to_owned()];
    assert_eq!((back.pid, back.networks), (cut.pid, Some(both.clone())));
    assert!(is_heard_again(&door));
    assert_eq!(heard_beside(&topology).await, "I am the api");

    topology.disconnect("api").await.unwrap();
    let again = topology.restart("api", PATIENCE).await.unwrap();
    assert_eq!(again.networks, Some(both), "started as it was");
    assert!(is_heard_again(&door));
    topology.kill("api").await.unwrap();
    let error = topology.disconnect("api").await.unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "it does not live"
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_somebody_else_puts_it_on_is_seen_by_its_own_name() {
    let house = House::new("link-other");
    let topology = house.topology([("api", acting(&["forever"]))]);
    topology.bring_up(PATIENCE).await.unwrap();
    docker(&["network", "connect", "bridge", &house.container("api")]);
    let seen = topology.inspect("api").await.unwrap();
    assert_eq!(
        seen.networks,
        Some(vec!["bridge".to_owned(), "default".to_owned()])
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}
