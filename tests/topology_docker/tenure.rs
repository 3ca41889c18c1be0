//! Whether somebody else had a hand in a service: told from what is done to it here.

use closure::topology::Topology;

use crate::house::{House, PATIENCE, acting, docker};

/// What others did to `api`, by its tenure.
async fn disturbed(topology: &Topology) -> Option<&'static str> {
    let tenures = topology.tenures().await;
    tenures["api"].as_ref().expect("the engine answers").disturbed()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_others_did_disturbs_a_service() {
    let house = House::new("tenure");
    let topology = house.topology([("api", acting(&["forever"]))]);
    assert_eq!(disturbed(&topology).await, None, "it was never started");
    topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(disturbed(&topology).await, None);

    topology.restart("api", PATIENCE).await.unwrap();
    assert_eq!(disturbed(&topology).await, None, "we did that");
    let mut other = topology.definition("api").unwrap();
    other.environment.insert("MOOD".to_owned(), "good".to_owned());
    topology.restart_with("api", other, PATIENCE).await.unwrap();
    assert_eq!(disturbed(&topology).await, None, "a container anew, by us");
    topology.kill("api").await.unwrap();
    assert_eq!(
        disturbed(&topology).await,
        None,
        "it is over, and nobody took its place"
    );
    topology.start("api", PATIENCE).await.unwrap();

    let api = house.container("api");
    docker(&["restart", "--time", "0", &api]);
    assert_eq!(disturbed(&topology).await, Some("was restarted"));

    let image = docker(&["inspect", "--format", "{{.Image}}", &api]);
    docker(&["rm", "--force", &api]);
    assert_eq!(disturbed(&topology).await, Some("was removed"));
    // With the run's label, so that it is taken down with the rest.
    let label = format!("closure.run={}", house.run.id());
    docker(&[
        "run",
        "--detach",
        "--name",
        &api,
        "--label",
        &label,
        image.trim(),
        "forever",
    ]);
    assert_eq!(disturbed(&topology).await, Some("was recreated"));

    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}
