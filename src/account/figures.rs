//! The figures of a load: what the `load` look observes, made from the request rows alone.

use serde_json::{Map, Value, json};

use super::{
    quantile::{latencies, lateness},
    seconds::{by_second, per_second},
    sent::RequestRow,
    tally::Tally,
};

/// Bounds over which intended latencies are counted, in milliseconds.
const OVER_MS: [u64; 7] = [10, 25, 50, 100, 250, 500, 1000];

/// What the load was meant to be, and where its span stands on the run's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned {
    /// Requests a second; 0 for a burst.
    pub target_rps: f64,
    /// Length of the schedule in seconds; 0 for a burst.
    pub seconds: f64,
    /// Begin of the span in milliseconds of the run's clock: what `by_second[].t_ms` counts from.
    pub begin_ms: u64,
}

/// The `load` observation without `window`, `begin_ms` and `end_ms`, which only the looker knows.
///
/// Latencies are those of answers and of timeouts, from the intended send (`intended`, `first_half`, `second_half`,
/// `over_ms`, `classes`, `by_second`) and from the actual one (`actual`). The halves are those of the schedule. A
/// figure that could not be measured is absent.
pub fn load(planned: &Planned, rows: &[RequestRow]) -> Value {
    let mut figures = Map::new();
    figures.insert("target_rps".to_owned(), number(planned.target_rps));
    figures.insert("seconds".to_owned(), number(planned.seconds));
    Tally::of(rows).write(&mut figures);
    let late = rows
        .iter()
        .filter_map(|row| row.sent_us.map(|us| us.saturating_sub(row.intended_us)));
    figures.insert("late".to_owned(), lateness(late));
    figures.insert("latency".to_owned(), latency(rows));
    figures.insert("over_ms".to_owned(), over(rows));
    figures.insert("per_second".to_owned(), json!(per_second(planned.seconds, rows)));
    let by_second = by_second(planned.seconds, planned.begin_ms, rows);
    figures.insert("by_second".to_owned(), Value::Array(by_second));
    figures.insert("classes".to_owned(), classes(rows));
    Value::Object(figures)
}

fn latency(rows: &[RequestRow]) -> Value {
    let (first, second) = rows.split_at(rows.len() / 2);
    json!({
        "intended": intended(rows),
        "actual": latencies(rows.iter().filter_map(RequestRow::actual_latency_us)),
        "first_half": intended(first),
        "second_half": intended(second),
    })
}

fn intended<'a>(rows: impl IntoIterator<Item = &'a RequestRow>) -> Value {
    latencies(rows.into_iter().filter_map(RequestRow::intended_latency_us))
}

fn over(rows: &[RequestRow]) -> Value {
    let count = |bound: u64| {
        let slow = |us: &u64| *us > bound * 1000;
        rows.iter()
            .filter_map(RequestRow::intended_latency_us)
            .filter(slow)
            .count()
    };
    OVER_MS
        .iter()
        .map(|bound| (bound.to_string(), json!(count(*bound))))
        .collect::<Map<_, _>>()
        .into()
}

/// `{name: {planned … status, p50_ms … max_ms}}`, in the order in which the classes first appear.
fn classes(rows: &[RequestRow]) -> Value {
    let mut classes = Map::new();
    for row in rows {
        if classes.contains_key(&row.class) {
            continue;
        }
        let members = || rows.iter().filter(|other| other.class == row.class);
        let mut figures = Map::new();
        Tally::of(members()).write(&mut figures);
        if let Value::Object(spread) = intended(members()) {
            figures.extend(spread);
        }
        classes.insert(row.class.clone(), Value::Object(figures));
    }
    Value::Object(classes)
}

