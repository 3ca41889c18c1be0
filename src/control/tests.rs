use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Applied, Journal, KINDS, Undo, make, undo_pending};
use crate::{
    cel::World,
    gate::{
        model::{Change, Place},
        tree::literal,
    },
    observation::Look,
    probe::{
        Blind, Files, Site, look,
        testing::{Bench, Kept, Still, site},
    },
};

const SCHEMA: &str = "create table events (id int primary key, cents int, tenant text);
    insert into events select i, 100, case when i % 2 = 0 then 'a' else 'b' end from generate_series(1, 6) i;
    create table shares (event int references events on delete cascade); insert into shares values (1), (2);
    alter table events enable row level security; alter table events force row level security;
    create policy own on events using (tenant = current_setting('app.t', true));
    grant select on events to plain;";

struct Desk {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
    journal: Journal,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("undo.jsonl");
        let journal = Journal::open(&path).expect("opened");
        Self {
            _folder: folder,
            path,
            journal,
        }
    }

    async fn make(&self, kind: &str, place: Place, params: Value, site: &Site) -> Applied {
        let change = Change {
            kind: kind.into(),
            place,
            params: literal(&params).expect("no expression"),
        };
        make(&change, &World::pure().scope(), site, &self.journal).await
    }

    fn pending(&self) -> Vec<Undo> {
        Journal::pending(&self.path)
            .expect("read")
            .into_iter()
            .map(|(_, undo)| undo)
            .collect()
    }
}

async fn rows(site: &Site, db: &str, query: &str, tenant: Option<&str>) -> Result<Value, Blind> {
    let params = json!({"db": db, "query": query, "context": {"app.t": tenant}});
    let tree = literal(&params).expect("no expression");
    look("sql", &tree, &World::pure().scope(), site).await.seen
}

#[tokio::test]
async fn a_live_change_lands_and_is_undone_to_the_letter() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    for (query, undo) in [
        (
            "update pg_database set encoding = 0 where datname = current_database()",
            "update pg_database set encoding = 6 where datname = current_database()",
        ),
        (
            "alter table events no force row level security",
            "alter table events force row level security",
        ),
        (
            "drop policy own on events",
            "create policy own on events using (tenant = current_setting('app.t', true))",
        ),
        (
            "grant update on events to public",
            "revoke update on events from public",
        ),
        ("create table new_one (id int)", "drop table new_one"),
        (
            "update events set cents = cents + 1 where id = 1",
            "update events set cents = cents - 1 where id = 1",
        ),
        (
            "create function f() returns int language sql as 'select 1'; grant execute on function f() to public",
            "drop function f()",
        ),
        (
            "alter table events alter cents set default 5",
            "alter table events alter cents drop default",
        ),
    ] {
        let params = json!({"db": "admin", "query": query, "undo": undo});
        let mut applied = desk.make("sql", Place::Live, params, &bench.site).await;
        assert!(applied.record.landed(), "{query}: {:?}", applied.record);
        assert!(!applied.record.undone());
        assert!(matches!(desk.pending().as_slice(), [Undo::Sql { sql, .. }] if sql == undo));
        applied.undo(&bench.site, &desk.journal).await;
        assert!(applied.record.undone(), "{query}: {:?}", applied.record);
        assert!(desk.pending().is_empty());
    }
}

#[tokio::test]
async fn role_attributes_are_witnessed() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    let role = bench.site.databases["plain"].user.clone();
    let params = json!({"db": "admin", "query": format!("alter role {role} bypassrls"), "undo": format!("alter role {role} nobypassrls")});
    let mut applied = desk.make("sql", Place::Rollback, params, &bench.site).await;
    assert!(applied.record.landed());
    applied.undo(&bench.site, &desk.journal).await;
    // Other tests make roles at the same time, so only this role is compared.
    let query = format!("select rolbypassrls as b from pg_roles where rolname = '{role}'");
    assert_eq!(
        rows(&bench.site, "admin", &query, None).await.expect("seen")["row"]["b"],
        false
    );
}

