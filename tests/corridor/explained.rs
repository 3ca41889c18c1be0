//! Why a claim reads as it does, told from packs by the real binary.

use std::{fs, path::Path};

use closure::pack;

use crate::{
    copy::copy,
    good::good,
    lies::label_of,
    suite::{Said, Suite, closure, repository},
};

fn explain(id: &str, pack: &Path) -> Said {
    let mut command = closure();
    command
        .args(["explain", id, "--suite"])
        .arg(repository("fixtures/mini"));
    Said::by(command.arg("--pack").arg(pack))
}

#[test]
fn of_a_pass_it_is_said_why_that_may_be_believed() {
    let suite = repository("fixtures/mini");
    let again = format!(
        "closure run --suite {} --ci-subset --substrate native --only M2 M1",
        suite.display()
    );
    let said = explain("M1", &good().archive()).exits(0);
    assert!(!said.out.contains("first cause"), "{said:?}");
    said.says(&[
        "M1  notes_are_kept",
        "claim  a note that was answered with 200 is in the database once",
        "reads  TRUE: the gate came to pass",
        "why it may be believed",
        "turned red by lost_note, frozen and",
        "and it was seen to go red",
        "proven: kept, all_kept turned red, and green again",
        "M1_notes/gate.toml:29  assertion `kept`",
        "M1_notes/gate.toml:24  probe `kept`",
        "  controls/kill_matrix.json",
        "  load/crowd/requests.csv",
        "  notes.json",
        &again,
    ]);
}

#[test]
fn an_assertion_and_a_control_can_be_asked_about_by_name() {
    explain("M1.all_kept", &good().archive()).exits(0).says(&[
        "M1.all_kept, of notes_are_kept",
        "held: the database holds each text once",
        "kept.rows.map(r, r.text) == words",
        "looked    kept: sql admin, ",
        "broken by  lost_note, frozen and",
    ]);
    explain("M1.lost_note", &good().pack).exits(0).says(&[
        "lost_note: proven",
        "sql (rollback): landed, undone",
        "promised  kept, all_kept",
        "gates/M1/controls/lost_note.json",
        "M1_notes/gate.toml:",
    ]);
    let said = explain_json("M1.lost_note");
    assert_eq!(said["part"], "lost_note");
    assert_eq!(said["controls"][0]["proof"], "proven");
    assert_eq!((&said["reads"], &said["exit_code"]), (&"TRUE".into(), &0.into()));
}

fn explain_json(id: &str) -> serde_json::Value {
    let mut command = closure();
    command
        .args(["explain", "--json", id, "--pack"])
        .arg(good().archive());
    Said::by(command.current_dir("/")).exits(0).json()
}

#[test]
fn an_id_that_nothing_goes_by_is_refused_with_the_one_that_was_meant() {
    for (id, words, hint) in [
        ("M3", "this pack has no gate `M3`", "it has `M2`, `M1`"),
        (
            "nonsense",
            "this pack has no gate `nonsense`",
            "it has `M2`, `M1`",
        ),
        (
            "M1.all_kep",
            "gate `M1` has no assertion and no control `all_kep`",
            "did you mean `M1.all_kept`?",
        ),
        (
            "M1.xyz",
            "gate `M1` has no assertion and no control `xyz`",
            "it has `kept`, ",
        ),
    ] {
        explain(id, &good().archive()).exits(2).says(&[words, hint]);
    }
}

#[test]
fn the_pack_of_the_last_run_is_found_where_the_suite_says_and_missed_in_words() {
    let alone = tempfile::tempdir().unwrap();
    let explain = || {
        let mut command = closure();
        command
            .args(["explain", "M1", "--suite"])
            .arg(repository("fixtures/mini"));
        Said::by(command.current_dir(alone.path()))
    };
    explain().exits(2).says(&[
        "there is no pack `artifacts/mini`",
        "hint: `closure run` makes one; `--pack PACK` names another",
    ]);
    copy(&good().pack, &alone.path().join("artifacts/mini"));
    explain()
        .exits(0)
        .says(&["reads  TRUE", "in the pack artifacts/mini"]);
    let mut nowhere = closure();
    nowhere.args(["explain", "M1"]).current_dir(alone.path());
    Said::by(&mut nowhere)
        .exits(2)
        .says(&["gates", "hint: name the pack: `closure explain M1 --pack PACK`"]);
}