/// A whole number stays one on paper, so that sentences may use it as a count.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only whole numbers far below 2^53 are cut"
)]
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Planned, load};
    use crate::account::{Lands, RequestRow, Trouble};

    const PLAN: Planned = Planned {
        target_rps: 4.0,
        seconds: 2.0,
        begin_ms: 5_000,
    };

    /// Eight requests at 4 a second; each takes 2 ms and is sent 100 µs late.
    fn rows() -> Vec<RequestRow> {
        (0..8_usize).map(row).collect()
    }

    fn row(index: usize) -> RequestRow {
        let intended_us = index as u64 * 250_000;
        RequestRow {
            index,
            key: format!("k{index}"),
            class: if index.is_multiple_of(2) { "even" } else { "odd" }.into(),
            lands: Lands::Canonical,
            cents: 1,
            intended_us,
            sent_us: Some(intended_us + 100),
            done_us: Some(intended_us + 2_100),
            status: 200,
            error: None,
            bytes: 2,
        }
    }

    #[test]
    fn a_quiet_load_is_told_in_full() {
        let spread = json!({"p50_ms": 2.1, "p90_ms": 2.1, "p95_ms": 2.1, "p99_ms": 2.1, "p999_ms": 2.1, "max_ms": 2.1});
        let actual = json!({"p50_ms": 2.0, "p90_ms": 2.0, "p95_ms": 2.0, "p99_ms": 2.0, "p999_ms": 2.0, "max_ms": 2.0});
        let counts = json!({"planned": 4, "sent": 4, "answered": 4, "dropped": 0, "timeouts": 0, "broken": 0, "status": {"200": 4}});
        let class = [counts.as_object(), spread.as_object()];
        let class: serde_json::Map<_, _> = class
            .into_iter()
            .flatten()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let want = json!({
            "target_rps": 4, "seconds": 2,
            "planned": 8, "sent": 8, "answered": 8, "dropped": 0, "timeouts": 0, "broken": 0, "status": {"200": 8},
            "late": {"p50_ms": 0.1, "p99_ms": 0.1, "max_ms": 0.1},
            "latency": {"intended": spread, "actual": actual, "first_half": spread, "second_half": spread},
            "over_ms": {"10": 0, "25": 0, "50": 0, "100": 0, "250": 0, "500": 0, "1000": 0},
            "per_second": [4, 4],
            "by_second": [
                {"t_ms": 5000, "sent": 4, "answered": 4, "status": {"200": 4}, "p95_ms": 2.1},
                {"t_ms": 6000, "sent": 4, "answered": 4, "status": {"200": 4}, "p95_ms": 2.1},
            ],
            "classes": {"even": class, "odd": class},
        });
        assert_eq!(load(&PLAN, &rows()), want);
    }

    #[test]
    fn late_sends_are_charged_to_the_intended_clock_only() {
        let mut rows = rows();
        (rows[3].sent_us, rows[3].done_us) = (Some(1_050_000), Some(1_052_000));
        let figures = load(&PLAN, &rows);
        assert_eq!(figures["latency"]["intended"]["max_ms"], 302.0);
        assert_eq!(figures["latency"]["actual"]["max_ms"], 2.0);
        assert_eq!(figures["late"]["max_ms"], 300.0);
        assert_eq!(figures["over_ms"]["250"], 1);
        assert_eq!(figures["over_ms"]["500"], 0);
        assert_eq!(figures["per_second"], json!([3, 5]));
        assert_eq!(figures["latency"]["second_half"]["max_ms"], 2.1);
    }

    #[test]
    fn a_timeout_counts_as_slow_and_a_refusal_does_not_count_as_fast() {
        let mut rows = rows();
        for (row, error) in rows
            .iter_mut()
            .zip([Trouble::Timeout, Trouble::Refused, Trouble::Dropped])
        {
            (row.status, row.error) = (0, Some(error));
        }
        rows[0].done_us = Some(3_000_100);
        (rows[2].sent_us, rows[2].done_us) = (None, None);
        let figures = load(&PLAN, &rows);
        let counts =
            ["planned", "sent", "answered", "timeouts", "broken", "dropped"].map(|name| &figures[name]);
        assert_eq!(counts, [8, 7, 5, 1, 1, 1]);
        assert_eq!(figures["status"], json!({"200": 5}));
        assert_eq!(figures["latency"]["intended"]["max_ms"], 3000.1);
        assert_eq!(
            figures["by_second"].as_array().map(Vec::len),
            Some(4),
            "until the last answer is in"
        );
        assert_eq!(
            figures["by_second"][2],
            json!({"t_ms": 7000, "sent": 0, "answered": 0, "status": {}})
        );
        assert_eq!(figures["by_second"][3]["p95_ms"], 3000.1);
    }

    #[test]
    fn an_answer_belongs_to_the_second_in_which_it_arrived() {
        let mut rows = rows();
        (rows[3].done_us, rows[3].status) = (Some(1_700_000), 503);
        let figures = load(&PLAN, &rows);
        assert_eq!(figures["by_second"][0]["status"], json!({"200": 3}));
        assert_eq!(figures["by_second"][1]["status"], json!({"200": 4, "503": 1}));
    }

    #[test]
    fn an_empty_load_has_no_latencies_and_an_absurd_plan_does_not_fill_the_memory() {
        let plan = Planned {
            target_rps: 0.5,
            seconds: f64::MAX,
            begin_ms: 0,
        };
        let figures = load(&plan, &[]);
        assert_eq!(figures["latency"]["intended"], json!({}));
        assert_eq!(figures["target_rps"], 0.5);
        assert_eq!(figures["per_second"].as_array().map(Vec::len), Some(86_400));
    }
}
