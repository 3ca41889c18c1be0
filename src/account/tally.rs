//! How many requests of a set were sent, answered, dropped or broken, and with which status.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::sent::{RequestRow, Trouble};

/// Counts over a set of requests.
#[derive(Default)]
pub(super) struct Tally {
    planned: u64,
    sent: u64,
    answered: u64,
    dropped: u64,
    timeouts: u64,
    broken: u64,
    status: BTreeMap<u16, u64>,
}

impl Tally {
    pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a RequestRow>) -> Self {
        let mut tally = Self::default();
        for row in rows {
            tally.count(row);
        }
        tally
    }

    fn count(&mut self, row: &RequestRow) {
        self.planned += 1;
        self.sent += u64::from(row.was_sent());
        self.answered += u64::from(row.was_answered());
        if row.status != 0 {
            *self.status.entry(row.status).or_default() += 1;
        }
        match row.error {
            Some(Trouble::Dropped) => self.dropped += 1,
            Some(Trouble::Timeout) => self.timeouts += 1,
            Some(Trouble::Refused | Trouble::Reset | Trouble::Other) => self.broken += 1,
            // What a stop cut off is the difference between planned and everything else: nobody's failure.
            Some(Trouble::Cancelled) | None => {}
        }
    }

    /// `planned, sent, answered, dropped, timeouts, broken, status{code: n}`, put into `figures`.
    pub(super) fn write(self, figures: &mut Map<String, Value>) {
        let counts = [
            ("planned", self.planned),
            ("sent", self.sent),
            ("answered", self.answered),
            ("dropped", self.dropped),
            ("timeouts", self.timeouts),
            ("broken", self.broken),
        ];
        for (name, count) in counts {
            figures.insert(name.to_owned(), json!(count));
        }
        figures.insert("status".to_owned(), by_code(&self.status));
    }
}

/// `{"200": n}`, in ascending order of the codes.
pub(super) fn by_code(counts: &BTreeMap<u16, u64>) -> Value {
    counts
        .iter()
        .map(|(code, count)| (code.to_string(), json!(count)))
        .collect::<Map<_, _>>()
        .into()
}
