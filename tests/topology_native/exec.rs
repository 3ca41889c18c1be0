//! A program run beside a service as the service would run it, heard to its end, and ended when it is not.

use std::{fs, os::unix::fs::MetadataExt as _, time::Duration};

use closure::topology::{Error, Executed};

use crate::house::{House, More as _, PATIENCE, lives, shell};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn why(error: &Error) -> String {
    assert_eq!(error.to_string(), "failed to run a program in `api`");
    std::error::Error::source(error).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_as_the_service_does_marked_as_the_runs_and_its_end_is_data() {
    let house = House::new("exec-own");
    let topology = house.topology([("api", shell("exec sleep 600").told("MOOD", "good"))]);
    let pid = topology.bring_up(PATIENCE).await.unwrap()[0].pid.unwrap();
    let account = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    let script = "id -u; pwd; echo $MOOD $CLOSURE_RUN_ID; cat; echo aside >&2; exit 4";
    let seen = topology
        .exec("api", &words(&["sh", "-c", script]), b"told\n", PATIENCE)
        .await
        .unwrap();
    let expected = Executed {
        exit_code: 4,
        stdout: format!("{account}\n{}\ngood {}\ntold\n", folder.display(), house.run.id()).into_bytes(),
        stderr: "aside\n".to_owned(),
    };
    assert_eq!(seen, expected);
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_and_a_service_that_does_not_live_are_told_apart() {
    let house = House::new("exec-no");
    let topology = house.topology([("api", shell("exec sleep 600"))]);
    let error = topology
        .exec("api", &words(&["true"]), b"", PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(why(&error), "it does not live");
    topology.bring_up(PATIENCE).await.unwrap();
    let error = topology
        .exec("api", &words(&["nope-at-all"]), b"", PATIENCE)
        .await
        .unwrap_err();
    assert!(why(&error).contains("nope-at-all"), "{}", why(&error));
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_end_in_time_is_ended_with_whatever_it_started() {
    let house = House::new("exec-late");
    let topology = house.topology([("api", shell("exec sleep 600"))]);
    let pid = topology.bring_up(PATIENCE).await.unwrap()[0].pid.unwrap();
    let note = house.root.path().join("pid");
    fs::write(&note, "").unwrap();
    fs::set_permissions(&note, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let script = format!("sleep 600 & echo $! > {}; wait", note.display());
    let error = topology
        .exec("api", &words(&["sh", "-c", &script]), b"", Duration::from_secs(3))
        .await
        .unwrap_err();
    assert_eq!(why(&error), "it did not answer within 3000 ms");
    let child: u32 = fs::read_to_string(&note).unwrap().trim().parse().unwrap();
    assert!(!lives(child));
    assert!(lives(pid));
    topology.tear_down(false).await.unwrap();
}
