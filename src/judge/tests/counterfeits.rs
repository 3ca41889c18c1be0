use proptest::prelude::*;
use serde_json::{Value, json};

use super::{gate, judged, seen};
use crate::{gate::model::Gate, judge::verdict::Standing};

fn one(that: &str, each: Option<&str>) -> Gate {
    let each = each
        .map(|each| format!("each = \"{each}\", "))
        .unwrap_or_default();
    gate(&format!(
        "probe = [{{ name = \"l\" }}]\n[assert]\na = {{ {each}that = \"{that}\" }}"
    ))
}

#[test]
fn an_equality_is_killed_on_both_sides() {
    let verdict = judged(
        &one("l.status == 401", None),
        &seen(json!({"l": {"status": 401, "other": 7}})),
    );
    let row = verdict.row("a");
    // What survives is one key more in the observation, which the sentence does not claim to see.
    assert!(row.killed > 5 && row.survived == 1 && !row.decorative, "{row:?}");
    let edge = &row.edges[0];
    assert_eq!((edge.path.as_str(), edge.actual), ("l.status", 401.0));
    assert_eq!((edge.below, edge.above), (Some(400.0), Some(402.0)));
}

#[test]
fn a_bound_shows_its_slack() {
    let verdict = judged(
        &one("l.p95_ms <= 25.0", None),
        &seen(json!({"l": {"p95_ms": 1.6}})),
    );
    let edge = &verdict.row("a").edges[0];
    assert_eq!(edge.below, None);
    assert!(
        edge.above.is_some_and(|above| (25.0..25.01).contains(&above)),
        "{edge:?}"
    );
}

#[test]
fn the_bound_may_stand_in_another_observation() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }, { name = "base" }]
        [derive]
        most = "base.p95 * 2"
        [assert]
        a = { that = "l.p95 <= most" }
    "#,
    );
    let verdict = judged(&gate, &seen(json!({"l": {"p95": 10}, "base": {"p95": 10}})));
    let edges: Vec<_> = verdict
        .row("a")
        .edges
        .iter()
        .map(|e| (e.path.as_str(), e.below, e.above))
        .collect();
    assert_eq!(
        edges,
        [("base.p95", Some(4.0), None), ("l.p95", None, Some(21.0))]
    );
}

#[test]
fn one_element_in_the_middle_is_enough() {
    let rows: Value = (0..100)
        .map(|n| json!({"n": n, "ok": n == 54 || n % 2 == 0}))
        .collect();
    let verdict = judged(
        &one("it.ok || it.n % 2 == 1", Some("l")),
        &seen(json!({"l": rows})),
    );
    assert_eq!(verdict.standing("a"), Standing::Held);
    assert!(verdict.row("a").killed > 0);
}

#[test]
fn a_series_falls_to_a_frozen_column() {
    let points = json!({"points": [{"depth": 0}, {"depth": 3}, {"depth": 5}]});
    let verdict = judged(
        &one("l.points.exists(p, p.depth > 0)", None),
        &seen(json!({"l": points})),
    );
    let row = verdict.row("a");
    assert!(row.killed > 0 && !row.decorative, "{row:?}");
}

#[test]
fn a_count_that_cannot_be_negative_does_not_prove_a_bound_at_nothing() {
    let verdict = judged(&one("l.n >= 0", None), &seen(json!({"l": {"n": 3}})));
    assert!(verdict.row("a").decorative);
    let verdict = judged(&one("l.n >= -5", None), &seen(json!({"l": {"n": 3}})));
    assert!(
        !verdict.row("a").decorative,
        "the sentence itself speaks of negative numbers"
    );
}

#[test]
fn an_emptied_list_must_be_noticed_by_somebody() {
    let record = seen(json!({"l": {"rows": [{"ok": true}, {"ok": true}]}}));
    let without = judged(&one("l.rows.filter(r, !r.ok) == []", None), &record);
    assert_eq!(without.kills.unnoticed, ["`l.rows` emptied"]);
    let with = gate(
        r#"
        probe = [{ name = "l" }]
        [assert]
        a = { that = "l.rows.filter(r, !r.ok) == []" }
        b = { that = "size(l.rows) == 2" }
    "#,
    );
    assert_eq!(judged(&with, &record).kills.unnoticed, Vec::<String>::new());
}

#[test]
fn a_dropped_field_must_be_noticed_by_somebody() {
    let record = seen(json!({"l": {"hits": ["x"]}}));
    let verdict = judged(&one("!has(l.hits) || l.hits == ['x']", None), &record);
    assert_eq!(verdict.kills.unnoticed, ["`l.hits` dropped"]);
}

