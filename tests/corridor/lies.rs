//! Packs changed by somebody who can hash and seal: whatever does not follow from the evidence is found, by name.

use std::{fs, path::Path};

use closure::{
    outcome::Outcome,
    pack::{self, Label},
};
use serde_json::Value;

use crate::{
    good::good,
    suite::{Said, verify},
};

/// What the table of contents of a pack says of its run.
pub(crate) fn label_of(folder: &Path) -> Label {
    let toc = json(folder, "pack.json");
    Label {
        run_id: toc["run_id"].as_str().unwrap().to_owned(),
        run_authority: toc["run_authority"].as_str().unwrap().to_owned(),
        outcome: serde_json::from_value(toc["outcome"].clone()).unwrap(),
    }
}

fn json(folder: &Path, path: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(path)).unwrap()).unwrap()
}

/// Change a copy of the good pack, hash and seal everything again, and hear what `verify` says of the archive.
#[track_caller]
fn lie(change: impl FnOnce(&Path)) -> Said {
    labelled_lie(|folder| {
        change(folder);
        label_of(folder)
    })
}

#[track_caller]
fn labelled_lie(change: impl FnOnce(&Path) -> Label) -> Said {
    let copy = good().copy();
    let label = change(copy.path());
    let sealed = pack::seal(copy.path(), &label).unwrap();
    verify(&sealed.archive)
}

/// Change one JSON file of a pack.
fn edit(folder: &Path, path: &str, change: impl FnOnce(&mut Value)) {
    let mut value = json(folder, path);
    let before = value.clone();
    change(&mut value);
    assert_ne!(value, before, "the lie is one");
    fs::write(folder.join(path), format!("{value:#}\n")).unwrap();
}

#[test]
fn a_pack_that_is_only_sealed_again_is_believed() {
    lie(|_| {}).exits(0);
}

#[test]
fn any_derived_file_in_which_one_digit_is_another_is_found_by_name() {
    let toc = json(&good().pack, "pack.json");
    let files = toc["files"].as_object().unwrap();
    let derived: Vec<&String> = files
        .iter()
        .filter(|(_, file)| file["role"] == "derived")
        .map(|(path, _)| path)
        .collect();
    assert!(derived.len() >= 12, "{derived:?}");
    for path in derived {
        lie(|folder| change_a_digit(&folder.join(path)))
            .exits(3)
            .says(&[&format!("`{path}`")]);
    }
}

/// Change the last digit of a text; whatever it belongs to stays well formed.
fn change_a_digit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let digit = bytes
        .iter_mut()
        .rfind(|byte| byte.is_ascii_digit())
        .expect("every derived file holds a digit");
    *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
    fs::write(path, bytes).unwrap();
}

#[test]
fn any_derived_file_that_is_gone_is_missed_by_name() {
    for path in [
        "gates/M1/outcome.json",
        "gates/M1/controls/lost_note.json",
        "REPORT.md",
        "notes.json",
    ] {
        lie(|folder| fs::remove_file(folder.join(path)).unwrap())
            .exits(3)
            .says(&[&format!("`{path}`")]);
    }
}

#[test]
fn a_file_that_nothing_explains_is_found_by_name() {
    lie(|folder| {
        fs::create_dir_all(folder.join("sql")).unwrap();
        fs::write(folder.join("sql/extra.csv"), "a\n1\n").unwrap();
    })
    .exits(3)
    .says(&["`sql/extra.csv`"]);
}

#[test]
fn an_outcome_that_does_not_follow_names_its_gate() {
    lie(|folder| {
        edit(folder, "gates/M1/outcome.json", |it| {
            it["outcome"] = "fail".into();
        });
    })
    .exits(3)
    .says(&["outcome of gate `M1`"]);
}

#[test]
fn a_table_of_contents_that_says_another_outcome_run_or_authority_is_found() {
    for change in [
        (|label| label.outcome = Outcome::Fail) as fn(&mut Label),
        |label| label.run_id = "another".to_owned(),
        |label| label.run_authority = "full_physics".to_owned(),
    ] {
        let said = labelled_lie(|folder| {
            let mut label = label_of(folder);
            change(&mut label);
            label
        });
        said.exits(3).says(&["`pack.json`"]);
    }
}

#[test]
fn a_gate_whose_record_is_gone_is_missed() {
    lie(|folder| fs::remove_file(folder.join("gates/M1/observations.json")).unwrap())
        .exits(3)
        .says(&["planned against recorded gates", "expected  M1, M2"]);
    lie(|folder| fs::remove_dir_all(folder.join("gates/M1")).unwrap())
        .exits(3)
        .says(&["plan.json"]);
}

#[test]
fn a_gate_that_is_gone_from_the_summary_is_missed() {
    lie(|folder| {
        edit(folder, "phase8_gate_summary.json", |it| {
            let gates = it["gates"].as_object_mut().unwrap();
            let first = gates.keys().next().unwrap().clone();
            gates.remove(&first);
        });
    })
    .exits(3)
    .says(&["`phase8_gate_summary.json`"]);
}

#[test]
fn a_summary_that_takes_a_greater_authority_for_its_name_is_found() {
    lie(|folder| {
        let name = |authority: &str| folder.join(format!("phase8_gate_summary_{authority}.json"));
        fs::rename(name("ci_subset"), name("full_physics")).unwrap();
    })
    .exits(3)
    .says(&[
        "`phase8_gate_summary_ci_subset.json`",
        "`phase8_gate_summary_full_physics.json`",
    ]);
}

#[test]
fn an_observation_under_which_an_assertion_breaks_takes_the_outcome_with_it() {
    lie(|folder| {
        edit(folder, "gates/M1/observations.json", |it| {
            it["pass"]["seen"]["again"]["status"] = 500.into();
        });
    })
    .exits(3)
    .says(&["outcome of gate `M1`"]);
}

#[test]
fn a_control_whose_red_was_painted_green_takes_the_outcome_with_it() {
    lie(|folder| {
        edit(folder, "gates/M1/observations.json", |it| {
            let green = it["pass"]["seen"]["kept"].clone();
            let controls = it["controls"].as_array_mut().unwrap();
            let lost = controls
                .iter_mut()
                .find(|control| control["control"] == "lost_note")
                .unwrap();
            lost["red"]["seen"]["kept"] = green;
        });
    })
    .exits(3)
    .says(&["outcome of gate `M1`"]);
}

#[test]
fn a_gate_text_that_was_made_lenient_afterwards_is_found() {
    lie(|folder| {
        let path = folder.join("gates/M1/gate.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("again.status == 200", "again.status >= 200")).unwrap();
    })
    .exits(3)
    .says(&["plan.json"]);
}

#[test]
fn a_boundary_at_which_nobody_looked_at_the_seal_is_missed() {
    lie(|folder| {
        edit(folder, "seal.json", |it| {
            it["boundaries"].as_array_mut().unwrap().remove(1);
        });
    })
    .exits(3)
    .says(&["where the seal was looked at", "expected  M2, M1, the end"]);
}

#[test]
fn a_seal_that_broke_while_the_run_went_on_is_found_with_what_changed() {
    lie(|folder| {
        edit(folder, "seal.json", |it| {
            it["boundaries"][1]["changed"] =
                serde_json::json!({"service counter": {"first": "a", "now": "b"}});
        });
    })
    .exits(3)
    .says(&["the seal at M1", "service counter"]);
}
