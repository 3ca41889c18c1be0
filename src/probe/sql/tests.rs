use serde_json::{Value, json};

use crate::{
    cel::World,
    gate::tree::literal,
    probe::{Blind, Rollback, look, testing::Bench},
};

const SCHEMA: &str =
    "create table t (id int primary key, name text); insert into t values (1, 'one'), (2, 'two');
    grant select on t to plain; create table hidden (id int);
    create function sneak() returns int language sql as 'insert into t values (7) returning id';";

pub(super) async fn see(bench: &Bench, params: Value) -> Result<Value, Blind> {
    let world = World::pure();
    let tree = literal(&params).expect("no expression");
    let mut seen = look("sql", &tree, &world.scope(), &bench.site).await.seen?;
    for moving in ["ms", "t_ms"] {
        assert!(seen[moving].is_number());
        seen.as_object_mut().expect("an object").remove(moving);
    }
    Ok(seen)
}

#[tokio::test]
async fn rows_are_read_with_types_and_columns() {
    let bench = Bench::new(SCHEMA).await;
    let types = "select 1 as i, 9223372036854775807 as big, 1.50::numeric as n, 12345678901234567890.1 as wide, true as b,
        null::int as z, '{\"a\": [1]}'::jsonb as j, array[1, 2] as l, timestamptz '2026-11-20 13:04:05.5+02' as at,
        '\\x00ff'::bytea as raw, interval '90 min' as d -- the end";
    let seen = see(&bench, json!({"db": "admin", "query": types}))
        .await
        .expect("seen");
    assert_eq!(
        seen["row"],
        json!({"i": 1, "big": i64::MAX, "n": 1.5, "wide": "12345678901234567890.1", "b": true, "z": null, "j": {"a": [1]},
               "l": [1, 2], "at": "2026-11-20T11:04:05.5+00:00", "raw": "\\x00ff", "d": "01:30:00"})
    );
    let none = see(
        &bench,
        json!({"db": "admin", "query": "select id, name from t where false;"}),
    )
    .await
    .expect("seen");
    assert_eq!(
        none,
        json!({"sqlstate": "00000", "error": null, "columns": ["id", "name"], "count": 0, "rows": []})
    );
}

#[tokio::test]
async fn binds_take_the_type_of_their_place() {
    let bench = Bench::new(SCHEMA).await;
    let query = "select array_agg(id) as ids, :text as said, :o::jsonb->>'k' as k, 3 -:n as n from t where id = any(:ids::int[]) and name <> :no";
    let bind = json!({"ids": [1, 2], "text": "it's :a", "o": {"k": "v"}, "n": -4, "no": "x"});
    let seen = see(&bench, json!({"db": "admin", "query": query, "bind": bind}))
        .await
        .expect("seen");
    assert_eq!(
        seen["row"],
        json!({"ids": [1, 2], "said": "it's :a", "k": "v", "n": 7}),
        "{seen}"
    );
}

#[tokio::test]
async fn a_look_cannot_escape_its_read_only_transaction() {
    let bench = Bench::new(SCHEMA).await;
    for (query, state) in [
        ("commit; drop table t", "42601"),
        ("select 1; drop table t", "42601"),
        (
            "select 1) x; commit; drop table t; select * from (select 1",
            "42601",
        ),
        ("with d as (delete from t returning id) select * from d", "0A000"),
        ("delete from t", "42601"),
        ("select sneak()", "25006"),
        ("select set_config('transaction_read_only', 'off', true)", "25001"),
    ] {
        let seen = see(&bench, json!({"db": "admin", "query": query}))
            .await
            .expect("an error is seen");
        assert_eq!(seen["sqlstate"], state, "{query}: {seen}");
        assert!(seen.get("rows").is_none(), "an error has no rows");
        assert!(seen["error"].as_str().is_some_and(|error| !error.is_empty()));
    }
    let left = see(
        &bench,
        json!({"db": "admin", "query": "select count(*)::int as n from t"}),
    )
    .await
    .expect("seen");
    assert_eq!(left["row"]["n"], 2);
}

#[tokio::test]
async fn what_cannot_be_seen_is_blind_and_says_why() {
    let mut bench = Bench::new(SCHEMA).await;
    for (params, why) in [
        (
            json!({"db": "admin", "query": "select * from generate_series(1, 6)", "limit": 5}),
            "more than 5 rows",
        ),
        (
            json!({"db": "admin", "query": "select 1 as a, 2 as a"}),
            "two columns are called `a`",
        ),
        (
            json!({"db": "nobody", "query": "select 1"}),
            "no database `nobody`",
        ),
        (
            json!({"db": "admin", "query": "select :x"}),
            "`:x` is not in `bind`",
        ),
        (
            json!({"db": "admin", "query": "select 1", "on": "clone"}),
            "has no clone",
        ),
        (
            json!({"db": "admin", "query": "select pg_terminate_backend(pg_backend_pid())"}),
            "connection broke",
        ),
        (
            json!({"db": "admin", "file": "missing.sql"}),
            "no file `missing.sql`",
        ),
        (
            json!({"inside": "api", "query": "select 1"}),
            "`dsn_env` is missing",
        ),
        (
            json!({"inside": "api", "dsn_env": "DATABASE_URL", "query": "select 1", "on": "clone"}),
            "no say in where a service's own DSN leads",
        ),
        (
            json!({"inside": "api", "dsn_env": "DATABASE_URL", "query": "select 1"}),
            "no service `api`",
        ),
    ] {
        let blind = see(&bench, params.clone()).await.expect_err("blind").to_string();
        assert!(blind.contains(why), "{params}: {blind}");
    }
    let full = see(
        &bench,
        json!({"db": "admin", "query": "select * from generate_series(1, 5)", "limit": 5}),
    )
    .await;
    assert_eq!(full.expect("five are allowed")["count"], 5);
    let mut elsewhere = (*bench.site.databases).clone();
    elsewhere.get_mut("admin").expect("known").address.set_port(1);
    bench.site.databases = elsewhere.into();
    let blind = see(&bench, json!({"db": "admin", "query": "select 1"}))
        .await
        .expect_err("another cluster");
    assert!(blind.to_string().contains("not this run's own"), "{blind}");
}

