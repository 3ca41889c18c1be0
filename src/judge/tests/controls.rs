use serde_json::{Value, json};

use super::{carried_out, gate, judged, names, pass, seen};
use crate::{
    gate::model::Gate,
    judge::verdict::{GateVerdict, Proof},
    observation::{ControlRecord, GateRecord},
    outcome::Outcome,
};

const GATE: &str = r#"
    probe = [{ name = "who" }, { name = "rows" }]
    [derive]
    user = "who.user"
    [assert]
    is_app = { that = "user == 'app'" }
    owns_nothing = { that = "who.owns == []" }
    counted = { that = "rows.count == 3" }
    [control]
    owner = { must_fail = ["is_app"], may_fail = ["owns_nothing"] }
"#;

fn green() -> Value {
    json!({"who": {"user": "app", "owns": []}, "rows": {"count": 3}})
}

fn red(user: &str) -> Value {
    json!({"who": {"user": user, "owns": []}, "rows": {"count": 3}})
}

fn record(control: ControlRecord) -> GateRecord {
    GateRecord {
        controls: vec![control],
        closings: vec![pass(green())],
        ..seen(green())
    }
}

fn proof_of(source: &str, control: ControlRecord) -> (Proof, String) {
    proof(&gate(source), &record(control))
}

fn proof(gate: &Gate, record: &GateRecord) -> (Proof, String) {
    let verdict = judged(gate, record);
    let control = verdict.controls.first().expect("one control");
    (control.proof, control.note.clone().unwrap_or_default())
}

fn good() -> ControlRecord {
    carried_out("owner", &["who"], red("owner"))
}

#[test]
fn green_landed_red_undone_green_is_proven_and_the_gate_passes() {
    let gate = gate(&GATE.replace(
        "counted = { that = \"rows.count == 3\" }",
        "counted = { that = \"rows.count == 3 && who.owns == []\" }",
    ));
    let verdict: GateVerdict = judged(&gate, &record(good()));
    let control = verdict.control("owner");
    assert_eq!((control.proof, control.note.as_deref()), (Proof::Proven, None));
    assert_eq!(control.broken, ["is_app"]);
    assert_eq!(
        (verdict.outcome, verdict.reasons.len()),
        (Outcome::Pass, 0),
        "{:?}",
        verdict.reasons
    );
    assert_eq!(verdict.row("is_app").live, ["owner"]);
}

#[test]
fn a_control_that_was_not_carried_out_leaves_the_gate_unproven() {
    let verdict = judged(&gate(GATE), &seen(green()));
    assert_eq!(verdict.control("owner").proof, Proof::NotRun);
    assert_eq!(verdict.outcome, Outcome::Unproven);
}

#[test]
fn nothing_red_is_survived() {
    let control = carried_out("owner", &["who"], red("app"));
    assert_eq!(proof_of(GATE, control).0, Proof::Survived);
    let only_allowed = json!({"who": {"user": "app", "owns": ["t"]}, "rows": {"count": 3}});
    assert_eq!(
        proof_of(GATE, carried_out("owner", &["who"], only_allowed)).0,
        Proof::Survived
    );
}

#[test]
fn red_beside_the_promise_is_the_wrong_reason_unless_allowed() {
    let beside = json!({"who": {"user": "owner", "owns": []}, "rows": {"count": 4}});
    let (proof, note) = proof_of(GATE, carried_out("owner", &["who", "rows"], beside.clone()));
    assert_eq!(
        (proof, note.as_str()),
        (Proof::WrongReason, "red beside the promise: counted")
    );
    let unconcerned = carried_out("owner", &["who"], beside);
    assert_eq!(
        proof_of(GATE, unconcerned).0,
        Proof::Proven,
        "nobody looked at the rows again"
    );
    let allowed = json!({"who": {"user": "owner", "owns": ["t"]}, "rows": {"count": 3}});
    assert_eq!(
        proof_of(GATE, carried_out("owner", &["who"], allowed)).0,
        Proof::Proven
    );
}

#[test]
fn what_cannot_be_evaluated_is_no_proof() {
    let blind = json!({"who": {"user": "owner"}, "rows": {"count": 3}});
    let (proof, note) = proof_of(GATE, carried_out("owner", &["who"], blind));
    assert_eq!(
        (proof, note.as_str()),
        (Proof::WrongReason, "could not be evaluated: owns_nothing")
    );
    let dead = json!({"rows": {"count": 3}});
    assert_eq!(
        proof_of(GATE, carried_out("owner", &["who"], dead)).0,
        Proof::WrongReason
    );
}

#[test]
fn half_a_promise_is_the_wrong_reason() {
    let source = GATE
        .replace("may_fail = [\"owns_nothing\"]", "")
        .replace("[\"is_app\"]", "[\"is_app\", \"owns_nothing\"]")
        .replace("],  }", "] }")
        .replace("], }", "] }");
    let (proof, note) = proof_of(&source, good());
    assert_eq!(
        (proof, note.as_str()),
        (Proof::WrongReason, "stayed green: owns_nothing")
    );
}

