//! Scans on a real database, real files and a sink of their own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    Blind, Encoding, Needles, Params, Site, look,
    sieve::{Found, Sieve, Sifted, Spot},
    sink,
};
use crate::{
    exchange::Exchange,
    probe::{Paper, Rollback, sql, testing},
    redact::Secret,
};

const CANARY: &str = "kQ7v_canary-Zt1";
const OTHER: &str = "0ther+value/of=a;run?";

/// Paper that stands in a folder and knows two secrets.
struct Sheet(PathBuf);

impl Paper for Sheet {
    fn exchange(&self, _exchange: Exchange) {}

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("prompt", CANARY), Secret::new("hook/a", OTHER)]
    }

    fn folder(&self) -> PathBuf {
        self.0.clone()
    }

    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }

    fn redact_json(&self, value: &Value) -> Value {
        value.clone()
    }
}

fn needles(encodings: &[Encoding]) -> Arc<Needles> {
    let secrets = Sheet(PathBuf::new()).secrets();
    Arc::new(Needles::new(&["*".to_owned()], &secrets, encodings))
}

fn found(sifted: &Sifted) -> Vec<(&'static str, Spot)> {
    let found = sifted.found.iter();
    found
        .map(|((_, encoding), spot)| (encoding.word(), *spot))
        .collect()
}

fn sift(bytes: &[u8]) -> Sifted {
    Sieve::sift(&needles(&Encoding::ALL), bytes).expect("memory can be read")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

async fn seen(params: Value, site: &Site) -> Result<Value, String> {
    let seen = look(Params::of(&params).expect("a table"), site).await;
    seen.map_err(|blind: Blind| blind.to_string())
}

/// A site with one service that has said something, and a record with one file.
fn site(folder: &Path, said: &str, written: &str) -> Site {
    fs::create_dir_all(folder.join("record/gates")).expect("a folder");
    fs::write(folder.join("api.log"), said).expect("written");
    fs::write(folder.join("record/gates/paper.json"), written).expect("written");
    let ground = testing::Still::saying(folder);
    ground.runs("api", &[]);
    testing::site(
        Arc::new(ground),
        Arc::new(Sheet(folder.join("record"))),
        BTreeMap::new(),
    )
}

#[test]
fn a_needle_is_found_wherever_windows_are_cut() {
    let needles = needles(&Encoding::ALL);
    let text = format!("{}{CANARY} and {CANARY}", "x".repeat(100));
    for cut in 90..120 {
        let mut sieve = Sieve::new(&needles);
        sieve.feed(&text.as_bytes()[..cut]);
        sieve.feed(&text.as_bytes()[cut..]);
        assert_eq!(
            found(&sieve.end()),
            [("plain", Spot { at: 100, times: 2 })],
            "{cut}"
        );
    }
}

#[test]
fn what_is_packed_is_unpacked_also_inside_another_and_when_it_is_cut_off() {
    // It must be worth packing: what is not stands in the middle of what is packed as it is.
    let words = (0..50_000)
        .map(|n| format!("and word {n} "))
        .collect::<Vec<_>>()
        .concat();
    let noise = words.as_bytes();
    let packed = gzip(&gzip(&[noise, CANARY.as_bytes(), noise].concat()));
    let at = Spot { at: 3, times: 1 };
    assert_eq!(
        found(&sift(&[b"abc", &packed[..], b"rest"].concat())),
        [("gzip", at)]
    );
    let cut = gzip(&[CANARY.as_bytes(), noise].concat());
    assert_eq!(
        found(&sift(&[b"abc", &cut[..cut.len() / 2]].concat())),
        [("gzip", at)]
    );
    assert_eq!(
        sift(b"H4sI is how it begins, and 1f8b08 as well").found,
        Found::new()
    );
}

#[test]
fn more_than_is_unpacked_is_trouble_and_never_nothing() {
    let mut packed = CANARY.as_bytes().to_vec();
    for _ in 0..6 {
        packed = gzip(&packed);
    }
    assert!(sift(&packed).trouble.is_some_and(|why| why.contains("packed")));
}

#[test]
fn the_sink_gives_back_every_needle_in_every_encoding() {
    let unseen = sink::unseen(&needles(&Encoding::ALL)).expect("a sink");
    assert_eq!(unseen, [[], []]);
}

#[test]
fn the_sink_tells_what_a_scan_is_blind_to() {
    let secrets = [Secret::new("prompt", CANARY)];
    let asked = ["prompt".to_owned(), "nobody".to_owned()];
    let needles = Arc::new(Needles::new(&asked, &secrets, &[Encoding::Plain]));
    let unseen = sink::unseen(&needles).expect("a sink");
    let names: Vec<_> = needles.names().collect();
    assert_eq!(names, [("nobody", 0), ("prompt", 1)]);
    assert_eq!(unseen[0], Encoding::ALL, "what was never made is found nowhere");
    // In a JSON string and in a URL this value stands as it is.
    let blind = [
        Encoding::Base64,
        Encoding::Base64Url,
        Encoding::Hex,
        Encoding::Gzip,
    ];
    assert_eq!(unseen[1], blind);
}

#[test]
fn the_words_of_a_gate_are_those_of_the_encodings() {
    let words = Encoding::ALL.map(Encoding::word);
    assert_eq!(crate::gate::kinds::ENCODINGS, words);
}

#[tokio::test]
async fn logs_and_the_record_are_searched_and_no_value_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = format!("one\ntwo {CANARY}\n{}\n", hex::encode(OTHER));
    let site = site(folder.path(), &said, "{}");
    let params = json!({"needles": ["*"], "logs": ["*"], "record": true});
    let seen = seen(params, &site).await.expect("seen");
    assert_eq!(
        seen["haystacks"],
        json!([
            {"name": "log:api", "kind": "log", "bytes": said.len(), "hits": [
                {"needle": "hook/a", "encoding": "hex", "where": "byte 24", "times": 1},
                {"needle": "prompt", "encoding": "plain", "where": "byte 8", "times": 1}]},
            {"name": "file:gates/paper.json", "kind": "file", "bytes": 2, "hits": []},
        ])
    );
    assert_eq!(
        seen["needles"],
        json!([{"name": "hook/a", "planted": 1, "unseen_in_sink": []},
               {"name": "prompt", "planted": 1, "unseen_in_sink": []}])
    );
    let paper = seen.to_string();
    assert!(!paper.contains(CANARY) && !paper.contains(OTHER), "{paper}");
}

