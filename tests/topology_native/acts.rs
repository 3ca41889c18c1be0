//! What is done to services that stand.

use std::{sync::Arc, time::Duration};

use closure::topology::State;

use crate::house::{House, More as _, PATIENCE, lives, shell};

/// Counts while it runs, in its own volume; its child counts too.
const COUNTING: &str = "while true; do echo x >> \"$DATA/beats\"; sleep 0.02; done & wait";

fn counting() -> closure::compose::model::Service {
    shell(COUNTING).told("DATA", "/data").mounting("data", "/data")
}

fn beats(house: &House) -> usize {
    let file = house.run.path().join("live/volumes/data/beats");
    std::fs::read_to_string(file).unwrap_or_default().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_service_stands_still_with_all_its_processes_and_goes_on_where_it_was() {
    let house = House::new("act-pause");
    let topology = house.topology([("api", counting())]);
    topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(topology.pause("api").await.unwrap().state, State::Paused);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let held = beats(&house);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(beats(&house), held);
    let seen = topology.unpause("api").await.unwrap();
    assert_eq!((seen.state, seen.restarts), (State::Running, 0));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(beats(&house) > held);
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_is_gone_with_its_children_and_can_be_started_again() {
    let house = House::new("act-kill");
    let topology = house.topology([("api", counting())]);
    let first = topology.bring_up(PATIENCE).await.unwrap()[0].pid.unwrap();
    let killed = topology.kill("api").await.unwrap();
    assert_eq!(
        (killed.state, killed.exit_code, killed.pid),
        (State::Exited, Some(137), None)
    );
    assert!(!lives(first));
    let held = beats(&house);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(beats(&house), held, "the child that counts is gone as well");

    let error = topology.kill("api").await.unwrap_err();
    assert_eq!(error.to_string(), "failed to kill `api`");

    let again = topology.start("api", PATIENCE).await.unwrap();
    assert_eq!((again.state, again.restarts), (State::Running, 1));
    assert_ne!(again.pid, Some(first));
    let error = topology.start("api", PATIENCE).await.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it lives");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_asked_to_stop_may_say_goodbye_and_one_that_will_not_is_killed() {
    let house = House::new("act-stop");
    let polite = "trap 'echo goodbye; exit 0' TERM; echo up; while true; do sleep 0.05; done";
    let deaf = "trap '' TERM; echo up; while true; do sleep 0.05; done";
    let topology = house.topology([("polite", shell(polite)), ("deaf", shell(deaf))]);
    topology.bring_up(PATIENCE).await.unwrap();
    let seen = topology.stop("polite", Some(PATIENCE)).await.unwrap();
    assert_eq!((seen.state, seen.exit_code), (State::Exited, Some(0)));
    assert_eq!(seen.last_words, "up\ngoodbye");
    let seen = topology
        .stop("deaf", Some(Duration::from_millis(300)))
        .await
        .unwrap();
    assert_eq!((seen.state, seen.exit_code), (State::Exited, Some(137)));
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_restarted_with_other_settings_runs_with_them_until_it_is_put_back() {
    let house = House::new("act-env");
    let api = shell("echo mood is $MOOD; exec sleep 600").told("MOOD", "good");
    let topology = house.topology([("api", api)]);
    let before = topology.bring_up(PATIENCE).await.unwrap().remove(0);
    let planned = topology.definition("api").unwrap();
    let during = topology
        .restart_with("api", planned.clone().told("MOOD", "bad"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(during.env.get("MOOD").map(String::as_str), Some("bad"));
    assert_ne!(during.pid, before.pid);
    assert_eq!(
        during.last_words, "mood is bad",
        "last words are those of the last process"
    );
    let after = topology.restart_with("api", planned, PATIENCE).await.unwrap();
    assert_eq!(after.env, before.env);
    assert_eq!(house.log("api"), "mood is good\nmood is bad\nmood is good\n");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_cannot_be_cut_off_from_its_network_and_that_is_said() {
    let house = House::new("act-cut");
    let topology = house.topology([("api", shell("exec sleep 600"))]);
    assert_eq!(topology.bring_up(PATIENCE).await.unwrap()[0].networks, None);
    for (act, error) in [
        ("disconnect", topology.disconnect("api").await.unwrap_err()),
        ("connect", topology.connect("api").await.unwrap_err()),
    ] {
        assert_eq!(error.to_string(), format!("failed to {act} `api`"));
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "a process of this host cannot be cut off from its network: it shares the host's, use `--substrate docker`"
        );
    }
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_nobody_knows_is_answered_with_the_nearest_name() {
    let house = House::new("act-unknown");
    let topology = house.topology([("worker", shell("exec sleep 600"))]);
    let error = topology.pause("wroker").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no service `wroker`\nhint: did you mean `worker`?"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_tells_sockets_memory_and_descriptors_of_the_service_alone() {
    let house = House::with_ports("act-look", &[("web", 8000)]);
    let serve = "import http.server, os\nhost, port = os.environ['LISTEN'].split(':')\n\
                 http.server.HTTPServer((host, int(port)), http.server.SimpleHTTPRequestHandler).serve_forever()";
    let place = house.addresses.outside("web", 8000).unwrap();
    let mut web = shell("").healthy_when("exec 3<>/dev/tcp/${LISTEN/:/\\/}", 1000);
    if let Some(check) = &mut web.healthcheck {
        check.test[0] = "bash".to_owned();
    }
    let native = web.native.as_mut().unwrap();
    native.argv = ["python3", "-c", serve].map(str::to_owned).to_vec();
    native.listen = Some("LISTEN".to_owned());
    let topology = house.topology([("web", web), ("quiet", shell("exec sleep 600"))]);
    topology.bring_up(PATIENCE).await.unwrap();

    let client = std::net::TcpStream::connect(&place).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let web = topology.inspect("web").await.unwrap();
    let here = std::slice::from_ref(&place);
    assert_eq!(web.listens, here);
    assert_eq!(
        web.sockets, here,
        "the connection that stands ends at the service's own address"
    );
    assert!(
        web.rss_kib > Some(1024) && web.fds >= Some(4) && web.cpu_pct >= Some(0.0),
        "{web:?}"
    );
    let quiet = topology.inspect("quiet").await.unwrap();
    assert!(quiet.listens.is_empty() && quiet.sockets.is_empty());
    drop(client);

    topology.stop("web", None).await.unwrap();
    let gone = topology.inspect("web").await.unwrap();
    assert_eq!(
        (gone.rss_kib, gone.fds, gone.listens.len()),
        (Some(0), Some(0), 0)
    );
    std::net::TcpStream::connect(&place).unwrap_err();
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_and_acts_go_on_side_by_side() {
    let house = House::new("act-beside");
    let topology = Arc::new(house.topology([
        ("api", shell("exec sleep 600")),
        ("worker", shell("exec sleep 600")),
    ]));
    let rising = Arc::clone(&topology);
    tokio::spawn(async move { rising.bring_up(PATIENCE).await.map(drop) })
        .await
        .unwrap()
        .unwrap();
    let looking = Arc::clone(&topology);
    let first_look = Arc::new(tokio::sync::Notify::new());
    let looked = Arc::clone(&first_look);
    let looks = tokio::spawn(async move {
        let mut pids = std::collections::BTreeSet::new();
        // Two processes of the api, and the worker.
        while pids.len() < 3 {
            pids.extend(looking.inspect_all().await.into_iter().filter_map(|one| one.pid));
            looked.notify_one();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
    first_look.notified().await;
    topology.restart("api", PATIENCE).await.unwrap();
    tokio::time::timeout(PATIENCE, looks)
        .await
        .expect("both lives of the api were seen")
        .unwrap();
    topology.tear_down(false).await.unwrap();
}