#[tokio::test]
async fn a_change_that_does_nothing_does_not_land() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    let params = json!({"db": "admin", "query": "update events set cents = cents", "undo": "select 1"});
    let mut applied = desk.make("sql", Place::Live, params, &bench.site).await;
    assert_eq!(applied.record.error, None);
    assert!(!applied.record.landed());
    applied.undo(&bench.site, &desk.journal).await;
    assert!(applied.record.undone());
}

#[tokio::test]
async fn a_bad_undo_is_seen_as_not_undone() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    for (undo, told) in [("select 1", false), ("drop table nothing", true)] {
        let params = json!({"db": "admin", "query": "delete from shares where event = (select min(event) from shares)", "undo": undo});
        let mut applied = desk.make("sql", Place::Live, params, &bench.site).await;
        assert!(applied.record.landed(), "{:?}", applied.record);
        applied.undo(&bench.site, &desk.journal).await;
        assert!(!applied.record.undone());
        assert_eq!(applied.record.facts.contains_key("undo_error"), told);
        assert!(applied.record.landed(), "it landed all the same");
    }
    assert_eq!(desk.pending().len(), 1, "what failed is still to be undone");
}

#[tokio::test]
async fn a_live_change_without_undo_or_with_an_error_leaves_nothing() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    let params = json!({"db": "admin", "query": "delete from shares"});
    let refused = desk.make("sql", Place::Live, params, &bench.site).await;
    assert!(
        refused
            .record
            .error
            .as_deref()
            .is_some_and(|error| error.contains("without `undo`"))
    );
    let params = json!({"db": "admin", "query": "delete from shares; select 1 / 0", "undo": "select 1"});
    let mut failed = desk.make("sql", Place::Live, params, &bench.site).await;
    assert!(
        failed
            .record
            .error
            .as_deref()
            .is_some_and(|error| error.starts_with("SQLSTATE 22012"))
    );
    assert!(!failed.record.landed());
    failed.undo(&bench.site, &desk.journal).await;
    assert!(desk.pending().is_empty());
    let left = rows(
        &bench.site,
        "admin",
        "select count(*)::int as n from shares",
        None,
    )
    .await
    .expect("seen");
    assert_eq!(left["row"]["n"], 2);
}

#[tokio::test]
async fn a_rolled_back_sabotage_is_seen_by_its_looks_and_leaves_nothing() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    let count = "select count(*)::int as n from events";
    let first = json!({"db": "admin", "query": "delete from events where id = :id", "bind": {"id": 2}});
    let mut lost = desk.make("sql", Place::Rollback, first, &bench.site).await;
    assert!(lost.record.landed(), "{:?}", lost.record);
    assert_eq!(
        lost.record.facts["tables"],
        json!(["events", "shares"]),
        "the cascade is witnessed too"
    );
    let site = lost.stands_on(&bench.site);
    let second = json!({"db": "admin", "query": "drop policy own on events; create policy own on events using (true)"});
    let mut open = desk.make("sql", Place::Rollback, second, &site).await;
    assert!(open.record.landed(), "{:?}", open.record);
    let site = open.stands_on(&site);
    assert_eq!(
        rows(&site, "plain", count, Some("a")).await.expect("seen")["row"]["n"],
        5,
        "no policy, one row lost"
    );
    open.undo(&site, &desk.journal).await;
    assert!(open.record.undone());
    assert_eq!(
        rows(&site, "plain", count, Some("a")).await.expect("seen")["row"]["n"],
        2,
        "the policy is back, the row is not"
    );
    lost.undo(&site, &desk.journal).await;
    assert!(lost.record.undone());
    assert_eq!(
        rows(&bench.site, "plain", count, Some("a")).await.expect("seen")["row"]["n"],
        3
    );
    assert!(desk.pending().is_empty(), "nothing of it could outlive us");
}