#[test]
fn the_matrix_of_an_until_stands_beside_the_others() {
    let gate = gate("probe = [{ name = \"well\", until = \"status == 200\" }]");
    let verdict = judged(
        &gate,
        &seen(json!({"well": {"status": 200, "ms": 3, "settled": true}})),
    );
    let row = verdict.row("well");
    assert!(row.killed > 0 && !row.decorative);
    assert_eq!(row.edges.len(), 1);
}

#[test]
fn work_is_bounded_and_the_bound_is_told() {
    let literals = (0..250).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let rows: Value = (0..12).map(|n| json!({"a": n, "b": n, "c": n, "d": n})).collect();
    let that = format!("l.rows.always(r, r.a + r.b + r.c + r.d >= 0) || size([{literals}]) > 0");
    let verdict = judged(&one(&that, None), &seen(json!({"l": {"rows": rows}})));
    let row = verdict.row("a");
    assert!(row.capped && row.decorative, "{row:?}");
    assert!(
        (6_000..6_100).contains(&verdict.kills.judged),
        "{}",
        verdict.kills.judged
    );
}

#[test]
fn a_series_that_falls_only_as_a_whole_is_found_whatever_the_bound() {
    let literals = (0..400).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let rows: Value = (0..12).map(|n| json!({"a": n, "b": n, "c": n, "d": n})).collect();
    let that = format!(
        "l.rows.exists(r, r.d > 0) && (l.rows.exists(r, r.a + r.b + r.c >= 0) || size([{literals}]) > 0)"
    );
    let verdict = judged(&one(&that, None), &seen(json!({"l": {"rows": rows}})));
    let row = verdict.row("a");
    assert!(row.capped && !row.decorative, "{row:?}");
}

/// A minute of seven services, each with everything it was started with.
fn a_minute_of_services() -> Value {
    let settings: Value = (0..40)
        .map(|n| (format!("SETTING_{n:02}"), json!("value")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let service =
        |n: usize| json!({"name": format!("s{n}"), "rss_kib": 9_000, "env": settings, "health": "healthy"});
    let services: Value = (0..7).map(service).collect();
    let points: Value = (0..60)
        .map(|n| json!({"t_ms": n * 1_000, "services": services}))
        .collect();
    json!({"usage": {"points": points}})
}

#[test]
fn what_a_sentence_does_not_mention_takes_no_effort_from_it() {
    let gate = gate(
        r#"
        probe = [{ name = "usage" }]
        [derive]
        warm = "usage.points.filter(p, p.t_ms >= 20000)"
        [assert]
        flat = { each = "['s1', 's2', 's3']", at_least = 3, that = "slope(warm.map(p, [double(p.t_ms) / 60000.0, double(p.services.filter(s, s.name == it)[0].rss_kib)])) <= 1024.0" }
    "#,
    );
    let verdict = judged(&gate, &seen(a_minute_of_services()));
    let row = verdict.row("flat");
    assert!(row.killed > 0 && !row.decorative, "{row:?}");
}

#[test]
fn what_breaks_only_without_the_unmentioned_is_no_kill() {
    let gate = gate(
        r#"
        probe = [{ name = "usage" }]
        [assert]
        small = { that = "usage.points.always(p, p.services[0].rss_kib < 10000 || size(p.services[0]) == 4)" }
    "#,
    );
    let verdict = judged(&gate, &seen(a_minute_of_services()));
    let row = verdict.row("small");
    assert!(row.killed == 0 && row.decorative, "{row:?}");
}

#[test]
fn one_record_has_one_verdict() {
    let gate = gate(
        r#"
        probe = [{ name = "l" }]
        [derive]
        all = "l.map(k, l[k])"
        [assert]
        a = { each = "all", that = "it.n > 0" }
        b = { that = "l == {'x': {'n': 1}, 'y': {'n': 2}, 'z': {'n': 3}}" }
        c = { that = "all == 3" }
    "#,
    );
    let record = seen(json!({"l": {"x": {"n": 1}, "y": {"n": 2}, "z": {"n": 3}}}));
    let first = judged(&gate, &record);
    for _ in 0..5 {
        assert_eq!(judged(&gate, &record), first);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        "[a-z\u{e9}]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abnt]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_observation_and_no_alteration_of_it_panics_the_judge(value in any_value()) {
        let gate = gate(r#"
            probe = [{ name = "l", until = "a == a" }, { name = "t", kind = "change" }]
            [derive]
            d = "l.a"
            [assert]
            held = { that = "l == l || d == 3" }
            each = { each = "l.n", that = "it.a >= -3 && size(it) > 2" }
            root = { each = "l", that = "it == it" }
            math = { that = "sum(l.n) * 2 > l.a || true" }
        "#);
        let verdict = judged(&gate, &seen(json!({"l": value, "t": value})));
        prop_assert_eq!(verdict.assertions.len(), 5);
    }
}
