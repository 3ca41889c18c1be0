//! `requests.csv`: one line per planned request, in the order of the schedule.
//!
//! | column | unit | meaning |
//! |---|---|---|
//! | `index` | – | place in the schedule, from 0; the lines stand in this order |
//! | `key` | – | idempotency key; replays share one |
//! | `class` | – | name of the class in the load's mix |
//! | `lands` | – | where it ought to end: `canonical`, `dead` or `refused` |
//! | `cents` | cents | what its canonical row ought to carry |
//! | `intended_us` | µs | planned send, from the span's begin |
//! | `sent_us` | µs | actual send, same clock; empty when it was never sent |
//! | `done_us` | µs | the answer's last byte, or the moment we gave up; empty when it was never sent or cut off |
//! | `status` | – | HTTP status; 0 when none came |
//! | `error` | – | a [`Trouble`]; empty when the answer was complete |
//! | `bytes` | bytes | size of the answer's body |

use serde::{Deserialize, Serialize};

use super::table::{self, TableFault};

/// No time in the file may lie beyond a day: figures per second are lists, and a list must fit into memory.
pub const LONGEST_US: u64 = 24 * 60 * 60 * 1_000_000;

const COLUMNS: [&str; 11] = [
    "index",
    "key",
    "class",
    "lands",
    "cents",
    "intended_us",
    "sent_us",
    "done_us",
    "status",
    "error",
    "bytes",
];

/// One line of `requests.csv`: a planned request and what became of it, column by column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// Place in the schedule, from 0.
    pub index: usize,
    /// Idempotency key; replays share one.
    pub key: String,
    /// Name of the class in the load's mix.
    pub class: String,
    /// Where it ought to end.
    pub lands: Lands,
    /// What its canonical row ought to carry, in cents.
    pub cents: i64,
    /// Planned send, in microseconds from the span's begin.
    pub intended_us: u64,
    /// Actual send, in microseconds of the same clock.
    pub sent_us: Option<u64>,
    /// The answer's last byte, or the moment we gave up, in microseconds of the same clock.
    pub done_us: Option<u64>,
    /// HTTP status; 0 when none came.
    pub status: u16,
    /// What went wrong; absent when the answer was complete.
    pub error: Option<Trouble>,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

/// Where a request ought to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lands {
    /// One row among the canonical ones, whatever the number of replays.
    Canonical,
    /// One dead letter.
    Dead,
    /// Nowhere: answered with a 4xx.
    Refused,
}

/// Why there is no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trouble {
    /// Never sent: too many requests were already in flight.
    Dropped,
    /// Never sent, or cut off in flight, because the load was stopped.
    Cancelled,
    /// No complete answer in time.
    Timeout,
    /// Nobody listens.
    Refused,
    /// The connection broke before the answer was complete.
    Reset,
    /// Any other failure of the connection or of the protocol.
    Other,
}

impl RequestRow {
    /// It left us, as far as we know.
    pub fn was_sent(&self) -> bool {
        self.sent_us.is_some()
    }

    /// A complete answer came back, whatever its status.
    pub fn was_answered(&self) -> bool {
        self.status != 0 && self.error.is_none()
    }

    /// Microseconds from the intended send to the end. Present for answers and for timeouts: a timeout took at
    /// least that long, and leaving it out would make a hanging service look fast.
    pub fn intended_latency_us(&self) -> Option<u64> {
        self.felt()
            .then(|| self.done_us.map(|done| done.saturating_sub(self.intended_us)))
            .flatten()
    }

    /// Microseconds from the actual send to the end, for the same requests as [`Self::intended_latency_us`].
    pub fn actual_latency_us(&self) -> Option<u64> {
        let (sent, done) = self.sent_us.zip(self.done_us)?;
        self.felt().then(|| done.saturating_sub(sent))
    }

    fn felt(&self) -> bool {
        self.was_answered() || self.error == Some(Trouble::Timeout)
    }