#[tokio::test]
async fn a_dropped_transaction_is_gone_as_well() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    let params = json!({"db": "admin", "query": "delete from shares"});
    let applied = desk.make("sql", Place::Rollback, params, &bench.site).await;
    assert!(applied.record.landed());
    drop(applied);
    let left = rows(
        &bench.site,
        "admin",
        "select count(*)::int as n from shares",
        None,
    )
    .await
    .expect("seen");
    assert_eq!(left["row"]["n"], 2);
}

#[tokio::test]
async fn what_a_lost_run_left_is_undone_from_the_journal() {
    let (bench, desk) = (Bench::new(SCHEMA).await, Desk::new());
    let params = json!({"db": "admin", "query": "create table left_behind (id int)", "undo": "drop table left_behind"});
    drop(desk.make("sql", Place::Live, params, &bench.site).await);
    assert_eq!(undo_pending(&desk.path, &bench.site).await, Vec::<String>::new());
    let there = "select to_regclass('left_behind') is null as gone";
    assert_eq!(
        rows(&bench.site, "admin", there, None).await.expect("seen")["row"]["gone"],
        true
    );
    assert!(desk.pending().is_empty());
}

fn still() -> (std::sync::Arc<Still>, Site) {
    let ground = std::sync::Arc::new(Still::default());
    ground.runs("api", &[("A", "1"), ("SECRET", "hunter2")]);
    let site = site(
        ground.clone(),
        std::sync::Arc::new(Kept::default()),
        std::collections::BTreeMap::new(),
    );
    (ground, site)
}

#[tokio::test]
async fn an_environment_is_changed_and_restored() {
    let (ground, site) = still();
    let desk = Desk::new();
    let params = json!({"service": "api", "set": {"A": "2", "PASSWORD": "hunter2"}, "unset": ["SECRET"]});
    let mut applied = desk.make("env", Place::Live, params, &site).await;
    assert!(applied.record.landed());
    assert_eq!(applied.record.params["set"]["PASSWORD"], "‹password›");
    assert!(
        !json!(applied.record).to_string().contains("hunter2"),
        "values are digests"
    );
    assert_eq!(
        desk.pending(),
        [Undo::Env {
            service: "api".into()
        }]
    );
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.undone());
    assert_ne!(
        applied.record.facts["before"]["pid"],
        applied.record.facts["undone"]["pid"]
    );
    let same = desk
        .make(
            "env",
            Place::Live,
            json!({"service": "api", "set": {"A": "1"}}),
            &site,
        )
        .await;
    assert!(
        !same.record.landed(),
        "a new process with the same environment is no change"
    );
    assert_eq!(ground.services.lock().expect("not poisoned")["api"].env["A"], "1");
}

#[tokio::test]
async fn every_action_on_a_service_lands_and_is_undone() {
    for action in ["stop", "kill", "pause", "restart", "disconnect"] {
        let (ground, site) = still();
        let desk = Desk::new();
        let mut applied = desk
            .make(
                "service",
                Place::Live,
                json!({"service": "api", "action": action}),
                &site,
            )
            .await;
        assert!(applied.record.landed(), "{action}: {:?}", applied.record);
        applied.undo(&site, &desk.journal).await;
        assert!(applied.record.undone(), "{action}: {:?}", applied.record);
        assert_eq!(
            ground.services.lock().expect("not poisoned")["api"].state,
            "healthy"
        );
        assert_eq!(applied.observation()["undone"], true);
    }
}

#[tokio::test]
async fn the_witness_of_a_service_off_its_networks_is_where_it_is_seen_and_it_must_be_well_again() {
    let (ground, site) = still();
    let desk = Desk::new();
    let params = json!({"service": "api", "action": "disconnect"});
    let mut applied = desk.make("service", Place::Live, params.clone(), &site).await;
    assert_eq!(applied.record.witness.before, json!({"networks": ["default"]}));
    assert_eq!(applied.record.witness.after, json!({"networks": []}));
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.undone(), "{:?}", applied.record);

    ground
        .services
        .lock()
        .expect("not poisoned")
        .get_mut("api")
        .expect("there")
        .networks = None;
    let refused = desk.make("service", Place::Live, params, &site).await;
    assert!(!refused.record.landed());
    assert_eq!(
        refused.record.error.as_deref(),
        Some(
            "the networks of `api` cannot be seen: a process of this host has none of its own\nhint: use `--substrate \
             docker`"
        )
    );
}

