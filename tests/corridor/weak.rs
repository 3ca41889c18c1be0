//! What is weak in a suite, told by the real binary before anything runs; and gates that are dropped into one.

use std::fs;

use crate::{
    copy::copy,
    good::good,
    suite::{Said, Suite, closure, files_below, repository},
};

fn lint(suite: &Suite, more: &[&str]) -> Said {
    Said::by(
        closure()
            .args(["gates", "--lint", "--suite"])
            .arg(suite.folder())
            .args(more),
    )
}

#[test]
fn a_suite_without_findings_is_told_its_advice_and_ends_well() {
    lint(&Suite::mini(), &[]).exits(0).says(&[
        "M1_notes/gate.toml:64:1: advice: `answered` is in no control's `must_fail`",
        "hint: name it in the control that breaks it, or write one that does",
        "0 findings and 2 pieces of advice for suite mini",
    ]);
}

#[test]
fn every_finding_has_its_place_and_its_hint_and_ends_the_command_with_2() {
    let suite = Suite::mini()
        .reword(
            "M1_notes/gate.toml",
            "kept.rows.map(r, r.text) == words",
            "size(kept.rows) >= 0",
        )
        .reword(
            "compose.yml",
            "${MINI_DATABASE_URL?missing MINI_DATABASE_URL}",
            "${MINI_DATABASE_URL:-postgresql://a:b@127.0.0.1/else}",
        );
    lint(&suite, &[]).exits(2).says(&[
        "M1_notes/gate.toml:62:1: finding: `all_kept` is decorative: a size is never less than nothing",
        "compose.yml:21:21: finding: `MINI_DATABASE_URL` has a fallback, and the suite fills it with a secret",
        "hint: write `${MINI_DATABASE_URL?missing MINI_DATABASE_URL}`",
        "2 findings and 2 pieces of advice for suite mini",
    ]);
    let said = lint(&suite, &["--json"]).exits(2).json();
    assert_eq!(said["exit_code"], 2);
    assert_eq!(said["found"].as_array().unwrap().len(), 4);
}

#[test]
fn a_pack_of_the_same_text_is_believed_and_of_another_text_it_is_said() {
    let archive = good().archive();
    let pack = ["--pack", archive.to_str().unwrap()];
    lint(&Suite::mini(), &pack).exits(0);
    lint(
        &Suite::mini().reword(
            "M2_settings/gate.toml",
            "says = \"and names it\"",
            "says = \"and says so\"",
        ),
        &pack,
    )
    .exits(0)
    .says(&["`M2` has changed since the pack was made"]);
    lint(&Suite::mini(), &["--pack", "/nowhere/pack.zip"])
        .exits(2)
        .says(&["there is no pack `/nowhere/pack.zip`"]);
}

/// Drop a folder of `fixtures/gates/dropped` into the suite.
fn drop_in(suite: &Suite, name: &str) {
    let from = repository("fixtures/gates/dropped").join(name);
    copy(&from, &suite.folder().join(name));
}

#[test]
fn a_folder_that_is_dropped_in_is_a_gate_and_no_other_file_is_touched() {
    let suite = Suite::mini();
    let before = files_below(&suite.folder());
    drop_in(&suite, "good");
    for command in ["gates", "plan"] {
        Said::by(closure().args([command, "--suite"]).arg(suite.folder()))
            .exits(0)
            .says(&["M3  it_is_well", "unwell"]);
    }
    suite.run(&["--only", "M3"]).exits(3).says(&["M3 pass"]);
    let mut after = files_below(&suite.folder());
    after.retain(|(name, _)| !name.starts_with("good/"));
    assert_eq!(after, before);
}

#[test]
fn broken_folders_that_are_dropped_in_are_refused_with_every_complaint_before_anything_is_brought_up() {
    let suite = Suite::mini();
    for name in ["good", "loose", "twice"] {
        drop_in(&suite, name);
    }
    let golden = fs::read_to_string(repository("fixtures/gates/dropped/complaints.txt")).unwrap();
    let complaints: Vec<&str> = golden.lines().map(str::trim).collect();
    assert!(complaints.len() > 10, "{golden}");
    let mut run = suite.command(&[]);
    let lists = ["gates", "plan"].map(|command| {
        let mut listed = closure();
        listed.args([command, "--suite"]).arg(suite.folder());
        listed
    });
    for command in lists.into_iter().chain([{
        let mut linted = closure();
        linted.args(["gates", "--lint", "--suite"]).arg(suite.folder());
        linted
    }]) {
        let mut command = command;
        Said::by(&mut command).exits(2).says(&complaints);
    }
    Said::by(&mut run).exits(2).says(&complaints);
    assert!(!suite.pack().exists(), "a record was opened");
}
