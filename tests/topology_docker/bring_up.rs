//! Order, readiness and what a container is given; what is seen of it.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use closure::{
    compose::model::{Condition, Port},
    topology::{Health, State},
};

use crate::house::{House, More as _, PATIENCE, acting, docker, told};

#[tokio::test(flavor = "multi_thread")]
async fn services_start_after_what_they_depend_on_has_come_to_its_condition() {
    let house = House::new("up-order");
    let topology = house.topology([
        (
            "seed",
            acting(&["sleep:200", "append:/data/seed=seeded"]).mounting("data", "/data"),
        ),
        (
            "api",
            acting(&[
                "read:/data/seed",
                "cry:on my way",
                "sleep:300",
                "append:/data/ready=",
                "forever",
            ])
            .mounting("data", "/data")
            .healthy_when(&["need:/data/ready"], 100)
            .after("seed", Condition::ServiceCompletedSuccessfully),
        ),
        (
            "worker",
            acting(&["list:/data", "forever"])
                .mounting("data", "/data")
                .after("api", Condition::ServiceHealthy),
        ),
    ]);
    topology.prepare().await.unwrap();
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    let states: Vec<_> = seen
        .iter()
        .map(|one| (one.name.as_str(), one.state, one.health))
        .collect();
    let expected = [
        ("api", State::Healthy, Health::Healthy),
        ("seed", State::Completed, Health::None),
        ("worker", State::Running, Health::None),
    ];
    assert_eq!(states, expected);
    let mut lines: Vec<String> = house.log("api").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["on my way", "seeded"], "from the first byte, both voices");
    assert_eq!(house.log("worker"), "ready seed\n");
    assert!(seen[0].took_ms >= 300 && seen[0].pid.is_some(), "{:?}", seen[0]);
    assert_eq!(seen[0].image_id.len(), "sha256:".len() + 64);
    assert_eq!(seen[0].digest, "", "it was never in a registry");
    assert!(topology.notices().is_empty());
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0]);
    assert!(!house.run.path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn services_find_each_other_by_name_and_probes_find_them_on_loopback() {
    let house = House::with_ports("up-names", &[("api", 8000), ("other", 8000)]);
    let topology = house.topology([
        (
            "api",
            acting(&["listen:8000", "forever"]).told("NAME", "I am the api"),
        ),
        (
            "other",
            acting(&["listen:8000", "forever"]).told("NAME", "I am the other"),
        ),
        (
            "client",
            acting(&[
                "ask:api:8000",
                "ask:other:8000",
                "hold:api:8000",
                "say:up",
                "forever",
            ])
            .after("api", Condition::ServiceHealthy)
            .after("other", Condition::ServiceHealthy),
        ),
    ]);
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(house.log("client"), "I am the api\nI am the other\nup\n");
    let (api, client) = (&seen[0], &seen[1]);
    assert_eq!(house.addresses.inside("api", 8000).unwrap(), "api:8000");
    let outside = house.addresses.outside("api", 8000).unwrap();
    assert_eq!(greeting(&outside), "I am the api\n");
    assert_eq!(api.listens, ["0.0.0.0:8000"], "as the container itself sees it");
    assert_eq!(api.sockets.len(), 1, "{:?}", api.sockets);
    assert!(api.sockets[0].ends_with(":8000"), "{:?}", api.sockets);
    assert!(
        client.listens.is_empty() && client.sockets.len() == 1,
        "{client:?}"
    );
    assert!(api.rss_kib > Some(0) && api.fds > Some(2), "{api:?}");
    assert_eq!(told(&api.env), [("NAME", "I am the api")]);
    assert_eq!(api.restarts, 0);
    topology.tear_down(false).await.unwrap();
    std::net::TcpStream::connect(&outside).unwrap_err();
}

fn greeting(place: &str) -> String {
    use std::io::BufRead as _;
    let stream = std::net::TcpStream::connect(place).unwrap();
    let mut line = String::new();
    std::io::BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_container_may_do_is_what_the_compose_file_says() {
    let house = House::new("up-rights");
    std::fs::write(house.root.path().join("greeting"), "hello").unwrap();
    let mut service = acting(&[
        "who",
        "append:/tmp/x=",
        "read:/greeting",
        "list:/",
        "need:/sys",
        "forever",
    ]);
    service.user = Some("65532:65532".to_owned());
    service.read_only = true;
    service.tmpfs = vec!["/tmp:size=1m".to_owned()];
    service.cap_drop = vec!["ALL".to_owned()];
    service.security_opt = vec!["no-new-privileges:true".to_owned()];
    service.mem_limit = Some(64 << 20);
    service.cpus = Some(0.5);
    service.pids_limit = Some(32);
    service.hostname = Some("puppet".to_owned());
    let mut service = service.mounting("./greeting", "/greeting");
    service.volumes[0].read_only = true;
    service.ports = vec![Port {
        target: 9000,
        published: None,
        host_ip: "127.0.0.1".to_owned(),
    }];
    let topology = house.topology([("api", service)]);
    topology.bring_up(PATIENCE).await.unwrap();
    let log = house.log("api");
    assert!(
        log.starts_with("Uid: 65532\nCapEff: 0000000000000000\nhello\n"),
        "{log}"
    );
    let form = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} \
                {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.RestartPolicy.Name}} {{.Config.Hostname}} \
                {{(index (index .NetworkSettings.Ports \"9000/tcp\") 0).HostIp}}";
    let said = docker(&["inspect", "--format", form, &house.container("api")]);
    assert_eq!(said.trim(), "67108864 500000000 32 true no puppet 127.0.0.1");
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_keeps_empty_folders_and_modes_and_its_build_is_written_down() {
    let house = House::new("up-context");
    let context = house.root.path().join("puppet");
    std::fs::create_dir_all(context.join("rootfs/metrics")).unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(context.join("rootfs/metrics"), open).unwrap();
    let recipe = "FROM scratch AS first\nCOPY puppet /puppet\nFROM scratch\nARG WORD\nCOPY --from=first /puppet \
                  /puppet\nCOPY rootfs /\nENV WORD=$WORD\nENTRYPOINT [\"/puppet\"]\n";
    std::fs::write(context.join("Special"), recipe).unwrap();
    let mut service = acting(&["env:WORD", "append:/metrics/x=", "list:/metrics", "forever"]);
    service.user = Some("65532".to_owned());
    let build = service.build.as_mut().unwrap();
    build.dockerfile = Some("Special".to_owned());
    build.args.insert("WORD".to_owned(), "given".to_owned());
    let topology = house.topology([("api", service.mounting("metrics", "/metrics"))]);
    topology.prepare().await.unwrap();
    topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(house.log("api"), "given\nx\n");
    assert!(
        house.log("images").contains("COPY rootfs /"),
        "{}",
        house.log("images")
    );
    topology.tear_down(false).await.unwrap();
    assert_eq!(house.things(), [""; 0], "no stage is left either");
}

#[tokio::test(flavor = "multi_thread")]
async fn part_of_the_services_can_be_brought_up_before_the_rest() {
    let house = House::new("up-part");
    let topology = house.topology([
        ("seed", acting(&["exit:0"])),
        (
            "api",
            acting(&["forever"]).after("seed", Condition::ServiceCompletedSuccessfully),
        ),
    ]);
    topology.bring_up_to(&["seed"], PATIENCE).await.unwrap();
    assert_eq!(topology.inspect("api").await.unwrap().state, State::NotStarted);
    let seen = topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!((seen[0].state, seen[1].state), (State::Running, State::Completed));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(seen[1].restarts, 0, "what was up already is not started again");
    topology.tear_down(false).await.unwrap();
}