#[tokio::test]
async fn the_undo_is_on_disk_before_the_service_is_touched() {
    let (ground, site) = still();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("undo.jsonl");
    std::fs::write(&path, "").expect("written");
    // A journal that cannot be written to: the change must not be made.
    let journal = Journal::read_only(&path);
    let change = Change {
        kind: "service".into(),
        place: Place::Live,
        params: literal(&json!({"service": "api", "action": "kill"})).expect("no expression"),
    };
    let applied = make(&change, &World::pure().scope(), &site, &journal).await;
    assert!(
        applied
            .record
            .error
            .as_deref()
            .is_some_and(|error| error.starts_with("no undo on disk"))
    );
    assert!(
        !ground
            .done
            .lock()
            .expect("not poisoned")
            .iter()
            .any(|done| done.starts_with("kill"))
    );
}

#[tokio::test]
async fn a_scratch_change_stands_under_startups_only() {
    let (ground, site) = still();
    let desk = Desk::new();
    let params = json!({"service": "api", "set": {"A": "2"}});
    let mut applied = desk.make("env", Place::Scratch, params, &site).await;
    assert!(applied.record.landed());
    let under = applied.stands_on(&site);
    assert_eq!((under.scratch.len(), site.scratch.len()), (1, 0));
    applied.undo(&under, &desk.journal).await;
    assert!(applied.record.undone());
    assert!(
        ground.done.lock().expect("not poisoned").is_empty(),
        "nothing that runs is touched"
    );
}

#[tokio::test]
async fn an_override_recreates_what_it_changes_and_nothing_else() {
    let (ground, mut site) = still();
    ground.runs("other", &[]);
    let files = [("one.yml", "api"), ("none.yml", "refused")]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    site.files = std::sync::Arc::new(Files {
        gate: files.into(),
        ..Files::default()
    });
    let desk = Desk::new();
    let mut applied = desk
        .make("compose", Place::Live, json!({"override": "one.yml"}), &site)
        .await;
    assert!(applied.record.landed(), "{:?}", applied.record);
    assert_eq!(applied.record.facts["services"], json!(["api"]));
    assert_eq!(
        desk.pending(),
        [Undo::Compose {
            services: vec!["api".into()]
        }]
    );
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.undone(), "{:?}", applied.record);
    let restarts = |name: &str| {
        let done = ground.done.lock().expect("not poisoned");
        done.iter()
            .filter(|done| **done == format!("restart {name}"))
            .count()
    };
    assert_eq!((restarts("api"), restarts("other")), (2, 0));
    let refused = desk
        .make("compose", Place::Live, json!({"override": "none.yml"}), &site)
        .await;
    assert_eq!(refused.record.error.as_deref(), Some("compose.yml: no"));
}

#[tokio::test]
async fn a_service_that_does_not_live_is_left_alone() {
    let (ground, site) = still();
    ground
        .services
        .lock()
        .expect("not poisoned")
        .get_mut("api")
        .expect("there")
        .state = "exited".into();
    let desk = Desk::new();
    let mut applied = desk
        .make(
            "service",
            Place::Live,
            json!({"service": "api", "action": "stop"}),
            &site,
        )
        .await;
    assert_eq!(applied.record.error.as_deref(), Some("`api` does not live"));
    applied.undo(&site, &desk.journal).await;
    assert!(desk.pending().is_empty());
    let done = ground.done.lock().expect("not poisoned");
    assert!(done.iter().all(|done| done.starts_with("inspect")), "{done:?}");
}

