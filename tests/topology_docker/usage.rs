//! What a container as a whole may use, and does.

use crate::house::{House, PATIENCE, acting, docker};

#[tokio::test(flavor = "multi_thread")]
async fn a_look_tells_what_a_container_uses_and_the_limits_it_was_given() {
    let house = House::new("usage");
    let mut api = acting(&["eat:20", "beat:/dev/null", "forever"]);
    api.mem_limit = Some(64 << 20);
    api.pids_limit = Some(32);
    api.cpus = Some(0.01);
    let topology = house.topology([("api", api), ("free", acting(&["forever"]))]);
    topology.bring_up(PATIENCE).await.unwrap();

    let seen = topology.inspect("api").await.unwrap();
    assert_eq!((seen.mem_limit_kib, seen.pids_limit), (Some(65536), Some(32)));
    assert!(
        seen.mem_kib > Some(64) && seen.mem_kib <= seen.mem_limit_kib,
        "{seen:?}"
    );
    assert_eq!(seen.pids, Some(2), "the first thread, and the one that beats");
    assert!(seen.throttled_periods > Some(0), "{seen:?}");
    let free = topology.inspect("free").await.unwrap();
    assert_eq!(
        (
            free.mem_limit_kib,
            free.pids_limit,
            free.pids,
            free.throttled_periods
        ),
        (None, None, Some(1), Some(0))
    );

    // What it may use now, not what it was given at first.
    docker(&["update", "--pids-limit", "16", &house.container("api")]);
    assert_eq!(topology.inspect("api").await.unwrap().pids_limit, Some(16));

    let dead = topology.kill("api").await.unwrap();
    assert_eq!(
        (dead.mem_kib, dead.pids, dead.throttled_periods),
        (None, None, None)
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
}