#[tokio::test]
async fn settings_end_with_the_look_and_first_statements_leave_theirs() {
    let bench = Bench::new(SCHEMA).await;
    let query = "select current_setting('app.a', true) as a, current_user = session_user as same, current_setting('TimeZone') as tz";
    let with = json!({"db": "plain", "query": query, "context": {"app.a": "x", "app.b": null}});
    assert_eq!(see(&bench, with).await.expect("seen")["row"]["a"], "x");
    let pooled = json!({"db": "plain", "query": query, "first": ["select set_config('app.a', 'y', true)"]});
    let seen = see(&bench, pooled).await.expect("seen");
    assert_eq!(
        seen["row"],
        json!({"a": "", "same": true, "tz": "UTC"}),
        "a used setting reads back empty, not null"
    );
    let wrong = see(
        &bench,
        json!({"db": "plain", "query": query, "first": ["select 1", "select 1; select 2"]}),
    )
    .await;
    assert!(
        wrong.expect("seen")["error"]
            .as_str()
            .expect("an error")
            .starts_with("first[1]: ")
    );
}

#[tokio::test]
async fn writing_commits_and_reads_back() {
    let bench = Bench::new(SCHEMA).await;
    let insert = json!({"db": "admin", "writes": true, "query": "insert into t values (:id, 'x') returning id, name;", "bind": {"id": 3}});
    assert_eq!(
        see(&bench, insert.clone()).await.expect("written")["row"],
        json!({"id": 3, "name": "x"})
    );
    assert_eq!(see(&bench, insert).await.expect("seen")["sqlstate"], "23505");
    let update = json!({"db": "admin", "writes": true, "query": "update t set name = 'y'"});
    assert_eq!(see(&bench, update).await.expect("written")["count"], 3);
    let several = "create function f(i int) returns int language sql as $$ insert into t values (i, 'f') returning id $$; select 1;";
    assert_eq!(
        see(&bench, json!({"db": "admin", "writes": true, "query": several}))
            .await
            .expect("written")["sqlstate"],
        "00000"
    );
    let call = json!({"db": "admin", "writes": true, "query": "select f(9) as id"});
    assert_eq!(see(&bench, call).await.expect("written")["row"], json!({"id": 9}));
    let with =
        "with a as (insert into t values (10, 'w') returning id) insert into t select id + 1, 'w' from a";
    assert_eq!(
        see(&bench, json!({"db": "admin", "writes": true, "query": with}))
            .await
            .expect("written")["count"],
        1
    );
    let half = json!({"db": "admin", "writes": true, "query": "delete from t; select 1 / 0;"});
    assert_eq!(see(&bench, half).await.expect("seen")["sqlstate"], "22012");
    let count = see(
        &bench,
        json!({"db": "admin", "query": "select count(*)::int as n from t"}),
    )
    .await
    .expect("seen");
    assert_eq!(count["row"]["n"], 6, "a statement that failed wrote nothing");
}

#[tokio::test]
async fn looks_inside_a_rolled_back_transaction_see_it_as_their_own_role() {
    let mut bench = Bench::new(SCHEMA).await;
    let target = super::Target::of("admin", false, &bench.site).expect("known");
    let mut connection = super::connect(&target, &bench.site).await.expect("connected");
    sqlx::raw_sql("begin; insert into t values (3, 'sabotage')")
        .execute(&mut connection)
        .await
        .expect("done");
    let count = json!({"db": "plain", "query": "select count(*)::int as n, current_user::text as u from t", "context": {"app.a": "1"}});
    assert_eq!(
        see(&bench, count.clone()).await.expect("seen")["row"]["n"],
        2,
        "not seen from outside"
    );
    bench.site.rollback = Some(Rollback {
        connection: std::sync::Arc::new(tokio::sync::Mutex::new(connection)),
        service: "postgres".into(),
        database: target.database.clone(),
    });
    for _ in 0..2 {
        let seen = see(&bench, count.clone()).await.expect("seen");
        assert_eq!(seen["row"]["n"], 3);
        assert!(
            seen["row"]["u"]
                .as_str()
                .is_some_and(|user| user.starts_with("plain")),
            "{seen}"
        );
        let denied = see(&bench, json!({"db": "plain", "query": "select * from hidden"}))
            .await
            .expect("seen");
        assert_eq!(
            denied["sqlstate"], "42501",
            "an error does not end the transaction"
        );
    }
    let settings = "select current_setting('app.a', true) as a, current_setting('transaction_read_only') as ro, current_user::text as u";
    let clean = see(&bench, json!({"db": "admin", "query": settings}))
        .await
        .expect("seen");
    assert_eq!(clean["row"], json!({"a": "", "ro": "on", "u": "postgres"}));
    let writes = see(
        &bench,
        json!({"db": "admin", "query": "delete from t", "writes": true}),
    )
    .await
    .expect_err("blind");
    assert!(
        writes.to_string().contains("cannot stand in a transaction"),
        "{writes}"
    );
}