#[tokio::test]
async fn a_probe_is_lied_to_and_the_witness_is_what_was_executed() {
    let (_ground, site) = still();
    let desk = Desk::new();
    let mut applied = desk
        .make(
            "probe",
            Place::Live,
            json!({"probe": "storm", "set": {"rps": 14}}),
            &site,
        )
        .await;
    let look = |rps: i32| {
        [Look {
            probe: "storm".into(),
            params: json!({"rps": rps}),
            ..Look::default()
        }]
    };
    applied.witnessed(&look(15), &look(14), None);
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.landed() && applied.record.undone());
    applied.witnessed(&look(14), &look(14), None);
    assert!(!applied.record.landed(), "the same figure as before is no change");
    assert_eq!(
        applied.overrides().map(|change| change.probe.as_str()),
        Some("storm")
    );
}

/// A service with a mood, which keeps what it was sent and refuses to be anything but calm or cross.
async fn moody() -> (
    Site,
    std::sync::Arc<Kept>,
    std::sync::Arc<std::sync::Mutex<Vec<String>>>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let sent = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let moods = sent.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let mood = asked.rsplit("\r\n").next().unwrap_or_default().to_owned();
            let status = if mood.contains("calm") || mood.contains("cross") {
                204
            } else {
                422
            };
            moods.lock().expect("not poisoned").push(mood);
            let answer = format!("HTTP/1.1 {status} Heard\r\ncontent-length: 0\r\n\r\n");
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    let (ground, kept) = (
        Still::at(&[("mock", address)]),
        std::sync::Arc::new(Kept::default()),
    );
    let site = site(
        std::sync::Arc::new(ground),
        kept.clone(),
        std::collections::BTreeMap::new(),
    );
    (site, kept, sent)
}

fn mood(mood: &str, back: &str) -> Value {
    json!({
        "request": "POST mock /mood",
        "headers": {"Authorization": "Bearer hunter2"},
        "json": {"mood": mood},
        "undo": {"request": "POST mock /mood", "json": {"mood": back}},
    })
}

#[tokio::test]
async fn a_request_makes_a_change_and_another_undoes_it() {
    let (site, kept, sent) = moody().await;
    let desk = Desk::new();
    let mut applied = desk.make("http", Place::Live, mood("cross", "calm"), &site).await;
    assert!(applied.record.landed(), "{:?}", applied.record);
    assert!(!applied.record.undone());
    assert_eq!(applied.record.facts["status"], 204);
    assert_eq!(applied.record.params["undo"]["request"], "POST mock /mood");
    assert!(
        !applied.record.params.to_string().contains("hunter2"),
        "no header's value is on paper"
    );
    assert!(matches!(desk.pending().as_slice(), [Undo::Http { request }] if request.body.contains("calm")));
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.undone(), "{:?}", applied.record);
    assert!(desk.pending().is_empty());
    assert_eq!(
        *sent.lock().expect("not poisoned"),
        [r#"{"mood":"cross"}"#, r#"{"mood":"calm"}"#]
    );
    assert_eq!(
        kept.0.lock().expect("not poisoned").len(),
        2,
        "both are on paper like every exchange"
    );
}

#[tokio::test]
async fn a_request_that_is_refused_does_not_land_and_an_undoing_that_is_refused_is_none() {
    let (site, _kept, _sent) = moody().await;
    let desk = Desk::new();
    let mut refused = desk
        .make("http", Place::Live, mood("absent", "calm"), &site)
        .await;
    assert_eq!(refused.record.error, None);
    assert!(!refused.record.landed());
    refused.undo(&site, &desk.journal).await;
    assert!(refused.record.undone());
    let mut stuck = desk
        .make("http", Place::Live, mood("cross", "absent"), &site)
        .await;
    assert!(stuck.record.landed());
    stuck.undo(&site, &desk.journal).await;
    assert!(!stuck.record.undone());
    assert_eq!(
        stuck.record.facts["undo_error"],
        "`POST mock /mood` was answered with 422"
    );
    assert_eq!(desk.pending().len(), 1, "it is still to be undone");
}

