//! The load second by second: what was sent in it, and which answers arrived in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    quantile::{ms, nearest_rank},
    sent::{LONGEST_US, RequestRow},
    tally::by_code,
};

const SECOND_US: u64 = 1_000_000;

/// One second. An answer belongs to the second in which it arrived, not to the one in which it was asked for:
/// "nothing was acknowledged while the database was gone" is a sentence about arrivals.
#[derive(Default)]
struct Second {
    sent: u64,
    answered: u64,
    status: BTreeMap<u16, u64>,
    latencies: Vec<u64>,
}

/// Sends in each full second of the plan, by the actual clock.
pub(super) fn per_second(seconds: f64, rows: &[RequestRow]) -> Vec<u64> {
    let mut sends = vec![0; full_seconds(seconds)];
    for sent in rows.iter().filter_map(|row| row.sent_us) {
        if let Some(count) = sends.get_mut(second_of(sent)) {
            *count += 1;
        }
    }
    sends
}

/// `[{t_ms, sent, answered, status, p95_ms}]` from the span's begin to the last answer; `p95_ms` is on the intended
/// clock and absent in a second in which nothing was measured.
pub(super) fn by_second(seconds: f64, begin_ms: u64, rows: &[RequestRow]) -> Vec<Value> {
    let last = rows
        .iter()
        .flat_map(|row| [row.sent_us, row.done_us])
        .flatten()
        .max();
    let count = last.map_or(0, |us| second_of(us) + 1).max(full_seconds(seconds));
    let mut table: Vec<Second> = Vec::new();
    table.resize_with(count, Second::default);
    for row in rows {
        if let Some(second) = row.sent_us.and_then(|us| table.get_mut(second_of(us))) {
            second.sent += 1;
        }
        if let Some(second) = row.done_us.and_then(|us| table.get_mut(second_of(us))) {
            second.arrived(row);
        }
    }
    (begin_ms..)
        .step_by(1000)
        .zip(table)
        .map(|(t_ms, second)| second.figures(t_ms))
        .collect()
}

impl Second {
    fn arrived(&mut self, row: &RequestRow) {
        self.answered += u64::from(row.was_answered());
        if row.status != 0 {
            *self.status.entry(row.status).or_default() += 1;
        }
        self.latencies.extend(row.intended_latency_us());
    }

    fn figures(mut self, t_ms: u64) -> Value {
        self.latencies.sort_unstable();
        let mut figures = Map::new();
        figures.insert("t_ms".to_owned(), json!(t_ms));
        figures.insert("sent".to_owned(), json!(self.sent));
        figures.insert("answered".to_owned(), json!(self.answered));
        figures.insert("status".to_owned(), by_code(&self.status));
        if let Some(p95) = nearest_rank(&self.latencies, 950) {
            figures.insert("p95_ms".to_owned(), json!(ms(p95)));
        }
        Value::Object(figures)
    }
}

fn second_of(us: u64) -> usize {
    usize::try_from(us.min(LONGEST_US) / SECOND_US).unwrap_or(usize::MAX)
}

/// Full seconds of the plan, at most a day of them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to what a day holds before it is cut"
)]
fn full_seconds(seconds: f64) -> usize {
    seconds.clamp(0.0, 86_400.0) as usize
}
