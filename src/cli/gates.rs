//! `closure gates`: the gates, their claims and their controls.

use serde_json::json;

use super::{Exit, arguments::GatesWish};
use crate::gate::{self, model::Gate};

pub(super) fn command(wish: &GatesWish) -> anyhow::Result<Exit> {
    let suite = gate::read(&wish.suite).map_err(|complaints| Exit::Usage.because(complaints))?;
    if wish.json {
        let gates: Vec<_> = suite.gates.iter().map(as_json).collect();
        println!("{:#}", json!({"suite": suite.name, "gates": gates}));
    } else {
        for gate in &suite.gates {
            print!("{}", in_words(gate));
        }
        println!("{} gates", suite.gates.len());
    }
    Ok(Exit::Pass)
}

fn as_json(gate: &Gate) -> serde_json::Value {
    json!({
        "id": gate.id,
        "name": gate.name,
        "claim": gate.claim,
        "needs": gate.needs,
        "profiles": gate.profiles,
        "assertions": gate.assertions.iter().map(|a| json!({"name": a.name, "says": a.says})).collect::<Vec<_>>(),
        "controls": gate.controls.iter().map(|c| {
            json!({"name": c.name, "says": c.says, "must_fail": c.must_fail})
        }).collect::<Vec<_>>(),
    })
}

fn in_words(gate: &Gate) -> String {
    let mut lines = vec![format!("{}  {}\n    {}", gate.id, gate.name, gate.claim)];
    for control in &gate.controls {
        lines.push(format!(
            "    - {}: {} → {}",
            control.name,
            control.says,
            control.must_fail.join(", ")
        ));
    }
    lines.push(String::new());
    lines.join("\n") + "\n"
}
