//! What `--help` shows, screen by screen, and what a stranger reads of a suite: golden files.
//!
//! `INSTA_UPDATE=always cargo test --test help` writes them anew; read the difference before you keep it.

#![cfg(feature = "live")]

use assert_cmd::Command;

/// What a command prints where no terminal tells how wide it is.
fn printed(words: &[&str]) -> String {
    let mut closure = Command::new(env!("CARGO_BIN_EXE_closure"));
    let done = closure
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("COLUMNS")
        .args(words)
        .write_stdin("")
        .assert()
        .success();
    String::from_utf8(done.get_output().stdout.clone()).expect("it is text")
}

#[test]
fn the_first_screen_says_what_there_is_and_every_exit_code() {
    insta::assert_snapshot!("closure", printed(&["--help"]));
}

#[test]
fn every_command_has_a_screen_that_ends_with_an_example() {
    for command in ["plan", "run", "verify", "gates", "explain", "clean", "load"] {
        let screen = printed(&[command, "--help"]);
        let last = screen.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("  closure {command}")), "{screen}");
        insta::assert_snapshot!(command, screen);
    }
}

#[test]
fn the_gates_of_a_suite_are_told_to_a_stranger() {
    insta::assert_snapshot!("gates_of_mini", printed(&["gates", "--suite", "fixtures/mini"]));
}

#[test]
fn a_plan_is_told_to_a_stranger() {
    let plan = printed(&["plan", "--suite", "fixtures/mini", "--only", "M2"]);
    // The digest changes with every word of the suite, and is looked at elsewhere.
    let told: Vec<&str> = plan.lines().filter(|line| !line.starts_with("sha256")).collect();
    assert_eq!(told.len() + 1, plan.lines().count(), "{plan}");
    insta::assert_snapshot!("plan_of_mini", told.join("\n"));
}
