//! `closure explain`: why a claim reads as it does.

use std::path::Path;

use serde_json::json;

use super::{
    Exit,
    arguments::ExplainWish,
    columns::{count, row, widest},
    looked, opened, told,
};
use crate::{
    gate::{self, model::Suite},
    judge::verdict::{Edge, Kills, Proof, Standing},
    observation::Pass,
    outcome::Outcome,
    report::explain::{self, Explanation, Question, ToldAssertion, ToldControl},
};

pub(super) fn command(wish: &ExplainWish) -> anyhow::Result<Exit> {
    let checkout = gate::read(&wish.suite);
    let pack = match (&wish.pack, &checkout) {
        (Some(pack), _) => pack.clone(),
        (None, Ok(suite)) => suite.artifact_dir.clone(),
        (None, Err(complaints)) => {
            let words = format!(
                "{complaints}\nhint: name the pack: `closure explain {} --pack PACK`",
                wish.id
            );
            return Err(Exit::Usage.because(anyhow::Error::msg(words)));
        }
    };
    let whole = opened::whole(&pack)?;
    let unjudged = opened::unjudged(&whole)?;
    let asked = explain::find(unjudged.plan(), &wish.id).map_err(|error| Exit::Usage.because(error))?;
    let case = unjudged.judge_one(&asked.gate);
    if let Some(path) = explain::recorded_otherwise(&case, &asked.gate, &whole) {
        let words = format!(
            "`{path}` is not what the observations of gate `{}` make\nhint: `closure verify {}` compares the whole pack",
            asked.gate,
            pack.display()
        );
        return Err(Exit::Unproven.because(anyhow::Error::msg(words)));
    }
    let checkout = checkout.as_ref().ok().filter(|suite| is_of(suite, &case.suite));
    let question = Question {
        case: &case,
        asked: &asked,
        files: &whole,
        checkout,
    };
    let explanation = explain::explain(&question)
        .ok_or_else(|| anyhow::anyhow!("gate `{}` was found and not judged", asked.gate))?;
    let exit = exit_of(&explanation);
    if wish.json {
        let mut told = json!(explanation);
        told["pack"] = json!(pack);
        told["exit_code"] = exit.code().into();
        println!("{told:#}");
    } else {
        let record = case.records.get(&asked.gate);
        let pass = record.and_then(|record| record.pass.as_ref());
        print!("{}", in_words(&explanation, pass, &pack));
    }
    Ok(exit)
}

/// A suite on this machine is the one the pack was made from when it is called the same; its gates may have changed.
fn is_of(checkout: &Suite, in_the_pack: &Suite) -> bool {
    checkout.name == in_the_pack.name
}

/// As of a pack: 0 only for what reads as it should.
fn exit_of(explanation: &Explanation) -> Exit {
    let is_good = if explanation.part.is_some() {
        is_good_part(explanation)
    } else {
        explanation.outcome == Outcome::Pass
    };
    if is_good { Exit::Pass } else { Exit::Failed }
}

/// The assertion that was asked about held and could have failed; the control is proven, every member of its family.
fn is_good_part(explanation: &Explanation) -> bool {
    let held = |told: &ToldAssertion| {
        let decorative = told.kills.as_ref().is_some_and(|kills| kills.decorative);
        told.verdict.standing == Standing::Held && !decorative
    };
    let proven = |told: &ToldControl| told.verdict.proof == Proof::Proven;
    let is_told = !explanation.assertions.is_empty() || !explanation.controls.is_empty();
    is_told && explanation.assertions.iter().all(held) && explanation.controls.iter().all(proven)
}

fn in_words(explanation: &Explanation, pass: Option<&Pass>, pack: &Path) -> String {
    let mut text = head(explanation);
    if explanation.part.is_none() && explanation.outcome == Outcome::Pass {
        text += &why_believed(explanation);
    } else {
        text += &what_was_seen(explanation, pass);
    }
    text += "\nopen\n";
    for place in &explanation.open {
        text += &line(2, &format!("{}:{}  {}", place.path, place.line, place.what));
    }
    text += "\n";
    text += &line(0, &format!("in the pack {}", pack.display()));
    for path in &explanation.evidence {
        text += &line(2, path);
    }
    text += "\nrun it again\n";
    text += &line(2, &explanation.run_again);
    text
}

/// A line that is never broken: somebody may want to copy it.
fn line(indent: usize, words: &str) -> String {
    format!("{:indent$}{words}\n", "")
}

fn head(explanation: &Explanation) -> String {
    let Explanation {
        gate, name, claim, ..
    } = explanation;
    let mut text = match &explanation.part {
        Some(part) => format!("{gate}.{part}, of {name}\n"),
        None => format!("{gate}  {name}\n"),
    };
    text += &row(0, 5, "claim", claim);
    text += &row(
        0,
        5,
        "reads",
        &format!(
            "{}: the gate came to {}",
            explanation.reads.word(),
            explanation.outcome
        ),
    );
    if let Some(cause) = &explanation.first_cause {
        let what = if cause.gate == *gate {
            cause.what.clone()
        } else {
            format!("gate {}: {}", cause.gate, cause.what)
        };
        text += "\nfirst cause\n";
        text += &row(0, 0, "", &what);
    }
    text
}

