//! No sabotage outlives its control: a run that is interrupted in the middle of one undoes it on its way out, and what
//! it keeps is as the plan says; a run that is killed there leaves nothing once somebody has cleaned.

use std::{fs, path::PathBuf, thread, time::Duration};

use rustix::process::Signal;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::{
    running::{Running, alone},
    suite::{Said, Suite, closure, verify},
    traces::{assert_nothing_left, docker, folder, processes},
};

/// Sabotages that stay until they are undone, each with a red pass that takes its time: in the database, in a process
/// that was told something, in a process that was started with something else, and in one that stands still.
const SABOTAGES: [(&str, &str); 4] = [
    (
        "renamed",
        r#"{ kind = "sql", db = "admin", query = "update notes set id = 'gone-' || id", undo = "update notes set id = substr(id, 6) where id like 'gone-%'" }"#,
    ),
    (
        "cross",
        r#"{ kind = "http", request = "POST counter /mood", json = { mood = "cross" }, undo = { request = "POST counter /mood", json = { mood = "calm" } } }"#,
    ),
    (
        "planted",
        r#"{ kind = "env", service = "counter", set = { PLANTED = "by a control" } }"#,
    ),
    (
        "stopped",
        r#"{ kind = "service", service = "counter", action = "stop" }"#,
    ),
];

/// The mini suite with one control more, which comes first and looks for something that does not come. Its counter
/// takes its time to go, so that whoever interrupts a run finds it on its way out.
fn sabotaged_by(name: &str, sabotage: &str) -> Suite {
    let slow = r#"
[[probe]]
name    = "stays"
kind    = "sql"
db      = "admin"
query   = "select count(*) filter (where id like 'gone-%') as gone, pg_sleep(0.6)::text as slept from notes"
"#;
    let control = format!(
        "\n[control.{name}]\nsays = \"{name}\"\nsabotage = {sabotage}\nrerun = [\"stays\"]\nmust_fail = [\"stayed\"]\n\n[control.lost_note]"
    );
    let stayed = "stayed = { that = \"stays.row.gone == 0\", says = \"no note is renamed\" }";
    Suite::mini()
        .reword("counter.py", "import signal\n", "import signal\nimport time\n")
        .reword(
            "counter.py",
            "lambda *_: sys.exit(0)",
            "lambda *_: (time.sleep(0.8), sys.exit(0))",
        )
        .reword(M1, "\n[assert]\n", &format!("{slow}\n[assert]\n{stayed}\n"))
        .reword(M1, "\n[control.lost_note]", &control)
}

const M1: &str = "M1_notes/gate.toml";

/// What a kept or killed run has under its feet.
pub(crate) struct Standing {
    run: String,
    substrate: &'static str,
}

impl Standing {
    /// What a run that kept its services left up.
    pub(crate) fn of(suite: &Suite, substrate: &'static str) -> Self {
        let timeline = fs::read_to_string(suite.pack().join("timeline.jsonl")).unwrap();
        let first: Value = serde_json::from_str(timeline.lines().next().unwrap()).unwrap();
        let run = first["run_id"].as_str().unwrap().to_owned();
        Self { run, substrate }
    }