#[test]
fn a_change_without_difference_has_not_landed() {
    let mut control = good();
    control.changes[0].witness.after = json!(1);
    assert_eq!(proof_of(GATE, control).0, Proof::NotLanded);
    let mut control = good();
    control.changes[0].error = Some("no such service".into());
    control.changes[0].witness.after = Value::Null;
    assert_eq!(proof_of(GATE, control).0, Proof::NotLanded);
    let mut control = good();
    control.changes.clear();
    assert_eq!(proof_of(GATE, control).0, Proof::NotLanded);
}

#[test]
fn a_landed_sentence_sees_before_after_and_the_red_pass() {
    let source = GATE.replace(
        "must_fail",
        "landed = \"before.n + 1 == after.n && who.user == 'owner'\", must_fail",
    );
    let mut control = good();
    control.changes[0].witness.after = json!(1);
    control.witness = Some(json!({"before": {"n": 1}, "after": {"n": 2}}));
    assert_eq!(proof_of(&source, control.clone()).0, Proof::Proven);
    control.witness = Some(json!({"before": {"n": 1}, "after": {"n": 1}}));
    assert_eq!(proof_of(&source, control.clone()).0, Proof::NotLanded);
    control.witness = None;
    assert_eq!(proof_of(&source, control).0, Proof::NotLanded);
}

#[test]
fn what_is_left_behind_is_told_before_anything_else() {
    let mut control = good();
    control.changes[0].witness.undone = json!(2);
    assert_eq!(proof_of(GATE, control).0, Proof::RestoreFailed);
    let mut record = record(good());
    record.closings = vec![pass(red("owner"))];
    assert_eq!(
        proof(&gate(GATE), &record),
        (Proof::RestoreFailed, "not green again: is_app".into())
    );
    record.controls[0].closing = None;
    assert_eq!(proof(&gate(GATE), &record).0, Proof::RestoreFailed);
    record.not_run = Some("interrupted".into());
    assert_eq!(proof(&gate(GATE), &record).0, Proof::NotRun);
}

#[test]
fn a_missing_red_pass_is_not_run() {
    let mut control = good();
    control.red = None;
    assert_eq!(proof_of(GATE, control).0, Proof::NotRun);
}

#[test]
fn what_was_red_before_proves_nothing() {
    let mut record = record(good());
    record.pass = Some(pass(red("owner")));
    assert_eq!(proof(&gate(GATE), &record).0, Proof::BaselineRed);
}

#[test]
fn because_must_hold_in_the_red_pass() {
    let because = |sentence: &str| GATE.replace("must_fail", &format!("because = \"{sentence}\", must_fail"));
    assert_eq!(proof_of(&because("who.user == 'owner'"), good()).0, Proof::Proven);
    assert_eq!(
        proof_of(&because("who.user == 'root'"), good()).0,
        Proof::WrongReason
    );
    assert_eq!(
        proof_of(&because("who.nobody == 'root'"), good()).0,
        Proof::WrongReason
    );
}

#[test]
fn what_lies_behind_an_unmet_until_does_not_count() {
    let source = r#"
        probe = [{ name = "jobs", until = "done == true" }, { name = "shares" }]
        [assert]
        allocated = { that = "shares.ok" }
        [control]
        paused = { must_fail = ["jobs"] }
    "#;
    let green = json!({"jobs": {"done": true, "settled": true}, "shares": {"ok": true}});
    let mut control = carried_out(
        "paused",
        &["jobs", "shares"],
        json!({"jobs": {"done": false, "settled": false}}),
    );
    if let Some(red) = &mut control.red {
        red.unreached = vec!["shares".into()];
    }
    let record = GateRecord {
        controls: vec![control],
        closings: vec![pass(green.clone())],
        ..seen(green)
    };
    assert_eq!(proof(&gate(source), &record).0, Proof::Proven);
}

#[test]
fn a_family_is_judged_member_by_member() {
    let source = GATE.replace("must_fail", "for_each = { service = \"['api', 'worker']\" }, because = \"who.user == 'owner' && service in ['api', 'worker']\", must_fail");
    let mut member = good();
    member.vars = names(json!({"service": "api"}));
    let verdict = judged(&gate(&source), &record(member));
    let proofs: Vec<_> = verdict.controls.iter().map(|control| control.proof).collect();
    assert_eq!(proofs, [Proof::Proven, Proof::NotRun]);
    assert_eq!(verdict.row("is_app").live, ["owner[service=api]"]);
    let nobody = GATE.replace("must_fail", "for_each = { service = \"who.owns\" }, must_fail");
    assert_eq!(
        proof_of(&nobody, good()),
        (Proof::NotRun, "its family has no members".into())
    );
}

#[test]
fn a_control_of_another_profile_is_not_expected() {
    let source = GATE.replace("must_fail", "profiles = [\"full_physics\"], must_fail");
    let verdict = judged(&gate(&source), &seen(green()));
    assert!(verdict.controls.is_empty());
    assert!(
        verdict
            .reasons
            .contains(&"no control belongs to this profile".to_owned()),
        "{:?}",
        verdict.reasons
    );
}
