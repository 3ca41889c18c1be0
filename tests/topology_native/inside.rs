//! Closure beside a service: under the service's account, told which process it is, heard to its end.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    sync::Arc,
    time::Duration,
};

use closure::topology::{Executed, Site, Topology};

use crate::house::{House, PATIENCE, model, shell};

/// A topology of one service, in which this script stands for closure. It lies where only we can reach it.
fn topology(house: &House, script: &str) -> Topology {
    let closed = house.root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let closure = closed.join("closure");
    fs::write(&closure, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&closure, fs::Permissions::from_mode(0o755)).unwrap();
    let site = Site {
        closure,
        ..house.site()
    };
    let services = model([("api", shell("exec sleep 600")), ("other", shell("exit 3"))]);
    Topology::native(Arc::clone(&house.run), site, services, house.addresses.clone()).unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_under_the_services_account_and_knows_the_services_process() {
    let house = House::new("inside-account");
    let topology = topology(&house, "id -u; echo \"$@\"; cat; echo aside >&2; exit 4");
    let pid = topology.start("api", PATIENCE).await.unwrap().pid.unwrap();
    let account = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    let said = topology
        .inside("api", &words(&["sidecar", "now"]), b"told", PATIENCE)
        .await
        .unwrap();
    let expected = Executed {
        exit_code: 4,
        stdout: format!("{account}\nsidecar now --pid {pid}\ntold").into_bytes(),
        stderr: "aside\n".to_owned(),
    };
    assert_eq!(said, expected);
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_read_the_environment_of_the_running_process() {
    let house = House::new("inside-environment");
    let topology = topology(&house, "tr '\\0' '\\n' < /proc/$2/environ");
    let pid = topology.start("api", PATIENCE).await.unwrap().pid.unwrap();
    let said = topology.inside("api", &[], b"", PATIENCE).await.unwrap();
    let environment = String::from_utf8(said.stdout).unwrap();
    assert!(
        environment.contains("CLOSURE_RUN_ID=inside-environment"),
        "{pid}: {environment} {}",
        said.stderr
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_live_cannot_be_looked_into_and_a_look_that_takes_too_long_ends() {
    let house = House::new("inside-errors");
    let topology = topology(&house, "exec sleep 600");
    let failed = |error: closure::topology::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    };
    let look = |service: &'static str, within| topology.inside(service, &[], b"", within);
    assert_eq!(
        failed(look("api", PATIENCE).await.unwrap_err()),
        "failed to look inside `api`: it does not live"
    );
    topology.start("api", PATIENCE).await.unwrap();
    assert_eq!(
        failed(look("api", Duration::from_millis(200)).await.unwrap_err()),
        "failed to look inside `api`: it did not answer within 200 ms"
    );
    assert!(
        look("apo", PATIENCE)
            .await
            .unwrap_err()
            .to_string()
            .contains("did you mean `api`?")
    );
    topology.kill("api").await.unwrap();
    assert_eq!(
        failed(look("api", PATIENCE).await.unwrap_err()),
        "failed to look inside `api`: it does not live"
    );
    topology.tear_down(false).await.unwrap();
}