#[tokio::test]
async fn what_cannot_be_read_leaves_no_observation() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = site(folder.path(), "", "");
    fs::remove_file(folder.path().join("api.log")).expect("removed");
    let unread = seen(json!({"needles": ["*"], "logs": ["api"]}), &site).await;
    assert!(
        unread
            .expect_err("gone")
            .starts_with("`log:api` cannot be read: ")
    );
    let unknown = seen(json!({"needles": ["*"], "encodings": ["rot13"]}), &site).await;
    assert_eq!(unknown, Err("there is no encoding `rot13`".into()));
}

const SCHEMA: &str = "
    create domain words as text;
    create table kinds (n int, t text, v varchar(80), w words, j json, b jsonb, y bytea, l text[], u uuid, o numeric);
    create table empty (t text);
    create table numbers (n int);
    create table parent (t text) partition by list (t);
    create table child partition of parent default;
    create table base (t text);
    create table heir () inherits (base);
    create view seen as select t from kinds;
    create materialized view kept as select t from kinds;
    create materialized view never as select t from kinds with no data;
    create table \"Odd name\" (\"a column\" text);";

async fn bench(more: &str) -> (testing::Bench, Site) {
    let bench = testing::Bench::new(&format!("{SCHEMA}{more}")).await;
    let mut site = bench.site.clone();
    site.paper = Arc::new(Sheet(PathBuf::new()));
    (bench, site)
}

fn hits(seen: &Value) -> Vec<(&str, &str, &str)> {
    let haystacks = seen["haystacks"].as_array().expect("a list").iter();
    let hits = haystacks.flat_map(|haystack| {
        let hits = haystack["hits"].as_array().expect("a list").iter();
        hits.map(move |hit| [&haystack["name"], &hit["encoding"], &hit["where"]])
    });
    hits.map(|hit| hit.map(|text| text.as_str().expect("a text")).into())
        .collect()
}

