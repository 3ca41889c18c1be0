//! What cannot even begin: exit 2, the words of the one who refuses, and nothing written or started.

use std::{fs, process::Command};

use crate::suite::{Said, Suite, closure, repository};

/// Nothing was begun: there is no record.
#[track_caller]
fn refused(suite: &Suite, command: &mut Command, words: &[&str]) {
    Said::by(command).exits(2).says(words);
    assert!(
        !suite.pack().join("timeline.jsonl").exists(),
        "a record was opened"
    );
}

#[test]
fn an_unknown_id_is_refused_with_the_ids_there_are() {
    let suite = Suite::mini();
    refused(
        &suite,
        &mut suite.command(&["--only", "M3"]),
        &["no gate `M3`", "`M1`", "`M2`"],
    );
}

#[test]
fn both_profiles_at_once_are_refused() {
    let suite = Suite::mini();
    refused(
        &suite,
        &mut suite.command(&["--ci-subset", "--full-physics"]),
        &["--ci-subset", "--full-physics"],
    );
}

#[test]
fn a_suite_that_is_not_there_is_refused_by_name() {
    let suite = Suite::mini();
    fs::remove_dir_all(suite.folder()).unwrap();
    refused(
        &suite,
        &mut suite.command(&[]),
        &[suite.folder().to_str().unwrap()],
    );
}

#[test]
fn a_bad_suite_earns_all_its_complaints_at_once() {
    let many = repository("fixtures/gates/bad/many");
    let golden = fs::read_to_string(many.join("complaints.txt")).unwrap();
    let complaints: Vec<&str> = golden.lines().filter(|line| line.contains(".toml:")).collect();
    assert!(complaints.len() > 5);
    for command in ["run", "plan", "gates"] {
        let said = Said::by(closure().args([command, "--suite"]).arg(&many)).exits(2);
        said.says(&complaints);
    }
}

#[test]
fn a_gate_with_an_unknown_key_is_refused_with_place_and_suggestion() {
    let suite = Suite::mini().reword("M1_notes/gate.toml", "claim = ", "clam = ");
    refused(
        &suite,
        &mut suite.command(&[]),
        &[
            "M1_notes/gate.toml:3:1: unknown key `clam`",
            "did you mean `claim`?",
        ],
    );
}

#[test]
fn an_env_file_with_a_line_that_is_none_is_refused_with_its_number() {
    let suite = Suite::mini();
    let env_file = suite.folder().join("more.env");
    fs::write(&env_file, "A=1\nnonsense\n").unwrap();
    let mut command = suite.command(&["--env-file"]);
    refused(
        &suite,
        command.arg(&env_file),
        &["more.env:2: `nonsense` is not NAME=VALUE"],
    );
}

#[test]
fn a_variable_that_the_suite_does_not_fill_is_missed_in_the_compose_files_own_words() {
    let suite = Suite::mini().reword("suite.toml", "MINI_DATABASE_URL      = \"${dsn('admin')}\"\n", "");
    suite
        .run(&[])
        .exits(2)
        .says(&["compose.yml", "missing MINI_DATABASE_URL"]);
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let suite = Suite::mini();
    fs::create_dir(suite.pack()).unwrap();
    fs::write(suite.pack().join("thesis.tex"), "years").unwrap();
    refused(
        &suite,
        &mut suite.command(&[]),
        &["`thesis.tex`", "hint: empty it, or choose another folder"],
    );
    assert_eq!(
        fs::read_to_string(suite.pack().join("thesis.tex")).unwrap(),
        "years"
    );
}

#[test]
fn a_pack_that_is_not_there_is_refused() {
    Said::by(closure().args(["verify", "/nowhere/pack.zip"]))
        .exits(2)
        .says(&["there is no pack `/nowhere/pack.zip`"]);
}

#[test]
fn the_help_shows_a_sentence_for_every_exit_code() {
    let help = Said::by(closure().arg("--help")).exits(0).out;
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "70"] {
        let sentence = help
            .lines()
            .any(|line| line.trim_start().starts_with(&format!("{code} ")));
        assert!(sentence, "{code} is in\n{help}");
    }
}
