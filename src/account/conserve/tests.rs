use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::conserve;
use crate::account::{
    FoundRow, Lands, RequestRow, Table, Trouble, read_requests, read_rows, write_requests, write_rows,
};

/// The reference's mix: a quarter replays of one key, a tenth malformed, a tenth with personal data, the rest unique.
fn reference(total: usize) -> (Vec<RequestRow>, Vec<FoundRow>) {
    let (replays, tenth) = (total / 4, total / 10);
    let mut requests = Vec::new();
    let mut rows = Vec::new();
    for index in 0..total {
        let (class, lands, cents) = match index {
            i if i < replays => ("replay", Lands::Canonical, 101),
            i if i < replays + tenth => ("malformed", Lands::Dead, 121),
            i if i < replays + 2 * tenth => ("pii", Lands::Dead, 131),
            _ => ("unique", Lands::Canonical, 111),
        };
        let key = if class == "replay" {
            "replay".to_owned()
        } else {
            format!("{class}-{index:04}")
        };
        if class != "replay" || index == 0 {
            rows.push(match lands {
                Lands::Canonical => FoundRow::new(Table::Canonical, &key, Some(cents)),
                _ => FoundRow::new(Table::Dead, &key, None),
            });
        }
        requests.push(request(index, &key, class, lands, cents, 200));
    }
    (requests, rows)
}

fn request(index: usize, key: &str, class: &str, lands: Lands, cents: i64, status: u16) -> RequestRow {
    let us = index as u64 * 1_000;
    RequestRow {
        index,
        key: key.to_owned(),
        class: class.to_owned(),
        lands,
        cents,
        intended_us: us,
        sent_us: Some(us),
        done_us: Some(us + 500),
        status,
        error: (status == 0).then_some(Trouble::Timeout),
        bytes: 0,
    }
}

fn well(canonical: usize, dead: usize, suppressed: usize, cents: i64) -> Value {
    json!({
        "canonical": canonical, "suppressed": suppressed, "dead": dead, "rejected": 0, "failed": 0, "residual": 0,
        "lost": [], "unexpected": [], "duplicated": [], "unacknowledged": [],
        "cents": {"expected": cents, "found": cents, "wrong": []},
    })
}

#[test]
fn the_reference_figures_of_both_profiles_come_out_exactly() {
    let (requests, rows) = reference(450);
    assert_eq!(conserve(&requests, &rows), well(249, 90, 111, 27_629));
    let (requests, rows) = reference(2760);
    assert_eq!(conserve(&requests, &rows), well(1519, 552, 689, 168_599));
}

#[test]
fn the_figures_survive_the_way_over_paper() {
    let (requests, rows) = reference(450);
    let requests = read_requests(&write_requests(&requests)).expect("our own bytes");
    let rows = read_rows(&write_rows(&rows)).expect("our own bytes");
    assert_eq!(conserve(&requests, &rows), well(249, 90, 111, 27_629));
}

#[test]
fn the_order_in_which_the_database_answers_does_not_matter() {
    let (requests, mut rows) = reference(450);
    rows.push(FoundRow::new(Table::Canonical, "zebra", Some(1)));
    rows.push(FoundRow::new(Table::Canonical, "aardvark", Some(1)));
    let forward = conserve(&requests, &rows);
    rows.reverse();
    assert_eq!(conserve(&requests, &rows), forward);
    assert_eq!(forward["unexpected"], json!(["aardvark", "zebra"]));
}

#[test]
fn a_deleted_row_is_lost_by_key() {
    let (requests, mut rows) = reference(450);
    rows.retain(|row| row.key != "unique-0449");
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["lost"], json!(["unique-0449"]));
    assert_eq!(
        (&figures["canonical"], &figures["residual"]),
        (&json!(248), &json!(0))
    );
    assert_eq!(figures["cents"]["found"], 27_629 - 111);
    assert_eq!(figures["cents"]["expected"], 27_629);
}

#[test]
fn replays_of_a_row_that_is_gone_are_suppressed_by_nothing() {
    let (requests, mut rows) = reference(450);
    rows.retain(|row| row.key != "replay");
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["lost"], json!(["replay"]));
    assert_eq!(
        (&figures["suppressed"], &figures["residual"]),
        (&json!(0), &json!(111))
    );
}

#[test]
fn a_foreign_row_is_unexpected_and_its_money_is_seen() {
    let (requests, mut rows) = reference(450);
    rows.push(FoundRow::new(Table::Canonical, "nobody", Some(111)));
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["unexpected"], json!(["nobody"]));
    assert_eq!(
        (&figures["canonical"], &figures["residual"]),
        (&json!(249), &json!(0))
    );
    assert_eq!(figures["cents"]["found"], 27_629 + 111);
}

#[test]
fn a_doubled_row_is_duplicated_once_by_key() {
    let (requests, mut rows) = reference(450);
    let twin = rows
        .iter()
        .find(|row| row.key == "unique-0449")
        .expect("it is there")
        .clone();
    rows.extend([twin.clone(), twin]);
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["duplicated"], json!(["unique-0449"]));
    assert_eq!(figures["canonical"], 249);
    assert_eq!(figures["cents"]["found"], 27_629 + 222);
}

#[test]
fn a_row_in_the_wrong_table_is_unexpected_there() {
    let (requests, mut rows) = reference(450);
    for row in rows.iter_mut().filter(|row| row.key == "pii-0160") {
        row.table = Table::Canonical;
    }
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["unexpected"], json!(["pii-0160"]));
    assert_eq!(figures["lost"], json!([]));
    assert_eq!(
        (&figures["canonical"], &figures["dead"]),
        (&json!(250), &json!(89))
    );
}