#[tokio::test]
async fn every_column_that_can_hold_a_text_is_searched() {
    let insert = format!(
        "insert into kinds values (1, '{CANARY}', '{CANARY}', '{CANARY}', '{{\"a\": \"{CANARY}\"}}', '[\"{CANARY}\"]',
            '{CANARY}'::bytea, array['x', '{CANARY}'], null, 1.5), (2, 'x', null, null, null, null, null, null, null, null);
         insert into parent values ('{CANARY}'); insert into heir values ('{CANARY}');
         insert into \"Odd name\" values ('{CANARY}'), ('{CANARY}');
         refresh materialized view kept;"
    );
    let (_bench, site) = bench(&insert).await;
    let seen = seen(json!({"needles": ["prompt"], "tables": {"db": "admin"}}), &site)
        .await
        .expect("seen");
    let mut expected: Vec<_> = ["t", "v", "w", "j", "b", "y", "l"]
        .map(|column| ("table:public.kinds", "plain", format!("`{column}` of row (0,1)")))
        .into();
    expected.insert(0, ("table:public.heir", "plain", "`t` of row (0,1)".into()));
    expected.insert(0, ("table:public.child", "plain", "`t` of row (0,1)".into()));
    expected.insert(
        0,
        ("table:public.Odd name", "plain", "`a column` of row (0,1)".into()),
    );
    expected.push(("table:public.kept", "plain", "`t` of row (0,1)".into()));
    let mut expected: Vec<_> = expected.iter().map(|(a, b, c)| (*a, *b, c.as_str())).collect();
    let mut found = hits(&seen);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let named = |name: &str| {
        let all = seen["haystacks"].as_array().expect("a list");
        all.iter().find(|haystack| haystack["name"] == name).cloned()
    };
    let kinds = named("table:public.kinds").expect("searched");
    assert_eq!(
        (&kinds["rows"], &kinds["columns"]),
        (&json!(2), &json!(["t", "v", "w", "j", "b", "y", "l"]))
    );
    assert_eq!(
        named("table:public.Odd name").expect("searched")["hits"][0]["times"],
        2
    );
    assert_eq!(named("table:public.empty").expect("searched")["rows"], 0);
    for absent in ["numbers", "seen", "never", "parent"] {
        assert_eq!(named(&format!("table:public.{absent}")), None, "{absent}");
    }
}

#[tokio::test]
async fn rows_that_are_hidden_and_tables_that_may_not_be_read_leave_no_observation() {
    let more = "grant select on all tables in schema public to plain;
        alter table kinds enable row level security; create policy none on kinds using (false);";
    let (_bench, site) = bench(more).await;
    let params = json!({"needles": ["prompt"], "tables": {"db": "plain"}});
    let hidden = seen(params.clone(), &site).await;
    assert_eq!(
        hidden,
        Err("row security hides rows of `public.kinds` from the role of `plain`".into())
    );
    let (_bench, site) = bench("").await;
    let refused = seen(params, &site).await.expect_err("nothing was granted");
    assert!(
        refused.starts_with("`plain` cannot be searched: 42501 "),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_going_to_be_rolled_back_is_found_from_inside_its_transaction_only() {
    let (_bench, site) = bench("").await;
    let access = &site.databases["admin"];
    let mut connection: PgConnection =
        sql::connect(&sql::Target::of("admin", false, &site).expect("known"), &site)
            .await
            .expect("connected");
    let planted = format!("begin; insert into kinds (b) values ('\"{CANARY}\"');");
    sqlx::raw_sql(AssertSqlSafe(planted))
        .execute(&mut connection)
        .await
        .expect("done");
    let connection = Arc::new(tokio::sync::Mutex::new(connection));
    let mut inside = site.clone();
    inside.rollback = Some(Rollback {
        connection: Arc::clone(&connection),
        service: access.service.clone(),
        database: access.database.clone(),
    });
    let params = json!({"needles": ["prompt"], "tables": {"db": "admin"}});
    let from_inside = seen(params.clone(), &inside).await.expect("seen");
    assert_eq!(
        hits(&from_inside),
        [("table:public.kinds", "plain", "`b` of row (0,1)")]
    );
    let outside = seen(params, &site).await.expect("seen");
    assert_eq!(hits(&outside), []);
}
