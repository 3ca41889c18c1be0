use std::collections::BTreeMap;

use serde_json::json;

use super::{cel, gate, judged, judged_with, names, seen};
use crate::{
    gate::model::Function,
    judge::verdict::Standing,
    observation::{GateRecord, Pass},
    outcome::Outcome,
};

#[test]
fn each_element_is_examined_and_the_failing_one_is_shown() {
    let gate = gate(
        r#"
        probe = [{ name = "hooks" }]
        [assert]
        accepted = { each = "hooks", that = "it.status == want && it.ok", at_least = 3 }
        [derive]
        want = "200"
    "#,
    );
    let verdict = judged(
        &gate,
        &seen(json!({"hooks": [
        {"status": 200, "ok": true}, {"status": 500, "ok": true}, {"status": 200, "ok": true}]})),
    );
    let accepted = verdict.of("accepted");
    assert_eq!(
        (accepted.standing, accepted.examined, accepted.at_least),
        (Standing::Broken, 3, 3)
    );
    assert_eq!(
        accepted.element,
        Some(json!({"index": 1, "value": {"status": 500, "ok": true}}))
    );
    assert_eq!(accepted.expected, Some(json!(200)));
    assert_eq!(accepted.actual.get("it.status"), Some(&json!(500)));
    assert_eq!(verdict.outcome, Outcome::Fail);
}

#[test]
fn fewer_than_the_floor_is_empty_and_unproven() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [assert]
        some = { each = "l.rows", that = "it.ok", at_least = "profile.floor" }
        none = { each = "l.none", that = "it.ok", at_least = 0 }
    "#,
    );
    let verdict = judged(&gate, &seen(json!({"l": {"rows": [{"ok": true}], "none": []}})));
    assert_eq!(verdict.standing("some"), Standing::Empty);
    assert_eq!(verdict.of("some").at_least, 2);
    assert_eq!(verdict.standing("none"), Standing::Empty);
    assert_eq!(verdict.outcome, Outcome::Unproven);
}

#[test]
fn what_cannot_be_evaluated_is_blind_and_never_a_pass() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [derive]
        gone = "l.nothing.here"
        [assert]
        missing = { that = "l.missing == 1" }
        number = { that = "l.n" }
        derived = { that = "gone == 1 || true" }
        listless = { each = "l.n", that = "true" }
    "#,
    );
    let verdict = judged(&gate, &seen(json!({"l": {"n": 1}})));
    for name in ["missing", "number", "derived", "listless"] {
        assert_eq!(verdict.standing(name), Standing::Blind, "{name}");
    }
    assert_eq!(
        verdict.of("missing").note.as_deref(),
        Some("no such key `missing`")
    );
    assert_eq!(
        verdict.of("derived").note.as_deref(),
        Some("`gone`: no such key `nothing`")
    );
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
}

#[test]
fn a_false_element_outweighs_one_that_cannot_be_seen() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [assert]
        ok = { each = "l", that = "it.ok" }
    "#,
    );
    assert_eq!(
        judged(&gate, &seen(json!({"l": [{}, {"ok": false}]}))).standing("ok"),
        Standing::Broken
    );
}

#[test]
fn a_meter_that_cannot_see_is_inconclusive_and_a_violation_beside_it_a_failure() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [assert]
        meter = { that = "l.late < 5.0", otherwise = "inconclusive" }
        p95 = { that = "l.p95 < 25.0" }
    "#,
    );
    let outcome = |late, p95| judged(&gate, &seen(json!({"l": {"late": late, "p95": p95}}))).outcome;
    assert_eq!(outcome(9.0, 1.0), Outcome::Inconclusive);
    assert_eq!(outcome(9.0, 99.0), Outcome::Fail);
}

#[test]
fn an_until_is_an_assertion_over_the_fields_of_its_look() {
    let gate = gate(
        r#"
        probe = [
          { name = "well", until = "status == 200" },
          { name = "jobs", until = "rows.always(r, r.state == 'ok')" },
          { name = "drive", step = [{ name = "send" }, { name = "done", until = "row.n == 1" }] },
        ]
    "#,
    );
    let verdict = judged(
        &gate,
        &seen(json!({
            "well": {"status": 503, "settled": false},
            "jobs": [{"rows": [{"state": "ok"}], "settled": true}, {"rows": [{"state": "ok"}], "settled": true}],
            "drive": [{"send": {}, "done": {"row": {"n": 1}, "settled": true}}],
        })),
    );
    assert_eq!(verdict.standing("well"), Standing::Broken);
    assert_eq!(verdict.of("well").expected, Some(json!(200)));
    assert_eq!(
        (verdict.standing("jobs"), verdict.of("jobs").examined),
        (Standing::Held, 2)
    );
    assert_eq!(verdict.standing("drive.done"), Standing::Held);
}