#[test]
fn two_opposite_errors_of_a_cent_do_not_hide_each_other() {
    let (requests, mut rows) = reference(450);
    for (key, cents) in [("unique-0448", 112), ("unique-0449", 110)] {
        let row = rows.iter_mut().find(|row| row.key == key).expect("it is there");
        row.cents = Some(cents);
    }
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["cents"]["found"], figures["cents"]["expected"]);
    assert_eq!(figures["cents"]["wrong"], json!(["unique-0448", "unique-0449"]));
}

#[test]
fn an_answer_that_was_lost_is_no_lost_row() {
    let (mut requests, rows) = reference(450);
    let timed_out = &mut requests[449];
    (timed_out.status, timed_out.error) = (0, Some(Trouble::Timeout));
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["unacknowledged"], json!(["unique-0449"]));
    assert_eq!(
        (&figures["canonical"], &figures["failed"]),
        (&json!(249), &json!(0))
    );
    assert_eq!(figures["cents"]["expected"], figures["cents"]["found"]);
}

#[test]
fn a_row_of_a_request_that_was_dropped_is_unexpected() {
    let (mut requests, rows) = reference(450);
    let dropped = &mut requests[449];
    (dropped.sent_us, dropped.done_us, dropped.status) = (None, None, 0);
    dropped.error = Some(Trouble::Dropped);
    let figures = conserve(&requests, &rows);
    assert_eq!(figures["unexpected"], json!(["unique-0449"]));
    assert_eq!(
        (&figures["canonical"], &figures["failed"]),
        (&json!(248), &json!(1))
    );
}

#[test]
fn what_ought_to_be_refused_may_leave_no_row_and_no_yes() {
    let refused = |status| vec![request(0, "k", "forged", Lands::Refused, 5, status)];
    assert_eq!(conserve(&refused(401), &[])["rejected"], 1);
    assert_eq!(conserve(&refused(200), &[])["lost"], json!(["k"]));
    let row = [FoundRow::new(Table::Canonical, "k", Some(5))];
    let figures = conserve(&refused(401), &row);
    assert_eq!(
        (&figures["unexpected"], &figures["unacknowledged"]),
        (&json!(["k"]), &json!(["k"]))
    );
    assert_eq!(figures["cents"], json!({"expected": 0, "found": 5, "wrong": []}));
}

/// Any requests and rows over a handful of keys, so that every kind of collision comes up.
fn anything() -> impl Strategy<Value = (Vec<RequestRow>, Vec<FoundRow>)> {
    let status = prop_oneof![
        Just(200_u16),
        Just(202),
        Just(0),
        Just(302),
        Just(401),
        Just(422),
        Just(503)
    ];
    let lands = prop_oneof![Just(Lands::Canonical), Just(Lands::Dead), Just(Lands::Refused)];
    let requests = prop::collection::vec((0..6_u8, status, lands, any::<bool>()), 0..40).prop_map(|drawn| {
        let row = |(index, (key, status, lands, sent)): (usize, (u8, u16, Lands, bool))| {
            let mut row = request(index, &format!("k{key}"), "c", lands, 100, status);
            if !sent {
                (row.sent_us, row.done_us, row.status, row.error) = (None, None, 0, Some(Trouble::Dropped));
            }
            row
        };
        drawn.into_iter().enumerate().map(row).collect()
    });
    let table = prop_oneof![Just(Table::Canonical), Just(Table::Dead)];
    let rows = prop::collection::vec((table, 0..8_u8, 99..102_i64), 0..20).prop_map(|drawn| {
        let row = |(table, key, cents)| FoundRow::new(table, format!("k{key}"), Some(cents));
        drawn.into_iter().map(row).collect()
    });
    (requests, rows)
}

fn count(figures: &Value, name: &str) -> u64 {
    figures[name]
        .as_u64()
        .unwrap_or_else(|| figures[name].as_array().map_or(0, |list| list.len() as u64))
}

proptest! {
    #[test]
    fn every_request_is_in_exactly_one_bucket((requests, rows) in anything()) {
        let figures = conserve(&requests, &rows);
        let buckets = ["canonical", "suppressed", "dead", "rejected", "failed", "lost", "residual"];
        let sum: u64 = buckets.iter().map(|name| count(&figures, name)).sum();
        prop_assert_eq!(sum, requests.len() as u64);
    }

    #[test]
    fn every_row_is_explained_by_a_key_or_named((requests, rows) in anything()) {
        let figures = conserve(&requests, &rows);
        let mut sent: BTreeMap<&str, Lands> = BTreeMap::new();
        for request in &requests {
            // The first line of a key says where it lands, sent or not.
            sent.entry(&request.key).or_insert(request.lands);
        }
        sent.retain(|key, _| requests.iter().any(|request| request.key == *key && request.was_sent()));
        let at_home = |row: &&FoundRow| match sent.get(row.key.as_str()) {
            Some(Lands::Canonical) => row.table == Table::Canonical,
            Some(Lands::Dead) => row.table == Table::Dead,
            Some(Lands::Refused) | None => false,
        };
        let foreign = rows.iter().filter(|row| !at_home(row)).count();
        prop_assert_eq!(count(&figures, "unexpected"), foreign as u64);
    }

    #[test]
    fn a_yes_without_any_row_is_always_lost((requests, rows) in anything()) {
        let figures = conserve(&requests, &rows);
        let mut lost: Vec<&str> = requests
            .iter()
            .filter(|request| (200..300).contains(&request.status) && rows.iter().all(|row| row.key != request.key))
            .map(|request| request.key.as_str())
            .collect();
        lost.sort_unstable();
        lost.dedup();
        prop_assert_eq!(&figures["lost"], &json!(lost));
    }
}
