//! `latency.hlog`: every latency again as an `HdrHistogram` interval log, which the usual tools read.
//!
//! One interval a second and clock, tagged `intended` or `actual`, in microseconds, three significant digits, in the
//! V2 form (deflated, base64). Times count from the span's begin, so that the log is a function of the request rows
//! alone: `verify` makes it again and compares the bytes.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer, V2DeflateSerializer,
        interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag},
    },
};

use super::sent::{LONGEST_US, RequestRow};

const COMMENT: &str =
    "latencies in microseconds by the second in which they ended; times count from the span's begin";
const SECOND_US: u64 = 1_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// The moment from which a latency is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// From when it ought to have been sent: what a user of the service would have felt.
    Intended,
    /// From when it was really sent.
    Actual,
}

/// One second on one clock.
#[derive(Debug)]
pub struct Interval {
    /// Which clock.
    pub clock: Clock,
    /// The second, counted from the span's begin.
    pub second: u64,
    /// Latencies in microseconds.
    pub histogram: Histogram<u64>,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HlogFault {
    /// A line is no line of an interval log.
    #[error("not an interval log of HdrHistogram, version 2")]
    Form,
    /// An interval carries another tag than ours.
    #[error("an interval is tagged `{0}`, not `intended` or `actual`")]
    Tag(String),
    /// An interval's histogram does not decode.
    #[error("the histogram at second {second} does not decode: {reason}")]
    Histogram {
        /// The second, counted from the span's begin.
        second: u64,
        /// What the decoder says.
        reason: String,
    },
}

impl Clock {
    const BOTH: [Self; 2] = [Self::Intended, Self::Actual];

    fn tag(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Actual => "actual",
        }
    }

    fn latency_us(self, row: &RequestRow) -> Option<u64> {
        match self {
            Self::Intended => row.intended_latency_us(),
            Self::Actual => row.actual_latency_us(),
        }
    }
}

/// The bytes of `latency.hlog`.
pub fn write_hlog(rows: &[RequestRow]) -> Vec<u8> {
    log_of(&intervals(rows))
}

fn log_of(intervals: &BTreeMap<(u64, Clock), Histogram<u64>>) -> Vec<u8> {
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment(COMMENT)
        .with_max_value_divisor(1000.0)
        .begin_log_with(&mut log, &mut serializer)
        .expect("memory takes every header");
    for ((second, clock), histogram) in intervals {
        let start = Duration::from_secs(*second);
        writer
            .write_histogram(histogram, start, Duration::from_secs(1), Tag::new(clock.tag()))
            .expect("a histogram of our own bounds is written to memory");
    }
    log
}

fn intervals(rows: &[RequestRow]) -> BTreeMap<(u64, Clock), Histogram<u64>> {
    let mut intervals = BTreeMap::new();
    for row in rows {
        for clock in Clock::BOTH {
            let Some((latency, done)) = clock.latency_us(row).zip(row.done_us) else {
                continue;
            };
            let second = done.min(LONGEST_US) / SECOND_US;
            let histogram: &mut Histogram<u64> = intervals.entry((second, clock)).or_insert_with(empty);
            histogram.saturating_record(latency);
        }
    }
    intervals
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST_US, SIGNIFICANT_DIGITS).expect("the bounds are constants in range")
}

/// Read a log back, interval by interval. For logs that are trusted: a histogram's header says how much memory it
/// wants. Whoever doubts a log makes it again with [`write_hlog`] and compares.
pub fn read_hlog(bytes: &[u8]) -> Result<Vec<Interval>, HlogFault> {
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(bytes) {
        if let LogEntry::Interval(line) = entry.map_err(|_| HlogFault::Form)? {
            let tag = line.tag().map_or("", |tag| tag.as_str());
            let clock = Clock::BOTH.into_iter().find(|clock| clock.tag() == tag);
            let clock = clock.ok_or_else(|| HlogFault::Tag(tag.to_owned()))?;
            let second = line.start_timestamp().as_secs();
            let histogram =
                decode(line.encoded_histogram()).map_err(|reason| HlogFault::Histogram { second, reason })?;
            intervals.push(Interval {
                clock,
                second,
                histogram,
            });
        }
    }
    Ok(intervals)
}

fn decode(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::{Clock, read_hlog, write_hlog};
    use crate::account::{Lands, RequestRow, Trouble, nearest_rank};

    /// Three seconds at 100 a second with latencies that grow, each sent 50 µs late; one was dropped.
    fn rows() -> Vec<RequestRow> {
        let row = |index: usize| {
            let intended_us = index as u64 * 10_000;
            RequestRow {
                index,
                key: index.to_string(),
                class: "c".into(),
                lands: Lands::Canonical,
                cents: 0,
                intended_us,
                sent_us: Some(intended_us + 50),
                done_us: Some(intended_us + 1_000 + index as u64 * 37),
                status: 200,
                error: None,
                bytes: 0,
            }
        };
        let mut rows: Vec<_> = (0..300).map(row).collect();
        (rows[7].sent_us, rows[7].done_us, rows[7].status) = (None, None, 0);
        rows[7].error = Some(Trouble::Dropped);
        rows
    }

    fn merged(log: &[u8], clock: Clock) -> Histogram<u64> {
        let mut sum = super::empty();
        for interval in read_hlog(log).expect("our own log") {
            if interval.clock == clock {
                sum.add(interval.histogram).expect("the same bounds");
            }
        }
        sum
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        assert_eq!(write_hlog(&rows()), write_hlog(&rows()));
        let mut slower = rows();
        slower[299].done_us = Some(9_000_000);
        assert_ne!(write_hlog(&rows()), write_hlog(&slower));
    }

    #[test]
    fn every_latency_is_found_again_to_three_digits_on_both_clocks() {
        let log = write_hlog(&rows());
        for (clock, of) in [
            (
                Clock::Intended,
                RequestRow::intended_latency_us as fn(&RequestRow) -> Option<u64>,
            ),
            (Clock::Actual, RequestRow::actual_latency_us),
        ] {
            let mut exact: Vec<u64> = rows().iter().filter_map(of).collect();
            exact.sort_unstable();
            let histogram = merged(&log, clock);
            assert_eq!(histogram.len(), 299);
            for (quantile, per_mille) in [(0.5, 500), (0.95, 950), (0.99, 990)] {
                let value = nearest_rank(&exact, per_mille).expect("there are values");
                assert!(histogram.equivalent(histogram.value_at_quantile(quantile), value));
            }
        }
    }

    #[test]
    fn there_is_one_interval_a_second_and_clock() {
        let log = write_hlog(&rows());
        let places: Vec<_> = read_hlog(&log)
            .expect("our own log")
            .iter()
            .map(|interval| (interval.second, interval.clock))
            .collect();
        let seconds = (0..4).flat_map(|second| Clock::BOTH.map(|clock| (second, clock)));
        assert!(seconds.take(6).eq(places.into_iter().take(6)));
    }

    #[test]
    fn an_empty_load_has_an_empty_log_and_rubbish_is_refused() {
        assert_eq!(
            read_hlog(&write_hlog(&[])).map(|intervals| intervals.len()).ok(),
            Some(0)
        );
        assert!(read_hlog(b"Tag=intended,0.000,1.000,2.000,AAAA\n").is_err());
        assert!(read_hlog(b"Tag=other,0.000,1.000,2.000,AAAA\n").is_err());
        assert!(read_hlog(b"no log at all\n").is_err());
    }
}