#[test]
fn without_the_suite_beside_it_a_pack_is_explained_from_its_own_text() {
    let mut command = closure();
    command.args(["explain", "M1", "--pack"]).arg(good().archive());
    Said::by(command.current_dir("/")).exits(0).says(&[
        "gates/M1/gate.toml:29  assertion `kept`, as the pack holds it",
        "closure run --suite <folder of suite mini> --ci-subset",
    ]);
}

#[test]
fn a_pack_that_was_hurt_or_lies_is_not_explained() {
    let hurt = good().copy();
    fs::write(hurt.path().join("gates/M1/observations.json"), "{}").unwrap();
    explain("M1", hurt.path())
        .exits(4)
        .says(&["altered", "gates/M1/observations.json", "is not whole"]);
    let open = good().copy();
    fs::remove_file(open.path().join("manifest.sha256")).unwrap();
    explain("M1", open.path())
        .exits(4)
        .says(&["hint: the run that writes it is not over yet, or was cut off"]);
    let lie = good().copy();
    let outcome = lie.path().join("gates/M1/outcome.json");
    let text = fs::read_to_string(&outcome).unwrap();
    fs::write(&outcome, text.replacen("\"pass\"", "\"fail\"", 1)).unwrap();
    let sealed = pack::seal(lie.path(), &label_of(lie.path())).unwrap();
    explain("M1", &sealed.archive).exits(3).says(&[
        "`gates/M1/outcome.json` is not what the observations of gate `M1` make",
        "hint: `closure verify ",
    ]);
}

#[test]
fn of_a_failure_the_first_cause_is_told_with_what_was_seen_and_how_to_see_it_again() {
    let suite = Suite::mini()
        .reword(
            "M1_notes/gate.toml",
            "it.status == 200 && it.json.first == true",
            "it.status == 200 && it.json.first == (it.word != 'beta')",
        )
        .reword(
            "M1_notes/gate.toml",
            "kept.rows.map(r, r.text) == words",
            "kept.rows.map(r, r.text) == ['alpha']",
        );
    suite.run(&[]).exits(1);
    let explain = |id: &str| {
        let mut command = closure();
        command.args(["explain", id, "--suite"]).arg(suite.folder());
        Said::by(command.arg("--pack").arg(suite.pack()))
    };
    let gate = suite.folder().join("M1_notes/gate.toml");
    let said = explain("M1").exits(1);
    let cause = said.out.split("first cause\n").nth(1).unwrap_or_default();
    assert!(
        cause
            .trim_start()
            .starts_with("`accepted` is false: each note is accepted"),
        "what was seen first comes first: {}",
        said.out
    );
    said.says(&[
        "reads  FALSE: the gate came to fail",
        "broken: each note is accepted, as a new one",
        "element   2 of `posts`: {",
        "looked    posts: http POST counter /notes, ",
        "broken: the database holds each text once",
        "4 of 6 assertions held",
        "lost_note: ",
        "not green before it",
        &format!("{}:60  assertion `accepted`", gate.display()),
        &format!("{}:8  probe `posts`", gate.display()),
        "  gates/M1/observations.json",
        "--substrate native --only M2 M1",
    ]);
    explain("M1.all_kept")
        .exits(1)
        .says(&["broken: the database holds each text once"]);
    explain("M1.once")
        .exits(0)
        .says(&["held: the same note a second time is not new"]);
    explain("M2").exits(0).says(&["reads  TRUE"]);
}

#[test]
fn a_gate_that_was_not_run_leads_to_the_one_that_it_needed() {
    let suite = Suite::mini();
    suite.run(&["--only", "M1"]).exits(3);
    let mut command = closure();
    command.args(["explain", "M1", "--suite"]).arg(suite.folder());
    Said::by(command.arg("--pack").arg(suite.pack())).exits(1).says(&[
        "reads  UNKNOWN: the gate came to not_run",
        "gate M2: left out by `--only`",
        "--only M2 M1",
    ]);
}
