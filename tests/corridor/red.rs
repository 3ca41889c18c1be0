//! Runs that end and do not pass: a gate that fails, a gate that could not have failed, gates that were left out.

use crate::suite::{Suite, verify};

const M1: &str = "M1_notes/gate.toml";

#[test]
fn a_broken_assertion_fails_the_run_and_says_all_there_is_to_say() {
    let expression = "again.status == 201 && again.json.first == false";
    let suite = Suite::mini().reword(M1, "again.status == 200 && again.json.first == false", expression);
    suite.run(&[]).exits(1).says(&[
        "FAIL M1: a note that was answered with 200 is in the database once",
        "the same note a second time is not new",
        expression,
        "again.status = 200",
        "again: http POST counter /notes, ",
        "hint: see `gates/M1/` in the pack",
        "outcome    fail",
    ]);
    verify(&suite.pack())
        .exits(1)
        .says(&["outcome    fail, derived again from the evidence"]);
}

#[test]
fn a_control_made_a_no_op_leaves_its_gate_unproven_in_a_pack_that_is_sound() {
    let suite = Suite::mini().reword(
        M1,
        "delete from notes where id = :id",
        "delete from notes where id = :id and false",
    );
    let said = suite.run(&["--json"]).exits(3).json();
    assert_eq!(said["outcome"], "unproven");
    assert_eq!(outcomes(&said), [("M2", "pass"), ("M1", "unproven")]);
    let reasons = said["gates"][1]["reasons"].to_string();
    assert!(reasons.contains("lost_note"), "{reasons}");
    verify(&suite.pack()).exits(1).says(&["unproven     M1"]);
}

#[test]
fn gates_left_out_are_not_run_and_the_run_says_that_it_proves_nothing_about_them() {
    let suite = Suite::mini();
    suite.run(&["--only", "M2"]).exits(3).says(&[
        "NOT_RUN M1",
        "not run: left out by `--only`",
        "outcome    not_run",
        "not authoritative",
        "`--only M2` left gates out",
        "this run proves nothing about them, and is never authoritative",
    ]);
    verify(&suite.pack())
        .exits(1)
        .says(&["pass         M2", "not_run      M1", "not authoritative"]);
}

fn outcomes(said: &serde_json::Value) -> Vec<(&str, &str)> {
    let gates = said["gates"].as_array().expect("a list of gates");
    gates
        .iter()
        .map(|gate| (gate["id"].as_str().unwrap(), gate["outcome"].as_str().unwrap()))
        .collect()
}
