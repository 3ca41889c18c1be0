//! A downloaded pack in the hands of a stranger who has `sha256sum`, `unzip` and the list of what must be in it.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    good::good,
    lies::label_of,
    suite::{Said, repository},
};

/// The zip with its checksum beside it, as they were uploaded.
fn downloaded() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["closure_pack_artifact.zip", "closure_pack_artifact.sha256"] {
        fs::copy(good().pack.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn check(downloaded: &Path, authority: &str, required: Option<&str>) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let mut check = Command::new(repository("scripts/check_pack"));
    check
        .arg(downloaded)
        .arg(scratch.path().join("unpacked"))
        .arg(authority);
    if let Some(required) = required {
        fs::write(scratch.path().join("required"), required).unwrap();
        check.arg(scratch.path().join("required"));
    }
    Said::by(&mut check)
}

#[test]
fn what_every_pack_holds_is_found_and_what_is_not_in_this_one_is_missed_by_name() {
    let pack = downloaded();
    let said = check(pack.path(), "ci_subset", None);
    let listed = fs::read_to_string(repository("scripts/required_artifacts")).unwrap();
    let names = listed.lines().filter(|line| !line.starts_with('#'));
    let is_here = |name: &&str| good().pack.join(name.replace("AUTHORITY", "ci_subset")).is_file();
    let (here, missing): (Vec<&str>, Vec<&str>) = names.partition(is_here);
    // Every run writes these; what else is on the list are papers of gates that the small suite does not have.
    assert_eq!(
        here,
        [
            "phase8_gate_summary.json",
            "phase8_gate_summary_AUTHORITY.json",
            "runner_physics_probe.json",
            "plan.json",
            "seal.json",
            "timeline.jsonl"
        ]
    );
    assert!(!missing.is_empty());
    said.exits(1).says(&[
        "manifest.sha256: OK",
        &format!("check_pack: missing: {}", missing.join(", ")),
    ]);
}

#[test]
fn a_pack_that_holds_all_of_its_list_is_told_with_its_outcome_and_authority() {
    let required = "phase8_gate_summary_AUTHORITY.json   # named by authority\nnotes.json\n\nseal.json\n";
    let pack = downloaded();
    check(pack.path(), "ci_subset", Some(required)).exits(0).says(&[
        &format!(
            "every required artifact is there; outcome {}",
            label_of(&good().pack).outcome
        ),
        "not authoritative: profile `ci_subset` is a subset",
    ]);
    check(pack.path(), "full_physics", Some("notes.json\n"))
        .exits(1)
        .says(&["the pack is of ci_subset, not of full_physics"]);
}

#[test]
fn a_log_that_is_known_from_elsewhere_is_asked_for_in_the_table_of_contents() {
    let log = "logs/pytest_p8_topology.log";
    check(downloaded().path(), "ci_subset", Some(log))
        .exits(1)
        .says(&[&format!("check_pack: missing: {log}")]);
}

#[test]
fn one_flipped_bit_is_found_before_anything_is_unpacked() {
    let pack = downloaded();
    let zip = pack.path().join("closure_pack_artifact.zip");
    let mut bytes = fs::read(&zip).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&zip, bytes).unwrap();
    let said = check(pack.path(), "ci_subset", Some("notes.json\n"));
    assert!(
        said.code != Some(0) && !said.out.contains("manifest.sha256: OK"),
        "{said:?}"
    );
}
