//! A run that passes, what it leaves, and what it was not told.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use closure::pack;
use serde_json::Value;

use crate::{
    good::{NONSENSE, good},
    lies::label_of,
    suite::{Said, closure, files_below, repository, verify},
    traces::{assert_nothing_left, open_ports},
};

#[test]
fn a_run_passes_and_its_exit_code_is_what_its_json_says() {
    let said = good().said.json();
    assert_eq!(good().said.code, Some(0), "{:?}", good().said);
    assert_eq!(
        (&said["outcome"], &said["exit_code"]),
        (&"pass".into(), &0.into())
    );
    assert_eq!(said["gates"].as_array().unwrap().len(), 2);
    assert!(
        said["gates"]
            .as_array()
            .unwrap()
            .iter()
            .all(|gate| gate["outcome"] == "pass")
    );
    assert_eq!(said["broken_pack"], Value::Null);
}

#[test]
fn a_finished_run_leaves_nothing_but_its_pack() {
    assert_nothing_left(&good().run);
    assert_eq!(open_ports(&good().state), Vec::<u64>::new());
    assert_eq!(good().said.json()["left_behind"], Value::Array(Vec::new()));
}

#[test]
fn a_stranger_checks_and_unpacks_the_zip_with_standard_tools_alone() {
    let alone = tempfile::tempdir().unwrap();
    for name in ["closure_pack_artifact.zip", "closure_pack_artifact.sha256"] {
        fs::copy(good().pack.join(name), alone.path().join(name)).unwrap();
    }
    sh(alone.path(), "sha256sum -c closure_pack_artifact.sha256");
    fs::create_dir(alone.path().join("unpacked")).unwrap();
    sh(alone.path(), "unzip -q closure_pack_artifact.zip -d unpacked");
    sh(&alone.path().join("unpacked"), "sha256sum -c manifest.sha256");
    verify(&alone.path().join("closure_pack_artifact.zip")).exits(0);
    verify(&alone.path().join("unpacked")).exits(0);
    fs::remove_file(alone.path().join("closure_pack_artifact.sha256")).unwrap();
    verify(&alone.path().join("closure_pack_artifact.zip"))
        .exits(0)
        .says(&["the pack is whole but unauthenticated"]);
}

#[track_caller]
fn sh(folder: &Path, line: &str) {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "`{line}` (is `scripts/setup` done?): {output:?}"
    );
}

#[test]
fn the_folder_the_run_wrote_verifies_too_and_as_json_it_says_what_it_says_in_words() {
    verify(&good().pack)
        .exits(0)
        .says(&["outcome    pass, derived again from the evidence"]);
    let said = Said::by(closure().args(["verify", "--json"]).arg(good().archive()))
        .exits(0)
        .json();
    assert_eq!(
        (&said["verdict"], &said["exit_code"]),
        (&"derivable".into(), &0.into())
    );
    assert_eq!(said["outcome"], "pass");
}

#[test]
fn a_second_seal_of_the_same_record_is_the_same_archive() {
    let copy = good().copy();
    let sealed = pack::seal(copy.path(), &label_of(copy.path())).unwrap();
    assert_eq!(sealed.metadata.sha256.as_str(), good().said.json()["sha256"]);
    assert_eq!(
        fs::read(sealed.archive).unwrap(),
        fs::read(good().archive()).unwrap()
    );
}

#[test]
fn the_reviewers_own_gates_and_plan_agree_with_the_pack_and_others_do_not() {
    let with = |option: &str, value: &str| {
        Said::by(
            closure()
                .arg("verify")
                .arg(good().archive())
                .args([option, value]),
        )
    };
    let mini = repository("fixtures/mini");
    with("--gates", mini.to_str().unwrap()).exits(0);
    let digest = plan_digest();
    with("--plan-digest", &digest).exits(0);
    with(
        "--plan-digest",
        &digest.replace(|c: char| c.is_ascii_digit(), "0"),
    )
    .exits(3)
    .says(&["plan.json"]);
}

fn plan_digest() -> String {
    let said = Said::by(
        closure()
            .args(["plan", "--json", "--suite"])
            .arg(repository("fixtures/mini")),
    )
    .exits(0);
    said.json()["sha256"].as_str().unwrap().to_owned()
}

#[test]
fn a_plan_is_the_same_twice_and_touches_nothing() {
    let alone = tempfile::tempdir().unwrap();
    let suite = repository("fixtures/mini");
    let before = files_below(&suite);
    let plan = || {
        Said::by(
            closure()
                .args(["plan", "--json", "--suite"])
                .arg(&suite)
                .current_dir(alone.path()),
        )
        .exits(0)
    };
    assert_eq!(plan().out, plan().out);
    assert_eq!(files_below(&suite), before);
    assert_eq!(fs::read_dir(alone.path()).unwrap().count(), 0);
}

#[test]
fn the_gates_are_listed_with_their_claims_and_controls() {
    Said::by(
        closure()
            .args(["gates", "--suite"])
            .arg(repository("fixtures/mini")),
    )
    .exits(0)
    .says(&[
        "M1  notes_are_kept",
        "a note that was answered with 200 is in the database once, with the text it was sent with",
        "all_kept           the database holds each text once",
        "lost_note          one note vanishes before the count",
        "turns red: kept, all_kept",
        "M2  settings_are_demanded",
        "2 gates in suite mini",
    ]);
}

#[test]
fn neither_the_shell_nor_an_env_file_beside_the_compose_file_reaches_a_service() {
    // The run passed with both full of nonsense; none of it is on paper either.
    assert_eq!(good().said.code, Some(0));
    assert_ne!(good().password, "hearsay");
    assert_eq!(
        files_with(&[NONSENSE.to_owned(), "hearsay".to_owned()]),
        Vec::<String>::new()
    );
}

#[test]
fn no_secret_of_the_run_is_on_paper_in_any_spelling() {
    let secret = &good().password;
    assert!(secret.len() >= 16, "`{secret}` is what the service was given");
    assert_eq!(files_with(&spellings(secret)), Vec::<String>::new());
    let said = format!("{}{}", good().said.out, good().said.err);
    assert!(spellings(secret).iter().all(|spelling| !said.contains(spelling)));
}

/// A secret as it is, in hexadecimal, and in Base64 with 0, 1 or 2 bytes of something else in front of it: of each
/// only the digits that do not depend on what stands around it.
fn spellings(secret: &str) -> Vec<String> {
    let mut spellings = vec![secret.to_owned(), hex::encode(secret), hex::encode_upper(secret)];
    for before in ["", "-", "--"] {
        let digits = BASE64_STANDARD_NO_PAD.encode(format!("{before}{secret}"));
        // Six bits a digit: the first ones hold what stands before, the last one may hold what comes after.
        let own = (before.len() * 8).div_ceil(6)..digits.len() - 1;
        spellings.push(digits[own].to_owned());
    }
    spellings
}

/// The files of the good pack, the archive among them, that hold one of these texts.
fn files_with(texts: &[String]) -> Vec<String> {
    let holds = |bytes: &[u8]| {
        texts
            .iter()
            .any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    let files = files_below(&good().pack);
    assert!(files.len() > 20, "the pack is there");
    files
        .into_iter()
        .filter(|(_, bytes)| holds(bytes))
        .map(|(name, _)| name)
        .collect()
}
