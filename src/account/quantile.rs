//! Percentiles by nearest rank: always a value that was really measured, never one in between.

use serde_json::{Map, Value, json};

/// The spread that is reported of every latency: name and rank in thousandths.
const LATENCY: [(&str, u64); 5] = [
    ("p50_ms", 500),
    ("p90_ms", 900),
    ("p95_ms", 950),
    ("p99_ms", 990),
    ("p999_ms", 999),
];
/// The spread that is reported of our own lateness.
const LATENESS: [(&str, u64); 2] = [("p50_ms", 500), ("p99_ms", 990)];

/// The value at a rank given in thousandths, of values sorted in ascending order; none when there are no values.
pub fn nearest_rank(sorted: &[u64], per_mille: u64) -> Option<u64> {
    let rank = (sorted.len() as u64)
        .saturating_mul(per_mille)
        .div_ceil(1000)
        .max(1);
    sorted.get(usize::try_from(rank).ok()? - 1).copied()
}

/// Microseconds as milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a day in microseconds is far below 2^53"
)]
pub fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// `{p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, max_ms}`, or an empty object when nothing was measured: a missing
/// figure makes an assertion blind, where a zero would make it happy.
pub(super) fn latencies(us: impl IntoIterator<Item = u64>) -> Value {
    spread(us, &LATENCY)
}

/// `{p50_ms, p99_ms, max_ms}`, or an empty object when nothing was measured.
pub(super) fn lateness(us: impl IntoIterator<Item = u64>) -> Value {
    spread(us, &LATENESS)
}

fn spread(us: impl IntoIterator<Item = u64>, ranks: &[(&str, u64)]) -> Value {
    let mut sorted: Vec<u64> = us.into_iter().collect();
    sorted.sort_unstable();
    let mut figures = Map::new();
    for (name, per_mille) in ranks {
        if let Some(value) = nearest_rank(&sorted, *per_mille) {
            figures.insert((*name).to_owned(), json!(ms(value)));
        }
    }
    if let Some(max) = sorted.last() {
        figures.insert("max_ms".to_owned(), json!(ms(*max)));
    }
    Value::Object(figures)
}

#[cfg(test)]
mod tests {
    use super::{latencies, nearest_rank};

    #[test]
    fn the_rank_is_the_nearest_one_from_above() {
        let ten: Vec<u64> = (1..=10).collect();
        assert_eq!(nearest_rank(&ten, 500), Some(5));
        assert_eq!(nearest_rank(&ten, 501), Some(6));
        assert_eq!(nearest_rank(&ten, 950), Some(10));
        assert_eq!(nearest_rank(&ten, 0), Some(1));
        assert_eq!(nearest_rank(&ten, 1000), Some(10));
        assert_eq!(nearest_rank(&[], 500), None);
        assert_eq!(nearest_rank(&[7], 999), Some(7));
    }

    #[test]
    fn nothing_measured_is_no_figure_at_all() {
        assert_eq!(latencies([]), serde_json::json!({}));
        assert_eq!(latencies([1_500])["p95_ms"], 1.5);
    }
}
