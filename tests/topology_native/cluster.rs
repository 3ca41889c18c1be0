//! A fresh Postgres in place of the image's.

use std::time::Instant;

use closure::{
    compose::model::Condition,
    topology::{State, Topology},
};
use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};

use crate::house::{House, More as _, PATIENCE, postgres, shell};

async fn connect(house: &House, password: &str) -> Result<PgConnection, sqlx::Error> {
    let place = house.addresses.outside("postgres", 5432).unwrap();
    let (host, port) = place.split_once(':').unwrap();
    let options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(port.parse().unwrap());
    PgConnection::connect_with(&options.username("boss").password(password).database("shop \"1\"")).await
}

async fn up(house: &House) -> Topology {
    let topology = house.topology([("postgres", postgres())]);
    topology.bring_up(PATIENCE).await.unwrap();
    topology
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_cluster_speaks_utf8_keeps_its_promises_and_asks_for_the_password() {
    let house = House::with_ports("pg-fresh", &[("postgres", 5432)]);
    let begin = Instant::now();
    let topology = up(&house).await;
    println!("up in {:?}", begin.elapsed());

    let mut client = connect(&house, "hunter2").await.unwrap();
    let row = sqlx::query(
        "select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
                current_setting('listen_addresses') as listens, current_setting('max_connections') as most,
                current_setting('is_superuser') as super, current_database()::text as db",
    );
    let row = row.fetch_one(&mut client).await.unwrap();
    let text = |name: &str| row.get::<String, _>(name);
    assert_eq!(
        [text("encoding"), text("fsync"), text("listens")],
        ["UTF8", "on", "127.0.0.1"]
    );
    assert_eq!(
        [text("most"), text("super"), text("db")],
        ["100", "on", "shop \"1\""]
    );

    let refused = connect(&house, "wrong").await.unwrap_err();
    assert!(
        refused.to_string().contains("password authentication failed"),
        "{refused}"
    );

    let seen = topology.inspect("postgres").await.unwrap();
    assert_eq!(seen.state, State::Healthy);
    assert_eq!(seen.listens, [house.addresses.outside("postgres", 5432).unwrap()]);
    let log = house.log("postgres");
    assert!(
        log.contains("database system is ready to accept connections") && !log.contains("hunter2"),
        "{log}"
    );
    assert!(!house.run.path().join("live/cluster-postgres/password").exists());

    topology.tear_down(false).await.unwrap();
    assert!(!house.run.path().exists());
    connect(&house, "hunter2").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_survives_a_kill_and_a_stop() {
    let house = House::with_ports("pg-crash", &[("postgres", 5432)]);
    let topology = up(&house).await;
    let mut client = connect(&house, "hunter2").await.unwrap();
    sqlx::raw_sql("create table kept (n int); insert into kept values (1)")
        .execute(&mut client)
        .await
        .unwrap();

    topology.kill("postgres").await.unwrap();
    sqlx::query("select 1").execute(&mut client).await.unwrap_err();
    topology.start("postgres", PATIENCE).await.unwrap();

    let mut client = connect(&house, "hunter2").await.unwrap();
    // Somebody is connected: the shutdown must not wait until they leave.
    let stopped = topology.stop("postgres", Some(PATIENCE)).await.unwrap();
    assert_eq!((stopped.state, stopped.exit_code), (State::Exited, Some(0)));
    sqlx::query("select 1").execute(&mut client).await.unwrap_err();
    topology.start("postgres", PATIENCE).await.unwrap();

    let mut client = connect(&house, "hunter2").await.unwrap();
    let kept: i32 = sqlx::query_scalar("select n from kept")
        .fetch_one(&mut client)
        .await
        .unwrap();
    assert_eq!(kept, 1);
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_cluster_answers_nobody_until_it_goes_on() {
    let house = House::with_ports("pg-pause", &[("postgres", 5432)]);
    let topology = up(&house).await;
    let mut client = connect(&house, "hunter2").await.unwrap();
    topology.pause("postgres").await.unwrap();
    let mut asked = Box::pin(sqlx::query_scalar::<_, i32>("select 41 + 1").fetch_one(&mut client));
    let waited = tokio::time::timeout(std::time::Duration::from_millis(500), &mut asked).await;
    assert!(
        waited.is_err(),
        "the backend stands still although it is in a session of its own"
    );
    topology.unpause("postgres").await.unwrap();
    assert_eq!(asked.await.unwrap(), 42);
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_images_own_settings_are_honoured_and_a_missing_password_is_refused() {
    let house = House::with_ports("pg-odd", &[("postgres", 5432)]);
    let mut odd = postgres().told("POSTGRES_INITDB_ARGS", "--encoding=SQL_ASCII --locale=C");
    odd.command = Some(
        ["postgres", "-c", "max_connections=17"]
            .map(str::to_owned)
            .to_vec(),
    );
    let topology = house.topology([("postgres", odd)]);
    topology.bring_up(PATIENCE).await.unwrap();
    let mut client = connect(&house, "hunter2").await.unwrap();
    let most: String = sqlx::query_scalar("show max_connections")
        .fetch_one(&mut client)
        .await
        .unwrap();
    let encoding: String = sqlx::query_scalar("show server_encoding")
        .fetch_one(&mut client)
        .await
        .unwrap();
    assert_eq!((most.as_str(), encoding.as_str()), ("17", "SQL_ASCII"));
    topology.tear_down(false).await.unwrap();

    let house = House::with_ports("pg-open", &[("postgres", 5432)]);
    let topology = house.topology([("postgres", postgres().told("POSTGRES_PASSWORD", ""))]);
    let error = topology.bring_up(PATIENCE).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.starts_with("`POSTGRES_PASSWORD` is not set or empty"),
        "{cause}"
    );
    topology.tear_down(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_beside_the_cluster_reaches_it_where_the_addresses_say() {
    let house = House::with_ports("pg-beside", &[("postgres", 5432)]);
    let place = house.addresses.inside("postgres", 5432).unwrap();
    let client = shell("exec 3<>/dev/tcp/${PLACE/:/\\/} && echo reached")
        .told("PLACE", &place)
        .after("postgres", Condition::ServiceHealthy);
    let mut client = client;
    client.native.as_mut().unwrap().argv[0] = "bash".to_owned();
    let waits = shell("exec sleep 600").after("client", Condition::ServiceCompletedSuccessfully);
    let topology = house.topology([("postgres", postgres()), ("client", client), ("waits", waits)]);
    topology.bring_up(PATIENCE).await.unwrap();
    assert_eq!(house.log("client"), "reached\n");
    topology.tear_down(false).await.unwrap();
}
