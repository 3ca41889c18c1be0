//! Secrets searched by value, and a service asked by a program of its own, in whole runs on both substrates.

use std::fs;

use serde_json::Value;

use crate::suite::{Suite, files_below, verify};

/// A gate beside those of the small suite.
const GATE: &str = r#"
id    = "M3"
name  = "secrets_stay_home"
claim = "a program in the service knows its secrets, and nobody else finds any"

[[probe]]
name   = "told"
kind   = "exec"
inside = "counter"
run    = ["/usr/bin/python3", "-c", "import json, os, sys; print(json.dumps({'told': sys.stdin.read(), 'dsn': os.environ['DATABASE_URL']}))"]
input  = "${run.id}"

[[probe]]
name    = "leaks"
kind    = "scan"
needles = ["*"]
tables  = { db = "admin" }
logs    = ["*"]
record  = true

[assert]
hears    = { that = "told.exit == 0 && told.value.told == run.id", says = "a program in the service hears what it is told" }
hides    = { that = "told.value.dsn.contains('‹password/')", says = "and its secrets reach no paper" }
clean    = { each = "leaks.haystacks", that = "it.hits == []", at_least = 5, says = "no secret is found anywhere" }
searched = { each = "leaks.needles", that = "it.planted > 0 && it.unseen_in_sink == []", otherwise = "inconclusive", says = "by a search that finds" }

[control.diary]
says      = "a canary kept among the notes"
sabotage  = { kind = "sql", place = "rollback", db = "admin", query = "insert into notes (id, text) values ('diary', :text)", bind = { text = "${base64(canary('diary') + '!')}" } }
rerun     = ["leaks"]
must_fail = ["clean"]
because   = "leaks.haystacks.exists(h, h.name == 'table:public.notes' && h.hits.exists(x, x.needle == 'diary' && x.encoding == 'base64'))"

[control.whisper]
says      = "a canary in the log of a service that never said it"
sabotage  = { kind = "plant", log = "counter", text = "${'whispered: ' + base64(canary('whisper') + '!')}" }
rerun     = ["leaks"]
must_fail = ["clean"]
because   = "leaks.haystacks.filter(h, h.hits != []).map(h, h.name) == ['log:counter']"
"#;

fn suite() -> Suite {
    let suite = Suite::mini();
    let folder = suite.folder().join("M3_secrets");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("gate.toml"), GATE).unwrap();
    suite
}

fn json(suite: &Suite, path: &str) -> Value {
    serde_json::from_slice(&fs::read(suite.pack().join(path)).unwrap()).unwrap()
}

/// What the scan of the gate's own pass saw.
fn haystacks(suite: &Suite) -> Vec<Value> {
    let paper = json(suite, "gates/M3/observations.json");
    let leaks = paper.pointer("/pass/seen/leaks/haystacks");
    leaks.and_then(Value::as_array).expect("a scan").clone()
}

#[test]
fn a_run_whose_secrets_stay_where_they_belong_passes_and_its_seal_holds() {
    for substrate in ["native", "docker"] {
        let suite = suite();
        suite
            .run_on(substrate, &["--only", "M3"])
            .exits(3)
            .says(&["M3 pass"]);
        let haystacks = haystacks(&suite);
        for name in [
            "log:counter",
            "log:postgres",
            "table:public.notes",
            "file:timeline.jsonl",
        ] {
            assert!(
                haystacks.iter().any(|haystack| haystack["name"] == name),
                "{substrate}: {name}"
            );
        }
        let planted = json(&suite, "gates/M3/controls/whisper.json");
        assert_eq!(planted["proof"], "proven");
        let change = &planted["changes"][0];
        assert_eq!(
            change["params"],
            serde_json::json!({"log": "counter", "text": "‹planted›"})
        );
        let witness = &change["witness"];
        let read_back = ["before", "after", "undone"].map(|when| witness[when]["read_back"].clone());
        assert_eq!(read_back, [false, true, false]);
        for (path, bytes) in files_below(&suite.pack()) {
            // The gate's own text is the one paper that holds the words; what they were with stands nowhere.
            let holds = String::from_utf8_lossy(&bytes).contains("whispered: ");
            let is_given = ["gate.toml", "artifact.zip"]
                .iter()
                .any(|end| path.ends_with(end));
            assert!(!holds || is_given, "{substrate}: {path}");
        }
        verify(&suite.pack()).exits(1).says(&["pass         M3"]);
    }
}

#[test]
fn a_secret_that_a_service_says_is_found_although_no_paper_shows_it() {
    let pool = "self.pool = ThreadedConnectionPool(1, 8, dsn, connect_timeout=3)";
    let talker = format!("print('counter:', dsn, flush=True)\n        {pool}");
    let suite = suite().reword("counter.py", pool, &talker);
    suite
        .run(&["--only", "M3"])
        .exits(1)
        .says(&["FAIL M3", "no secret is found anywhere"]);
    let said = fs::read_to_string(suite.pack().join("logs/counter.log")).unwrap();
    assert!(said.contains("counter: postgres://postgres:‹password"), "{said}");
    let haystacks = haystacks(&suite);
    let leaking: Vec<_> = haystacks
        .iter()
        .filter(|haystack| haystack["hits"] != Value::Array(Vec::new()))
        .collect();
    assert_eq!(leaking.len(), 1, "{leaking:?}");
    assert_eq!(
        (&leaking[0]["name"], &leaking[0]["hits"][0]["encoding"]),
        (&"log:counter".into(), &"plain".into())
    );
}
