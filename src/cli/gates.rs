//! `closure gates`: the gates, what they claim, when the claim holds, and the proof that it could fail. With `--lint`,
//! what is weak about them.

use serde_json::json;

use super::{
    Exit,
    arguments::GatesWish,
    columns::{count, row, widest},
    opened,
};
use crate::{
    gate::{self, model::Gate},
    lint::{self, Weakness, Weight},
    plan,
    report::Case,
};

pub(super) fn command(wish: &GatesWish) -> anyhow::Result<Exit> {
    if wish.lint {
        return look_for_weakness(wish);
    }
    let suite = gate::read(&wish.suite).map_err(|complaints| Exit::Usage.because(complaints))?;
    if wish.json {
        let gates: Vec<_> = suite.gates.iter().map(as_json).collect();
        println!("{:#}", json!({"suite": suite.name, "gates": gates}));
    } else {
        for gate in &suite.gates {
            println!("{}", in_words(gate));
        }
        println!("{} in suite {}", count(suite.gates.len(), "gate"), suite.name);
    }
    Ok(Exit::Pass)
}

/// A weakness that must be put right is a fault of a file, found before any run, like every complaint of the reader's:
/// it ends the command as they do. Advice alone does not.
fn look_for_weakness(wish: &GatesWish) -> anyhow::Result<Exit> {
    let suite = gate::read(&wish.suite).map_err(|complaints| Exit::Usage.because(complaints))?;
    let compose = plan::compose_of(&suite).map_err(|refusal| Exit::Usage.because(refusal))?;
    let judged: Option<Case> = wish.pack.as_deref().map(opened::judged).transpose()?;
    let found = lint::lint(&suite, &compose, judged.as_ref());
    let findings = found.iter().filter(|one| one.weight == Weight::Finding).count();
    let exit = if findings > 0 { Exit::Usage } else { Exit::Pass };
    if wish.json {
        let all: Vec<_> = found.iter().map(weakness_as_json).collect();
        println!(
            "{:#}",
            json!({"suite": suite.name, "found": all, "exit_code": exit.code()})
        );
    } else {
        for one in &found {
            println!("{}", weakness_in_words(one));
        }
        let pieces = if found.len() - findings == 1 {
            "piece"
        } else {
            "pieces"
        };
        println!(
            "{} and {} {pieces} of advice for suite {}",
            count(findings, "finding"),
            found.len() - findings,
            suite.name
        );
    }
    Ok(exit)
}

fn weakness_as_json(weakness: &Weakness) -> serde_json::Value {
    let complaint = &weakness.complaint;
    json!({
        "weight": weakness.weight,
        "file": complaint.file,
        "line": complaint.line,
        "column": complaint.column,
        "message": complaint.message,
        "hint": complaint.hint,
    })
}

fn weakness_in_words(weakness: &Weakness) -> String {
    let word = match weakness.weight {
        Weight::Finding => "finding",
        Weight::Advice => "advice",
    };
    let complaint = &weakness.complaint;
    let hint = complaint.hint.as_ref();
    format!(
        "{}:{}:{}: {word}: {}{}",
        complaint.file,
        complaint.line,
        complaint.column,
        complaint.message,
        hint.map_or_else(String::new, |hint| format!("\n  hint: {hint}"))
    )
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
    let deadlines = gate.probes.iter().filter_map(|probe| {
        let until = probe.until.as_ref()?;
        Some((probe.name.as_str(), until.says.as_str()))
    });
    let sentences = gate
        .assertions
        .iter()
        .map(|assertion| (assertion.name.as_str(), assertion.says.as_str()));
    let holds: Vec<_> = deadlines.chain(sentences).collect();
    let names = holds.iter().map(|(name, _)| *name);
    let width = widest(names.chain(gate.controls.iter().map(|control| control.name.as_str())));

    let mut text = format!("{}  {}\n", gate.id, gate.name);
    text += &row(0, 0, "", &gate.claim);
    if !gate.needs.is_empty() {
        text += &row(0, 0, "", &format!("runs after {}", gate.needs.join(", ")));
    }
    text += "\n  it passes when\n";
    for (name, says) in holds {
        text += &row(4, width, name, says);
    }
    text += "\n  and each run proves that it can fail, when\n";
    for control in &gate.controls {
        text += &row(4, width, &control.name, &control.says);
        text += &row(
            4,
            width,
            "",
            &format!("turns red: {}", control.must_fail.join(", ")),
        );
    }
    text
}