    /// What contradicts itself in this row, standing at `place`.
    fn contradiction(&self, place: usize) -> Option<String> {
        let times = [Some(self.intended_us), self.sent_us, self.done_us];
        if self.index != place {
            return Some(format!("index `{}` stands where `{place}` belongs", self.index));
        }
        if let Some(late) = times.into_iter().flatten().find(|us| *us > LONGEST_US) {
            return Some(format!("`{late}` µs lies beyond a day"));
        }
        if self.done_us.is_some() && self.sent_us > self.done_us {
            return Some("it was done before it was sent".to_owned());
        }
        if self.status != 0 && (self.sent_us.is_none() || self.done_us.is_none()) {
            return Some(format!(
                "status `{}` of a request that was never sent or never done",
                self.status
            ));
        }
        if self.status == 0 && self.error.is_none() {
            return Some("neither a status nor an error".to_owned());
        }
        None
    }
}

/// The bytes of `requests.csv`.
pub fn write_requests(rows: &[RequestRow]) -> Vec<u8> {
    table::write(&COLUMNS, rows)
}

/// Read `requests.csv`, refusing rows that contradict themselves or stand out of order.
pub fn read_requests(bytes: &[u8]) -> Result<Vec<RequestRow>, TableFault> {
    let rows: Vec<RequestRow> = table::read(&COLUMNS, bytes)?;
    for (place, row) in rows.iter().enumerate() {
        if let Some(message) = row.contradiction(place) {
            // Keys and classes hold no line breaks in an honest file, so that the line follows from the place.
            return Err(TableFault {
                line: place as u64 + 2,
                message,
            });
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::{Lands, RequestRow, Trouble, read_requests, write_requests};

    fn rows() -> Vec<RequestRow> {
        let answered = RequestRow {
            index: 0,
            key: "k-0".into(),
            class: "unique, or so".into(),
            lands: Lands::Canonical,
            cents: 111,
            intended_us: 0,
            sent_us: Some(31),
            done_us: Some(2_031),
            status: 200,
            error: None,
            bytes: 17,
        };
        let dropped = RequestRow {
            index: 1,
            key: "k-1".into(),
            sent_us: None,
            done_us: None,
            status: 0,
            error: Some(Trouble::Dropped),
            bytes: 0,
            ..answered.clone()
        };
        vec![answered, dropped]
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let bytes = write_requests(&rows());
        assert_eq!(read_requests(&bytes), Ok(rows()));
        let text = String::from_utf8(bytes).expect("CSV is text");
        let first = text.lines().nth(1);
        assert_eq!(
            first,
            Some("0,k-0,\"unique, or so\",canonical,111,0,31,2031,200,,17")
        );
        let second = text.lines().nth(2);
        assert_eq!(
            second,
            Some("1,k-1,\"unique, or so\",canonical,111,0,,,0,dropped,0")
        );
    }

    #[test]
    fn an_empty_load_still_has_its_header() {
        assert_eq!(read_requests(&write_requests(&[])), Ok(vec![]));
        assert!(read_requests(b"").is_err());
    }

    #[test]
    fn rows_that_contradict_themselves_are_refused_with_their_line() {
        type Wound = fn(&mut RequestRow);
        let wounds: [(Wound, &str); 5] = [
            (|row| row.index = 7, "line 3: index `7` stands where `1` belongs"),
            (
                |row| row.intended_us = u64::MAX,
                "line 3: `18446744073709551615` µs lies beyond a day",
            ),
            (
                |row| row.status = 200,
                "line 3: status `200` of a request that was never sent or never done",
            ),
            (|row| row.error = None, "line 3: neither a status nor an error"),
            (
                |row| (row.sent_us, row.done_us) = (Some(9), Some(8)),
                "line 3: it was done before it was sent",
            ),
        ];
        for (wound, words) in wounds {
            let mut rows = rows();
            wound(&mut rows[1]);
            let fault = read_requests(&write_requests(&rows)).expect_err("a contradiction");
            assert_eq!(fault.to_string(), words);
        }
    }

    #[test]
    fn another_column_another_word_and_a_short_line_are_refused() {
        let good = String::from_utf8(write_requests(&rows())).expect("CSV is text");
        let renamed = good.replacen("cents", "pence", 1);
        assert!(read_requests(renamed.as_bytes()).is_err_and(|fault| fault.line == 1));
        let word = good.replace("dropped", "mislaid");
        let fault = read_requests(word.as_bytes()).expect_err("an unknown trouble");
        assert!(fault.line == 3 && fault.message.contains("`mislaid`"), "{fault}");
        let short = good.replace(",dropped,0", "");
        let fault = read_requests(short.as_bytes()).expect_err("a short line");
        assert_eq!(fault.to_string(), "line 3: 9 fields, not 11");
    }
}