#[tokio::test]
async fn what_a_request_changed_is_undone_from_the_journal_when_its_maker_is_gone() {
    let (site, _kept, sent) = moody().await;
    let desk = Desk::new();
    let mut params = mood("cross", "calm");
    params["request"] = "POST gone /mood".into();
    let refused = desk.make("http", Place::Live, params, &site).await;
    assert_eq!(
        refused.record.error.as_deref(),
        Some("service `gone` has no address")
    );
    assert!(desk.pending().is_empty(), "nothing was sent");
    let applied = desk.make("http", Place::Live, mood("cross", "calm"), &site).await;
    drop(applied);
    assert_eq!(undo_pending(&desk.path, &site).await, Vec::<String>::new());
    assert_eq!(
        sent.lock().expect("not poisoned").last().map(String::as_str),
        Some(r#"{"mood":"calm"}"#)
    );
}

/// What a look at the mood is answered with, from outside.
async fn seen_mood(site: &Site) -> Value {
    let params = json!({"request": "POST mock /mood", "json": {"mood": "calm"}, "timeout": "300ms"});
    let tree = literal(&params).expect("no expression");
    look("http", &tree, &World::pure().scope(), site)
        .await
        .seen
        .expect("it was sent")["status"]
        .clone()
}

#[tokio::test]
async fn a_proxy_stands_between_looks_and_a_service_and_lands_when_it_altered_something() {
    let (site, _kept, sent) = moody().await;
    let desk = Desk::new();
    let reply =
        json!({"service": "mock", "match": "POST /mood", "reply": {"status": 503, "json": {"mood": "none"}}});
    let mut applied = desk.make("proxy", Place::Live, reply, &site).await;
    assert_eq!(applied.record.error, None);
    assert!(matches!(desk.pending().as_slice(), [Undo::Proxy { service, .. }] if service == "mock"));
    assert_eq!(seen_mood(&site).await, 503);
    assert!(
        sent.lock().expect("not poisoned").is_empty(),
        "the service was not asked"
    );
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.landed(), "{:?}", applied.record);
    assert!(applied.record.undone());
    assert_eq!(applied.record.facts["altered"], 1);
    assert_eq!(applied.record.witness.after["altered"], 1);
    assert!(desk.pending().is_empty());
    drop(applied);
    assert_eq!(site.relays.address("mock"), None, "nothing is left in the way");
    assert_eq!(seen_mood(&site).await, 204);
}

#[tokio::test]
async fn a_proxy_that_nobody_met_or_that_altered_nothing_has_not_landed() {
    let (site, _kept, _sent) = moody().await;
    let desk = Desk::new();
    for (pattern, alteration) in [
        ("GET /elsewhere", json!({"freeze": true})),
        ("POST /mood", json!({"edit": {"remove": "/mood"}})),
    ] {
        let mut params = json!({"service": "mock", "match": pattern});
        params
            .as_object_mut()
            .expect("a table")
            .extend(alteration.as_object().expect("a table").clone());
        let mut applied = desk.make("proxy", Place::Live, params, &site).await;
        assert_eq!(seen_mood(&site).await, 204);
        applied.undo(&site, &desk.journal).await;
        assert!(!applied.record.landed(), "{:?}", applied.record);
        assert!(applied.record.undone());
    }
}

#[tokio::test]
async fn a_proxy_goes_with_its_maker_and_a_request_that_makes_a_change_passes_it_by() {
    let (site, _kept, sent) = moody().await;
    let desk = Desk::new();
    let frozen = json!({"service": "mock", "match": "* *", "freeze": true});
    let refused = desk.make("proxy", Place::Live, frozen.clone(), &site).await;
    assert!(
        refused
            .record
            .error
            .is_some_and(|error| error.contains("matches no request"))
    );
    let frozen = json!({"service": "mock", "match": "* /*", "freeze": true});
    let applied = desk.make("proxy", Place::Live, frozen, &site).await;
    assert_eq!(seen_mood(&site).await, 0);
    let mut made = desk.make("http", Place::Live, mood("cross", "calm"), &site).await;
    assert!(made.record.landed(), "{:?}", made.record);
    made.undo(&site, &desk.journal).await;
    assert_eq!(sent.lock().expect("not poisoned").len(), 2);
    drop(applied);
    assert_eq!(seen_mood(&site).await, 204);
    assert_eq!(undo_pending(&desk.path, &site).await, Vec::<String>::new());
    assert!(desk.pending().is_empty());
}

