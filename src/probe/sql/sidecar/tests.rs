use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use super::super::tests::see;
use crate::probe::{Rollback, testing::Bench};

const SCHEMA: &str =
    "create table t (id int primary key, name text); insert into t values (1, 'one'), (2, 'two');
    grant select, insert on t to plain";

const PASSWORD: &str = "swordfish-1";

/// A process that has a DSN in its environment and does nothing with it.
struct Holder(Child);

impl Holder {
    fn of(dsn: &str) -> Self {
        let mut sleep = Command::new("sleep");
        sleep.arg("600").env("DATABASE_URL", dsn).stdin(Stdio::null());
        let holder = Self(sleep.spawn().expect("it starts"));
        // For a moment a process that is becoming another program has no environment at all.
        let environment = format!("/proc/{}/environ", holder.0.id());
        while fs::read(&environment).expect("it lives").is_empty() {
            thread::yield_now();
        }
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The DSN of `plain` on the bench's own database, with something behind it.
fn dsn(bench: &Bench, scheme: &str, tail: &str) -> String {
    let access = &bench.site.databases["plain"];
    format!(
        "{scheme}://plain:{PASSWORD}@{}/{}{tail}",
        access.address, access.database
    )
}

/// A look inside `api`, whose process holds this DSN.
async fn inside(bench: &Bench, dsn: &str, more: Value) -> Result<Value, String> {
    let holder = Holder::of(dsn);
    bench.runs_as("api", holder.0.id());
    let mut params = json!({"inside": "api", "dsn_env": "DATABASE_URL"});
    let (Value::Object(all), Value::Object(more)) = (&mut params, more) else {
        panic!("parameters are a table")
    };
    all.extend(more);
    see(bench, params).await.map_err(|blind| blind.to_string())
}

#[tokio::test]
async fn a_look_inside_is_made_as_the_role_the_process_would_be_and_is_else_the_same_look() {
    let bench = Bench::new(SCHEMA).await;
    let query =
        "select session_user as role, (select name from t where id = :id) as name, 9007199254740993 as big,
        current_setting('app.a', true) as a, current_setting('app.first', true) as first";
    let params = json!({"query": query, "bind": {"id": 2}, "context": {"app.a": "x"}, "first": ["set app.first = 'y'"]});
    let seen = inside(&bench, &dsn(&bench, "postgres", ""), params.clone()).await;
    let seen = seen.expect("seen");
    assert_eq!(
        seen["row"],
        json!({"role": "plain", "name": "two", "big": 9_007_199_254_740_993_i64, "a": "x", "first": "y"})
    );
    let mut outside = params;
    outside["db"] = "plain".into();
    assert_eq!(see(&bench, outside).await.expect("seen"), seen);
}

#[tokio::test]
async fn drivers_announce_themselves_and_a_dsns_own_options_stay_behind_what_is_pinned() {
    let bench = Bench::new(SCHEMA).await;
    let tail = "?options=-c%20app.own%3Dx%20-c%20TimeZone%3DAsia/Tokyo";
    for scheme in ["postgresql", "postgresql+asyncpg", "db+postgresql"] {
        let query =
            json!({"query": "select current_setting('app.own') as own, current_setting('TimeZone') as tz"});
        let seen = inside(&bench, &dsn(&bench, scheme, tail), query).await;
        assert_eq!(seen.expect("seen")["row"], json!({"own": "x", "tz": "UTC"}));
    }
}

#[tokio::test]
async fn an_error_of_the_statement_is_seen_and_so_is_what_was_written() {
    let bench = Bench::new(SCHEMA).await;
    let dsn = dsn(&bench, "postgres", "");
    let denied = inside(&bench, &dsn, json!({"query": "select * from pg_authid"})).await;
    let denied = denied.expect("seen");
    assert_eq!(denied["sqlstate"], "42501");
    assert!(denied.get("rows").is_none());
    let reading = json!({"query": "insert into t values (3, 'three')"});
    assert_eq!(
        inside(&bench, &dsn, reading).await.expect("seen")["sqlstate"],
        "42601"
    );
    let writing = json!({"query": "insert into t values (3, 'three') returning id", "writes": true});
    assert_eq!(
        inside(&bench, &dsn, writing).await.expect("seen")["row"],
        json!({"id": 3})
    );
}

#[tokio::test]
async fn what_cannot_be_seen_from_inside_is_blind_and_no_reason_holds_the_password() {
    let bench = Bench::new(SCHEMA).await;
    let server = bench.site.databases["plain"].address;
    let good = dsn(&bench, "postgres", "");
    let one = json!({"query": "select 1 as a"});
    for (dsn, params, why) in [
        (
            good.clone(),
            json!({"query": "select 1 as a", "dsn_env": "OTHER_URL"}),
            "`OTHER_URL` is not in the environment of process",
        ),
        (
            format!("mysql://plain:{PASSWORD}@{server}/t"),
            one.clone(),
            "`DATABASE_URL` is no URL of a Postgres database",
        ),
        (
            PASSWORD.to_owned(),
            one.clone(),
            "`DATABASE_URL` is no URL of a Postgres database",
        ),
        (
            format!("postgres://plain:{PASSWORD}@{server}x/t"),
            one.clone(),
            "`DATABASE_URL` is no URL of a Postgres database",
        ),
        (
            format!("postgres://plain:{PASSWORD}@192.0.2.1:5432/t"),
            one.clone(),
            "leads to `192.0.2.1:5432`, which is no database server of this run",
        ),
        (
            format!("{good}?host=192.0.2.1"),
            one.clone(),
            "which is no database server of this run",
        ),
        (
            format!("{good}?host=/tmp"),
            one.clone(),
            "leads to `/tmp`, which is no database server of this run",
        ),
        (
            format!("postgres://nobody:{PASSWORD}@{server}/postgres"),
            one.clone(),
            "cannot connect as `nobody`",
        ),
        (
            good.clone(),
            json!({"query": "select 1 as a, 2 as a"}),
            "two columns are called `a`",
        ),
    ] {
        let blind = inside(&bench, &dsn, params).await.expect_err(why);
        assert!(
            blind.starts_with("inside `api`: ") && blind.contains(why),
            "{why}: {blind}"
        );
        assert!(!blind.contains(PASSWORD), "{blind}");
    }
    let gone = Holder::of(&good);
    bench.runs_as("api", gone.0.id());
    drop(gone);
    let blind = see(
        &bench,
        json!({"inside": "api", "dsn_env": "DATABASE_URL", "query": "select 1 as a"}),
    )
    .await;
    let blind = blind.expect_err("nobody is there").to_string();
    assert!(blind.contains("the environment of process"), "{blind}");
}

#[tokio::test]
async fn not_even_a_row_carries_the_dsn_or_its_password_out() {
    let bench = Bench::new(SCHEMA).await;
    let dsn = dsn(&bench, "postgres", "");
    let query = json!({"query": "select :whole as whole, :word as word", "bind": {"whole": dsn, "word": format!("<{PASSWORD}>")}});
    let seen = inside(&bench, &dsn, query).await.expect("seen");
    assert_eq!(
        seen["row"],
        json!({"whole": "‹DATABASE_URL›", "word": "<‹DATABASE_URL›>"})
    );
}

#[tokio::test]
async fn what_is_rolled_back_cannot_be_seen_from_inside() {
    let mut bench = Bench::new(SCHEMA).await;
    let target = super::super::Target::of("admin", false, &bench.site).expect("known");
    let connection = super::super::connect(&target, &bench.site)
        .await
        .expect("connected");
    bench.site.rollback = Some(Rollback {
        connection: std::sync::Arc::new(tokio::sync::Mutex::new(connection)),
        service: "postgres".into(),
        database: target.database.clone(),
    });
    let blind = inside(
        &bench,
        &dsn(&bench, "postgres", ""),
        json!({"query": "select 1 as a"}),
    )
    .await;
    let blind = blind.expect_err("another connection");
    assert!(blind.contains("cannot see what is rolled back"), "{blind}");
}

#[tokio::test]
async fn bytes_that_are_no_errand_are_refused() {
    for bytes in [
        &b""[..],
        b"{}",
        b"\xff",
        br#"{"dsn_env": "A", "servers": [], "question": {}, "patience_ms": 1}"#,
    ] {
        let words = super::answer(1, bytes).await.expect_err("no errand");
        assert!(words.starts_with("that is no errand: "), "{words}");
    }
}
