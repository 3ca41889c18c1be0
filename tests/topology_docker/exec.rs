//! A program run in a container: as the service itself, heard to its end, and ended when it is not.

use std::time::Duration;

use closure::topology::{Error, Executed};

use crate::house::{House, More as _, PATIENCE, acting, docker};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn why(error: &Error) -> String {
    assert_eq!(error.to_string(), "failed to run a program in `api`");
    std::error::Error::source(error).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_as_the_service_does_and_its_end_is_data() {
    let house = House::new("exec-own");
    let mut api = acting(&["forever"])
        .told("MOOD", "good")
        .mounting("data", "/data");
    api.working_dir = Some("/data".to_owned());
    api.cap_drop = vec!["ALL".to_owned()];
    let topology = house.topology([("api", api)]);
    topology.bring_up(PATIENCE).await.unwrap();
    let argv = words(&[
        "/puppet",
        "env:MOOD",
        "append:here=x",
        "list:/data",
        "stdin",
        "who",
        "cry:aside",
        "exit:3",
    ]);
    let seen = topology.exec("api", &argv, b"told", PATIENCE).await.unwrap();
    let expected = Executed {
        exit_code: 3,
        stdout: b"good\nhere\ntold\nUid: 0\nCapEff: 0000000000000000\n".to_vec(),
        stderr: "aside\n".to_owned(),
    };
    assert_eq!(seen, expected);
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_and_a_service_that_does_not_live_are_told_apart() {
    let house = House::new("exec-no");
    let topology = house.topology([("api", acting(&["forever"]))]);
    let error = topology
        .exec("api", &words(&["/puppet"]), b"", PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(why(&error), "it does not live");
    topology.bring_up(PATIENCE).await.unwrap();
    let error = topology
        .exec("api", &words(&["/nope"]), b"", PATIENCE)
        .await
        .unwrap_err();
    assert!(why(&error).starts_with("exec: \"/nope\": "), "{}", why(&error));
    assert!(
        why(&error).ends_with("no such file or directory"),
        "{}",
        why(&error)
    );
    let error = topology.exec("api", &[], b"", PATIENCE).await.unwrap_err();
    assert_eq!(why(&error), "No exec command specified");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_end_in_time_is_ended_and_the_service_lives_on() {
    let house = House::new("exec-late");
    let topology = house.topology([("api", acting(&["forever"]))]);
    topology.bring_up(PATIENCE).await.unwrap();
    let processes = || docker(&["top", &house.container("api"), "-o", "pid,args"]);
    let before = processes();
    let error = topology
        .exec(
            "api",
            &words(&["/puppet", "sleep:600000"]),
            b"",
            Duration::from_millis(700),
        )
        .await
        .unwrap_err();
    assert_eq!(why(&error), "it did not answer within 700 ms");
    assert_eq!(processes(), before);

    // Nobody waits for it any more: it is ended as well.
    let argv = words(&["/puppet", "sleep:600000"]);
    let dropped = topology.exec("api", &argv, b"", PATIENCE);
    tokio::time::timeout(Duration::from_secs(2), dropped)
        .await
        .expect_err("it sleeps");
    let begin = std::time::Instant::now();
    while processes() != before {
        assert!(begin.elapsed() < PATIENCE, "{}", processes());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}