/// A site whose service `api` says what stands in a folder, as `api.log`.
fn saying(folder: &std::path::Path) -> Site {
    let ground = Still::saying(folder);
    ground.runs("api", &[]);
    site(
        std::sync::Arc::new(ground),
        std::sync::Arc::new(Kept::default()),
        std::collections::BTreeMap::new(),
    )
}

#[tokio::test]
async fn what_is_planted_is_read_back_at_its_offset_reaches_no_paper_and_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("api.log");
    std::fs::write(&log, "one\n").expect("written");
    let site = saying(folder.path());
    let desk = Desk::new();
    let params = json!({"log": "api", "text": "nobody said this"});
    let mut applied = desk.make("plant", Place::Live, params, &site).await;
    assert!(applied.record.landed(), "{:?}", applied.record);
    assert_eq!(applied.record.params, json!({"log": "api", "text": "‹planted›"}));
    assert_eq!(
        (&applied.record.facts["at"], &applied.record.facts["bytes"]),
        (&json!(4), &json!(16))
    );
    assert!(matches!(desk.pending().as_slice(), [Undo::Plant { service, .. }] if service == "api"));
    let journal = std::fs::read_to_string(&desk.path).expect("read");
    assert!(!journal.contains("nobody said this"), "{journal}");
    std::fs::write(&log, "one\ntwo\n").expect("the service goes on");
    let read = || {
        let mut opened = site.planted.open("api", &log).expect("opened");
        std::io::read_to_string(&mut opened).expect("text")
    };
    assert_eq!(read(), "one\nnobody said this\ntwo\n");
    applied.undo(&site, &desk.journal).await;
    assert!(applied.record.undone(), "{:?}", applied.record);
    assert!(desk.pending().is_empty());
    assert_eq!(read(), "one\ntwo\n");
    assert_eq!(
        std::fs::read_to_string(&log).expect("read"),
        "one\ntwo\n",
        "never written to"
    );
    let told = serde_json::to_string(&applied.record).expect("plain data");
    assert!(!told.contains("nobody said this"), "{told}");
}

#[tokio::test]
async fn nothing_is_planted_where_there_is_no_log_or_nothing_to_plant() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = saying(folder.path());
    let desk = Desk::new();
    for (log, text, words) in [
        ("api", "x", "the log of `api` cannot be read"),
        ("nobody", "x", "no service `nobody`"),
        ("api", "", "`text` is empty"),
    ] {
        let params = json!({"log": log, "text": text});
        let mut applied = desk.make("plant", Place::Live, params, &site).await;
        let error = applied.record.error.clone().unwrap_or_default();
        assert!(error.starts_with(words), "{error}");
        assert!(!applied.record.landed());
        applied.undo(&site, &desk.journal).await;
        assert!(desk.pending().is_empty());
    }
}

#[tokio::test]
async fn every_kind_in_the_list_is_known_and_no_other() {
    let (_ground, site) = still();
    let desk = Desk::new();
    for kind in KINDS.iter().chain(&["wish"]) {
        let applied = desk.make(kind, Place::Live, json!({}), &site).await;
        let error = applied.record.error.unwrap_or_default();
        assert_eq!(
            error == format!("`{kind}` is not a change"),
            *kind == "wish",
            "{kind}: {error}"
        );
    }
    let misplaced = desk.make("service", Place::Rollback, json!({}), &site).await;
    assert!(
        misplaced
            .record
            .error
            .is_some_and(|error| error.contains("cannot be made in place `rollback`"))
    );
}

#[test]
fn the_reader_accepts_exactly_the_changes_in_the_list() {
    let read: std::collections::BTreeSet<_> =
        crate::gate::kinds::CHANGES.iter().map(|kind| kind.name).collect();
    assert_eq!(
        KINDS.iter().copied().collect::<std::collections::BTreeSet<_>>(),
        read
    );
}