    pub(crate) fn id(&self) -> &str {
        &self.run
    }

    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(folder(&self.run).join("undo.jsonl")).unwrap_or_default()
    }

    /// How many undoings were planned and are not done.
    pub(crate) fn pending(&self) -> usize {
        let journal = self.journal();
        let lines = |word: &str| {
            let begin = format!("{{\"{word}\"");
            journal.lines().filter(|line| line.starts_with(&begin)).count()
        };
        lines("plan") - lines("done")
    }

    fn container(&self, service: &str) -> String {
        format!("closure-{}-live-{service}", self.run)
    }

    /// What the counter was started with.
    fn environment(&self) -> Vec<String> {
        if self.substrate == "docker" {
            let format = "{{range .Config.Env}}{{println .}}{{end}}";
            let told = docker(&["inspect", "--format", format, &self.container("counter")]);
            return told.lines().map(str::to_owned).collect();
        }
        let counter = processes(&self.run)
            .into_iter()
            .find(|line| line.contains("counter.py"))
            .expect("the counter lives");
        let process = PathBuf::from(counter.split(' ').next().unwrap());
        let told = fs::read(process.join("environ")).unwrap();
        let variables = told.split(|byte| *byte == 0);
        variables
            .map(|variable| String::from_utf8_lossy(variable).into_owned())
            .collect()
    }

    /// Where the database and the counter answer on this host.
    pub(crate) fn dsn_and_port(&self) -> (String, u16) {
        let value = |name: &str| {
            let begin = format!("{name}=");
            let environment = self.environment();
            let told = environment.iter().find_map(|one| one.strip_prefix(&begin));
            told.unwrap_or_else(|| panic!("no {name}")).to_owned()
        };
        let (dsn, listen) = (value("DATABASE_URL"), value("LISTEN"));
        if self.substrate == "docker" {
            let published = |service: &str, port: &str| {
                let told = docker(&["port", &self.container(service), port]);
                told.trim().rsplit(':').next().unwrap().to_owned()
            };
            let here = format!("@127.0.0.1:{}/", published("postgres", "5432"));
            let dsn = dsn.replace("@postgres:5432/", &here);
            return (dsn, published("counter", "8000").parse().unwrap());
        }
        (dsn, listen.rsplit(':').next().unwrap().parse().unwrap())
    }

    /// The database, the process and its state of mind are what the plan made them.
    async fn assert_as_planned(&self) {
        let environment = self.environment();
        assert!(
            !environment.iter().any(|one| one.starts_with("PLANTED=")),
            "{environment:?}"
        );
        let (dsn, port) = self.dsn_and_port();
        let mut database = PgConnection::connect(&dsn).await.expect("the database answers");
        let row = sqlx::query("select count(*), count(*) filter (where id like 'gone-%') from notes")
            .fetch_one(&mut database)
            .await
            .unwrap();
        let (notes, gone): (i64, i64) = (row.get(0), row.get(1));
        assert!(notes >= 3 && gone == 0, "{notes} notes, {gone} of them renamed");
        let note = serde_json::json!({"id": "afterwards", "text": "calm"});
        let kept = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{port}/notes"))
            .json(&note)
            .timeout(Duration::from_secs(3))
            .send()
            .await
            .expect("the counter answers");
        assert_eq!(kept.status(), 200, "it is calm");
    }
}

/// Start a run with the sabotage, and stop where it stands: its undoing is planned, and the red pass is looking.
fn in_the_middle(suite: &Suite, substrate: &'static str, name: &str) -> (Running, Standing) {
    let mut running = Running::start(suite.command_on(substrate, &["--keep"]));
    let says = format!("control {name}:");
    running
        .until(|running| running.has_said(&says).then_some(()))
        .expect("it comes to its control");
    let run = running.id().expect("its record is open");
    let standing = Standing { run, substrate };
    running
        .until(|_| (standing.pending() > 0).then_some(()))
        .expect("the undoing is planned before the sabotage");
    (running, standing)
}

#[test]
fn an_interrupted_run_that_is_kept_stands_as_the_plan_says_whatever_its_control_was_doing() {
    let _silence = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Statements and requests are the same on both; what is done to a service is not.
    for (substrate, sabotages) in [("native", &SABOTAGES[..]), ("docker", &SABOTAGES[2..])] {
        for &(name, sabotage) in sabotages {
            let suite = sabotaged_by(name, sabotage);
            let (running, standing) = in_the_middle(&suite, substrate, name);
            // Some are caught while they are being made, some while their red is looked at.
            if substrate == "native" {
                thread::sleep(Duration::from_millis(300));
            }
            running.signal(Signal::INT);
            let said = running.finish().exits(6);
            assert!(!said.out.contains("LEFT"), "{substrate}, {name}: {said:?}");
            assert_eq!(
                standing.pending(),
                0,
                "{substrate}, {name}: {}",
                standing.journal()
            );
            runtime.block_on(standing.assert_as_planned());
            verify(&suite.pack()).exits(1).says(&["interrupted by SIGINT"]);
            clean(&standing);
        }
    }
}

#[test]
fn a_run_that_is_killed_in_the_middle_of_a_control_leaves_nothing_once_it_is_cleaned() {
    let _silence = alone();
    for substrate in ["native", "docker"] {
        let (name, sabotage) = SABOTAGES[0];
        let suite = sabotaged_by(name, sabotage);
        let (running, standing) = in_the_middle(&suite, substrate, name);
        running.signal(Signal::KILL);
        assert_eq!(running.finish().code, None, "it was killed");
        assert!(standing.pending() > 0, "nobody was left to undo it");
        clean(&standing);
        // The record it was writing says that it was cut off, and passes for nothing.
        verify(&suite.pack()).exits(4);
    }
}

fn clean(standing: &Standing) {
    Said::by(closure().arg("clean"))
        .exits(0)
        .says(&[&format!("run {}", standing.run)]);
    assert_nothing_left(&standing.run);
}
