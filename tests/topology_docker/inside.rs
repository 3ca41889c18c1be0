//! A look from inside a service: its network, its processes, its account, and nothing of ours left there.

use std::time::Duration;

use crate::house::{House, More as _, PATIENCE, acting};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sees_the_network_and_the_processes_of_the_service_under_its_account() {
    let house = House::new("in-sees");
    let mut service = acting(&["listen:8000", "forever"])
        .told("NAME", "I am the api")
        .told("DATABASE_URL", "postgres://somebody");
    service.user = Some("65532:65532".to_owned());
    service.read_only = true;
    service.cap_drop = vec!["ALL".to_owned()];
    let topology = house.topology([("api", service)]);
    topology.bring_up(PATIENCE).await.unwrap();
    let things = house.things();

    let argv = words(&[
        "stdin",
        "ask:127.0.0.1:8000",
        "read:/proc/1/environ",
        "who",
        "cry:aside",
        "exit:3",
    ]);
    let long = "x".repeat(300_000);
    let seen = topology
        .inside("api", &argv, long.as_bytes(), PATIENCE)
        .await
        .unwrap();
    assert_eq!((seen.exit_code, seen.stderr.as_str()), (3, "aside\n"));
    let said = String::from_utf8(seen.stdout).unwrap();
    let (echo, rest) = said.split_once('\n').unwrap();
    assert_eq!(echo, long, "what it was told arrived whole");
    let mut lines: Vec<&str> = rest.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.remove(0), "I am the api", "its loopback is the service's");
    assert!(lines.contains(&"DATABASE_URL=postgres://somebody"), "{lines:?}");
    assert!(lines.contains(&"Uid: 65532"), "{lines:?}");
    assert!(lines.contains(&"CapEff: 0000000000000000"), "{lines:?}");

    // The image stays for the next look; the container does not.
    let left: Vec<String> = house
        .things()
        .into_iter()
        .filter(|thing| !things.contains(thing))
        .collect();
    assert!(left.iter().all(|thing| thing.starts_with("image ")), "{left:?}");

    // The words put behind ours are the service's first process.
    let seen = topology.inside("api", &[], b"", PATIENCE).await.unwrap();
    let said = String::from_utf8(seen.stdout).unwrap();
    assert_eq!(said, "no such word: --pid\nno such word: 1\n");
    let seen = topology
        .inside("api", &words(&["env:CLOSURE_RUN_ID"]), b"", PATIENCE)
        .await
        .unwrap();
    assert!(seen.stdout.starts_with(house.run.id().as_bytes()), "{seen:?}");
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_answer_or_is_given_up_is_ended_and_removed() {
    let house = House::new("in-late");
    let topology = house.topology([("api", acting(&["forever"]))]);
    topology.bring_up(PATIENCE).await.unwrap();
    topology
        .inside("api", &words(&["exit:0"]), b"", PATIENCE)
        .await
        .unwrap();
    let things = house.things();

    let within = Duration::from_secs(2);
    let error = topology
        .inside("api", &words(&["forever"]), b"", within)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "failed to look inside `api`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "it did not answer within 2000 ms");
    assert_eq!(house.things(), things);

    let forever = words(&["forever"]);
    let look = topology.inside("api", &forever, b"", within);
    let _given_up = tokio::time::timeout(Duration::from_millis(700), look)
        .await
        .unwrap_err();
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_live_cannot_be_looked_into() {
    let house = House::new("in-dead");
    let topology = house.topology([("api", acting(&["forever"]))]);
    topology.bring_up(PATIENCE).await.unwrap();
    topology.kill("api").await.unwrap();
    let error = topology.inside("api", &[], b"", PATIENCE).await.unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "it does not live"
    );
    topology.tear_down(false).await.unwrap();
}