/// What did not hold and what was not proven; of a part that was asked about, that part whatever it came to.
fn what_was_seen(explanation: &Explanation, pass: Option<&Pass>) -> String {
    let mut text = String::new();
    if !explanation.assertions.is_empty() {
        text += "\nseen\n";
    }
    for told in &explanation.assertions {
        text += &line(2, &told.verdict.name);
        text += &(told::assertion(&told.verdict).join("\n") + "\n");
        for words in pass.map_or_else(Vec::new, |pass| looked::in_words(&told.probes, pass)) {
            text += &line(6, &format!("looked    {words}"));
        }
        if let Some(kills) = &told.kills {
            text += &row(6, 8, "broken by", &breakers(kills));
            text += &edges(&kills.edges);
        }
    }
    if explanation.part.is_none() && explanation.of_assertions > 0 {
        let of = count(explanation.of_assertions, "assertion");
        text += "\n";
        text += &line(0, &format!("{} of {of} held", explanation.held));
    }
    if !explanation.controls.is_empty() {
        text += "\ncontrols\n";
    }
    for told in &explanation.controls {
        text += &control(told);
    }
    let told_already = |reason: &&String| {
        let cause = explanation.first_cause.as_ref();
        cause.is_none_or(|cause| !reason.ends_with(&cause.what))
    };
    let reasons: Vec<&String> = explanation.reasons.iter().filter(told_already).collect();
    if explanation.part.is_none() && !reasons.is_empty() {
        text += "\nand besides\n";
        for reason in reasons {
            text += &row(0, 0, "", reason);
        }
    }
    text
}

fn control(told: &ToldControl) -> String {
    let verdict = &told.verdict;
    let vars = verdict
        .vars
        .iter()
        .map(|(name, value)| format!(" {name}={value}"));
    let vars = vars.collect::<Vec<_>>().concat();
    let mut text = line(2, &format!("{}{vars}: {}", verdict.control, verdict.proof.word()));
    text += &row(4, 8, "says", &verdict.says);
    if let Some(note) = &verdict.note {
        text += &row(4, 8, "because", note);
    }
    for change in &told.changes {
        let yes = |is: bool, word: &str| {
            if is {
                word.to_owned()
            } else {
                format!("not {word}")
            }
        };
        let mut words = format!(
            "{} ({}): {}, {}",
            change.kind,
            change.place,
            yes(change.landed, "landed"),
            yes(change.undone, "undone")
        );
        if let Some(error) = &change.error {
            words = format!("{words}: {error}");
        }
        text += &row(4, 8, "did", &words);
    }
    text += &row(4, 8, "promised", &verdict.must_fail.join(", "));
    let red = if verdict.broken.is_empty() {
        "nothing".to_owned()
    } else {
        verdict.broken.join(", ")
    };
    text += &row(4, 8, "turned", &format!("{red} red"));
    text += &row(4, 8, "file", &told.file);
    text
}

/// Of a pass: every assertion with what turned it red, every control that did.
fn why_believed(explanation: &Explanation) -> String {
    let assertions = explanation
        .assertions
        .iter()
        .map(|told| told.verdict.name.as_str());
    let controls = explanation
        .controls
        .iter()
        .map(|told| told.verdict.control.as_str());
    let width = widest(assertions.chain(controls));
    let mut text = "\nwhy it may be believed\n".to_owned();
    for told in &explanation.assertions {
        let verdict = &told.verdict;
        text += &row(2, width, &verdict.name, &verdict.says);
        let broken_by = told.kills.as_ref().map(breakers).unwrap_or_default();
        let words = format!("held on {}; turned red by {broken_by}", verdict.examined);
        text += &row(2, width, "", &words);
    }
    text += "\nand it was seen to go red\n";
    for told in &explanation.controls {
        let verdict = &told.verdict;
        text += &row(2, width, &verdict.control, &verdict.says);
        text += &row(
            2,
            width,
            "",
            &format!(
                "{}: {} turned red, and green again",
                verdict.proof.word(),
                verdict.broken.join(", ")
            ),
        );
    }
    text
}

/// `lost_note, frozen and 12 counterfeits`.
fn breakers(kills: &Kills) -> String {
    let counterfeits = count(usize::try_from(kills.killed).unwrap_or(usize::MAX), "counterfeit");
    match kills.live.as_slice() {
        [] => counterfeits,
        live => format!("{} and {counterfeits}", live.join(", ")),
    }
}

/// How far each number may move before the assertion breaks.
fn edges(edges: &[Edge]) -> String {
    let edge = |edge: &Edge| {
        let side = |word: &str, value: Option<f64>| value.map(|value| format!("{word} {value}"));
        let sides: Vec<String> = [side("below from", edge.below), side("above from", edge.above)]
            .into_iter()
            .flatten()
            .collect();
        row(
            6,
            8,
            "edge",
            &format!("{} = {}; breaks {}", edge.path, edge.actual, sides.join(" and ")),
        )
    };
    edges.iter().map(edge).collect()
}
