//! A database of a gate's own: made of what stood before anybody used it, with who may do what; changed without a trace
//! in the one that is used; and gone when its gate is over.

use std::fs;

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::{
    outlives::Standing,
    running::{Running, alone},
    suite::{Said, Suite, closure, verify},
    traces::assert_nothing_left,
};

const COMPOSE: &str = "compose.yml";

/// Somebody who works once, before the counter starts: there is a note from then on, and a reader who may connect and
/// look, and whose statements look elsewhere first.
const SEEDS: &str = r"import os, psycopg2
c = psycopg2.connect(os.environ['DATABASE_URL']); c.autocommit = True; x = c.cursor()
x.execute('create table notes (id text primary key, text text not null, kept_at timestamptz not null default now())')
x.execute('insert into notes (id, text) values (%s, %s)', ('seed', 'sown'))
x.execute('create role reader'); x.execute('grant select on notes to reader')
x.execute('revoke all on database mini from public'); x.execute('grant connect on database mini to reader')
x.execute('alter role reader in database mini set search_path to elsewhere, public')";

const GATE: &str = r#"
id    = "M3"
name  = "own_database"
claim = "what a gate does to its own database is seen there, and nowhere else"
clone = "sown"

[[probe]]
name    = "posted"
kind    = "http"
request = "POST counter /notes"
json    = { id = "${fresh('note')}", text = "in use" }
timeout = "800ms"

[[probe]]
name  = "own"
kind  = "sql"
db    = "admin"
on    = "clone"
query = "select count(*)::int as notes, count(*) filter (where id = 'seed')::int as seeds from notes"

[[probe]]
name  = "used"
kind  = "sql"
db    = "admin"
query = "select count(*)::int as notes, count(*) filter (where id = 'seed')::int as seeds from notes"

[[probe]]
name  = "given"
kind  = "sql"
db    = "admin"
on    = "clone"
query = "select current_database() as called, has_database_privilege('reader', current_database(), 'connect') as reader_connects, has_database_privilege('public', current_database(), 'connect') as all_connect, (select setconfig[1] from pg_db_role_setting join pg_database d on d.oid = setdatabase where d.datname = current_database()) as setting"

[assert]
kept    = { that = "posted.status == 200", says = "a note is kept while the gate looks" }
as_sown = { that = "own.row.notes == 1 && own.row.seeds == 1", says = "its own database holds what was sown" }
in_use  = { that = "used.row.notes > 1 && used.row.seeds == 1", says = "the one that is used holds more" }
alike   = { that = "given.row.called == 'closure_clone_M3' && given.row.reader_connects && !given.row.all_connect && given.row.setting == 'search_path=elsewhere, public'", says = "and is open to the same people, on the same terms" }

[control.reaped]
says      = "take the seed away, and put it back"
sabotage  = { kind = "sql", db = "admin", on = "clone", query = "update notes set id = 'reaped' where id = 'seed'", undo = "update notes set id = 'seed' where id = 'reaped'" }
must_fail = ["as_sown"]
because   = "used.row.seeds == 1"

[control.reaped_for_a_moment]
says      = "take the seed away in a transaction that is rolled back"
sabotage  = { kind = "sql", place = "rollback", db = "admin", on = "clone", query = "delete from notes where id = 'seed'" }
rerun     = ["own"]
must_fail = ["as_sown"]

[control.reaped_in_use]
says      = "take the seed away from the database that is used"
sabotage  = { kind = "sql", place = "rollback", db = "admin", query = "delete from notes where id = 'seed'" }
rerun     = ["used"]
must_fail = ["in_use"]

[control.stopped]
says      = "nobody keeps notes"
sabotage  = { kind = "service", service = "counter", action = "pause" }
rerun     = ["posted"]
must_fail = ["kept"]

[control.let_in]
says      = "let everybody in"
sabotage  = { kind = "sql", db = "admin", on = "clone", query = "grant connect on database \"closure_clone_M3\" to public; alter role reader in database \"closure_clone_M3\" reset all", undo = "revoke connect on database \"closure_clone_M3\" from public; alter role reader in database \"closure_clone_M3\" set search_path to elsewhere, public" }
rerun     = ["given"]
must_fail = ["alike"]
"#;

fn sown() -> Suite {
    let seeder = format!(
        "  seeder:\n    image: closure/debian:bookworm\n    command: [/usr/bin/python3, -c, {code}]\n    environment:\n      \
         DATABASE_URL: ${{MINI_DATABASE_URL?missing MINI_DATABASE_URL}}\n    depends_on:\n      postgres: {{ condition: \
         service_healthy }}\n    x-closure:\n      argv: [/usr/bin/python3, -c, {code}]\n\n  counter:\n",
        code = serde_json::json!(SEEDS)
    );
    let suite = Suite::mini()
        .reword(COMPOSE, "  counter:\n", &seeder)
        .reword(
            COMPOSE,
            "    depends_on:\n      postgres: { condition: service_healthy }\n    healthcheck:",
            "    depends_on:\n      seeder: { condition: service_completed_successfully }\n    healthcheck:",
        )
        .reword(
            "suite.toml",
            "[seal]\n",
            "[snapshot]\nsown = { db = \"admin\", after = \"seeder\" }\n\n[seal]\n",
        );
    for other in ["M1_notes", "M2_settings"] {
        fs::remove_dir_all(suite.folder().join(other)).unwrap();
    }
    fs::create_dir(suite.folder().join("M3_own")).unwrap();
    fs::write(suite.folder().join("M3_own/gate.toml"), GATE).unwrap();
    suite
}

#[test]
fn a_gate_has_a_database_to_itself_on_both_substrates_and_it_is_gone_when_the_gate_is_over() {
    let _silence = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for substrate in ["native", "docker"] {
        let suite = sown();
        let said = Running::start(suite.command_on(substrate, &["--keep"])).finish();
        said.exits(0);
        verify(&suite.pack()).exits(0);
        let standing = Standing::of(&suite, substrate);
        assert_eq!(standing.pending(), 0, "{}", standing.journal());
        let databases = runtime.block_on(async {
            let (dsn, _) = standing.dsn_and_port();
            let mut database = PgConnection::connect(&dsn).await.expect("it answers");
            let rows = sqlx::query("select datname from pg_database where not datistemplate order by 1");
            let rows = rows.fetch_all(&mut database).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>()
        });
        assert_eq!(databases, ["mini", "postgres"], "{substrate}");
        Said::by(closure().arg("clean")).exits(0);
        assert_nothing_left(standing.id());
    }
}

#[test]
fn a_snapshot_after_nobody_is_refused_before_anything_starts() {
    let suite = sown().reword("suite.toml", "after = \"seeder\"", "after = \"seder\"");
    suite
        .run(&[])
        .exits(2)
        .says(&["snapshot `sown`: the compose file has no service `seder`\nhint: did you mean `seeder`?"]);
}
