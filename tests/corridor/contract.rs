//! A service held to its contract in a whole run, and a pack in which somebody changed what it said.

use std::{fs, path::Path};

use closure::pack;
use serde_json::{Value, json};

use crate::{
    lies::label_of,
    suite::{Said, Suite, verify},
};

/// A gate beside those of the small suite.
const GATE: &str = r#"
id    = "M3"
name  = "contract_kept"
claim = "whatever the service answered to any gate is what its contract says"
needs = ["M1"]

[[probe]]
name = "written"
kind = "file"
path = "contract.json"
as   = "json"

[[probe]]
name    = "health"
kind    = "http"
request = "GET counter /health"

[[probe]]
name    = "missing"
kind    = "http"
request = "GET counter /notes/nobody"

[[probe]]
name      = "contract"
kind      = "contract"
spec      = "written"
service   = "counter"
exchanges = "run"
mutants   = 2

[let]
unseen = [204, 400, 503]

[assert]
valid     = { each = "contract.cells.filter(c, c.seen > 0)", that = "it.declared && it.violations == 0 && it.validated == it.seen", at_least = 3, says = "every answer is declared and valid" }
exercised = { each = "contract.cells", that = "it.seen > 0 || it.status in unseen", at_least = 7, says = "everything declared was seen, but for what is named" }
refuses   = { each = "contract.mutants", that = "it.made > 0 && it.rejected == it.made", at_least = 4, says = "what is broken is refused" }
closed    = { that = "contract.open_cells == []", says = "nothing may be anything" }

[control.dropped]
says      = "a proxy drops a field"
sabotage  = { kind = "proxy", service = "counter", match = "GET /health", edit = { remove = "/status" } }
rerun     = ["health"]
must_fail = ["valid"]
because   = "contract.violations.exists(v, v.keyword == 'required' && v.asked_by.contains('.red/'))"

[control.teapot]
says      = "a proxy answers with what nobody declared"
sabotage  = { kind = "proxy", service = "counter", match = "GET /health", reply = { status = 418, json = { status = "ok" } } }
rerun     = ["health"]
must_fail = ["valid"]
because   = "contract.undeclared.exists(x, x.status == 418 && x.what == 'status')"

[control.for_ever_cross]
says      = "a judge who looks at this gate's own answers alone"
sabotage  = { kind = "probe", probe = "contract", set = { exchanges = "gate" } }
must_fail = ["exercised"]
may_fail  = ["valid", "refuses"]
"#;

/// What the small service promises.
fn promised() -> Value {
    let answer =
        |schema: Value| json!({"description": "", "content": {"application/json": {"schema": schema}}});
    let object = |fields: Value| {
        let names: Vec<&String> = fields.as_object().unwrap().keys().collect();
        json!({"type": "object", "required": names, "properties": fields, "additionalProperties": false})
    };
    let words = || json!({"type": "string", "minLength": 1});
    let error = || answer(object(json!({"error": words()})));
    let health = |status: &str| answer(object(json!({"status": {"type": "string", "enum": [status]}})));
    json!({
        "openapi": "3.1.0",
        "info": {"title": "counter", "version": "1"},
        "paths": {
            "/health": {"get": {"responses": {"200": health("ok"), "503": health("unhealthy")}}},
            "/notes": {"post": {"responses": {
                "200": answer(object(json!({"id": words(), "first": {"type": "boolean"}}))),
                "400": error(),
                "503": error(),
            }}},
            "/notes/{id}": {"get": {"responses": {"404": error()}}},
            "/mood": {"post": {"responses": {"204": {"description": ""}}}},
        },
    })
}

fn suite() -> Suite {
    let suite = Suite::mini();
    let folder = suite.folder().join("M3_contract");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("gate.toml"), GATE).unwrap();
    fs::write(suite.folder().join("contract.json"), promised().to_string()).unwrap();
    suite
}

/// Change one file of a pack, hash and seal everything again, and hear what `verify` says of the archive.
fn lie(pack: &Path, file: &str, change: impl FnOnce(String) -> String) -> Said {
    let copy = tempfile::tempdir().unwrap();
    crate::copy::copy(pack, copy.path());
    let before = fs::read_to_string(copy.path().join(file)).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after, "the lie is one");
    fs::write(copy.path().join(file), after).unwrap();
    let sealed = pack::seal(copy.path(), &label_of(copy.path())).unwrap();
    verify(&sealed.archive)
}

#[test]
fn a_contract_is_held_against_every_gate_and_made_again_from_the_pack() {
    let suite = suite();
    let said = suite.run(&["--json"]).exits(0).json();
    assert_eq!(said["outcome"], "pass");
    let record = fs::read(suite.pack().join("gates/M3/observations.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let seen = &record["pass"]["seen"]["contract"];
    let notes = seen["cells"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cell| cell["operation"] == "POST /notes");
    assert!(
        notes.unwrap()["seen"].as_u64() > Some(8),
        "the load of another gate: {seen}"
    );
    verify(&suite.pack()).exits(0);

    let pack = suite.pack();
    let names_it = ["contract-not-derivable", "gates/M3: contract"];
    lie(&pack, "exchanges.jsonl", |text| {
        text.replacen(r#"\"status\": \"ok\""#, r#"\"status\": \"so-so\""#, 1)
    })
    .exits(3)
    .says(&names_it);
    let observations = "gates/M3/observations.json";
    lie(&pack, observations, |text| {
        text.replacen("\"lines\": ", "\"lines\": 1", 1)
    })
    .exits(3)
    .says(&names_it);
    lie(&pack, observations, |text| {
        text.replacen("\"exchanges\": \"run\"", "\"exchanges\": \"gate\"", 2)
    })
    .exits(3)
    .says(&names_it);
    lie(&pack, observations, |text| {
        text.replacen("\"pass\": \"M3/pass\"", "\"pass\": \"M3/closing.0\"", 1)
    })
    .exits(3)
    .says(&names_it);
}

#[test]
fn an_answer_that_breaks_the_contract_fails_the_gate_that_was_not_even_asking() {
    let kept = r#""first": kept == 1"#;
    let suite = suite().reword("counter.py", kept, &format!(r#"{kept}, "by": "counter""#));
    suite
        .run(&[])
        .exits(1)
        .says(&["FAIL M3", "every answer is declared and valid"]);
}
