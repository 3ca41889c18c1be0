//! Changes on the wire, in a real run: a request that puts a service in another mood, and proxies before its port.

use serde_json::Value;

use crate::suite::{Suite, verify};

const M1: &str = "M1_notes/gate.toml";

/// A drill whose proxy stands in the middle of a load, and controls that stand on the wire.
const ON_THE_WIRE: &str = r#"
[[probe]]
name    = "drip"
kind    = "load"
rps     = 20
seconds = 1
class   = [{ name = "drop", request = "POST counter /notes", json = { id = "${key}", text = "drip" }, timeout = "500ms" }]

[[probe]]
name   = "away"
kind   = "change"
during = "drip"
at     = "300ms"
hold   = "300ms"
make   = { kind = "proxy", service = "counter", match = "POST /not*", reply = { status = 503, json = { error = "not now" } } }

[control.cross]
says      = "the service is cross"
sabotage  = { kind = "http", request = "POST counter /mood", json = { mood = "cross" }, undo = { request = "POST counter /mood", json = { mood = "calm" } } }
rerun     = ["again"]
must_fail = ["once"]
because   = "again.status == 503 && again.json.error == 'not now'"

[control.flattered]
says      = "a proxy calls every note a new one"
sabotage  = { kind = "proxy", service = "counter", match = "POST /notes", edit = { replace = "/first", with = true } }
rerun     = ["again"]
must_fail = ["once"]
because   = "again.status == 200 && again.json.first"

[control.frozen_on_the_way]
says      = "no note arrives"
sabotage  = { kind = "proxy", service = "counter", match = "* /notes", freeze = true }
rerun     = ["again"]
must_fail = ["once"]
because   = "again.error == 'timeout'"

[control.slow]
says      = "every second note is late"
sabotage  = { kind = "proxy", service = "counter", match = "POST /notes", delay = "900ms", share = 0.5 }
rerun     = ["drip"]
must_fail = ["drilled"]
because   = "drip.timeouts > 0 && drip.status['200'] > 0"

[control.elsewhere]
says      = "the drill's proxy stands before something that nobody asks for"
sabotage  = { kind = "probe", probe = "away", set = { "make.match" = "GET /nowhere" } }
rerun     = ["drip"]
must_fail = ["drilled"]

[[paper]]
file = "notes.json""#;

const DRILLED: &str = "drilled = { that = \"'503' in drip.status && drip.status['503'] == away.witness.after.altered && drip.status['200'] + drip.status['503'] == drip.planned && away.landed && away.undone\", says = \"who came meanwhile was turned away, and nobody else\" }\n\ncounted  = {";

#[test]
fn what_stands_on_the_wire_turns_red_what_it_promises_and_is_gone_again() {
    let suite = Suite::mini()
        .reword(M1, "\n[[paper]]\nfile = \"notes.json\"", ON_THE_WIRE)
        .reword(M1, "\ncounted  = {", &format!("\n{DRILLED}"));
    let said = suite.run(&["--json"]).exits(0).json();
    assert_eq!(said["outcome"], "pass");
    let record = std::fs::read(suite.pack().join("gates/M1/observations.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let controls = record["controls"].as_array().unwrap();
    let of = |name: &str| {
        let control = controls.iter().find(|control| control["control"] == name);
        control.unwrap()["changes"][0].clone()
    };
    for name in ["flattered", "frozen_on_the_way", "slow"] {
        let change = of(name);
        assert_eq!(change["witness"]["before"]["altered"], 0, "{name}: {change}");
        assert_ne!(change["witness"]["after"]["altered"], 0, "{name}: {change}");
        assert_eq!(change["witness"]["undone"]["altered"], 0, "{name}: {change}");
    }
    assert_eq!(of("cross")["facts"]["status"], 204);
    let exchanges = std::fs::read_to_string(suite.pack().join("exchanges.jsonl")).unwrap();
    let moods = exchanges.lines().filter(|line| line.contains("\"/mood\""));
    assert_eq!(
        moods.count(),
        2,
        "the change and its undoing are exchanges like all others"
    );
    verify(&suite.pack()).exits(0);
}