#[test]
fn what_lies_behind_an_unmet_until_is_unreached() {
    let gate = gate(
        r#"
        probe = [{ name = "well", until = "status == 200" }, { name = "rows" }, { name = "drive", step = [{ name = "a" }, { name = "b" }] }]
        [derive]
        n = "size(rows.rows)"
        [assert]
        some = { that = "n > 0" }
        step = { each = "drive", that = "it.b.ok" }
    "#,
    );
    let mut record = seen(json!({"well": {"status": 503, "settled": false}, "drive": [{"a": {}}]}));
    if let Some(pass) = &mut record.pass {
        pass.unreached = vec!["rows".into(), "drive.b".into()];
    }
    let verdict = judged(&gate, &record);
    assert_eq!(verdict.standing("some"), Standing::Unreached);
    assert_eq!(verdict.standing("step"), Standing::Unreached);
    assert_eq!(verdict.standing("well"), Standing::Broken);
}

#[test]
fn a_look_that_could_not_be_made_says_why() {
    let gate = gate(
        r#"
        probe = [{ name = "rows", kind = "sql" }, { name = "other" }]
        [assert]
        some = { that = "rows.count > 0" }
    "#,
    );
    let mut record = seen(json!({"other": {}}));
    if let Some(pass) = &mut record.pass {
        pass.blind = names(json!({"rows": "connection refused"}));
    }
    let verdict = judged(&gate, &record);
    assert_eq!(verdict.standing("some"), Standing::Blind);
    assert_eq!(
        verdict.of("some").note.as_deref(),
        Some("`rows` could not be looked at: connection refused")
    );
}

#[test]
fn constants_lets_functions_and_other_gates_are_in_scope() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [derive]
        later = "first + 1"
        first = "l.n"
        [assert]
        all = { that = "twice(later) == limit && suite.vendors == ['a', 'b'] && from['EG8.1'].services == ['api']" }
    "#,
    );
    let functions = BTreeMap::from([(
        "twice".to_owned(),
        Function {
            of: vec!["x".into()],
            is: cel(Some("x * 2")),
        },
    )]);
    let record = GateRecord {
        pass: Some(Pass {
            lets: names(json!({"limit": 4})),
            seen: names(json!({"l": {"n": 1}})),
            ..Pass::default()
        }),
        ..GateRecord::default()
    };
    assert_eq!(
        judged_with(&gate, &functions, &record).standing("all"),
        Standing::Held
    );
}

#[test]
fn derives_and_functions_in_a_ring_end() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [derive]
        a = "b + 1"
        b = "a + 1"
        [assert]
        ring = { that = "a == 1" }
        call = { that = "f(1) == 1" }
    "#,
    );
    let function = |is| Function {
        of: vec!["x".into()],
        is: cel(Some(is)),
    };
    let functions = BTreeMap::from([
        ("f".to_owned(), function("g(x)")),
        ("g".to_owned(), function("f(x)")),
    ]);
    let verdict = judged_with(&gate, &functions, &seen(json!({"l": {}})));
    assert_eq!(verdict.standing("ring"), Standing::Blind);
    assert_eq!(verdict.standing("call"), Standing::Blind);
}

#[test]
fn a_change_that_did_not_land_is_inconclusive() {
    let gate = gate(
        r#"
        probe = [{ name = "down", kind = "change" }]
        [assert]
        quick = { that = "down.made_ms < 100" }
    "#,
    );
    let outcome = |landed: bool, undone: bool| {
        let verdict = judged(
            &gate,
            &seen(json!({"down": {"landed": landed, "undone": undone, "made_ms": 3}})),
        );
        verdict.outcome
    };
    assert_eq!(outcome(false, true), Outcome::Inconclusive);
    assert_eq!(outcome(true, false), Outcome::Inconclusive);
    assert_eq!(outcome(true, true), Outcome::Unproven);
}

#[test]
fn nothing_is_never_a_pass() {
    let empty = gate("");
    assert_eq!(judged(&empty, &GateRecord::default()).outcome, Outcome::NotRun);
    assert_eq!(judged(&empty, &seen(json!({}))).outcome, Outcome::Inconclusive);
    let verdict = judged(&empty, &seen(json!({"l": {}})));
    assert_eq!(verdict.outcome, Outcome::Unproven);
    assert_eq!(verdict.reasons, ["no assertion was made", "it has no control"]);
    let stopped = GateRecord {
        not_run: Some("interrupted".into()),
        ..seen(json!({"l": {}}))
    };
    assert_eq!(judged(&empty, &stopped).outcome, Outcome::NotRun);
}
