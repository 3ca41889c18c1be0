//! Conservation: every key that was sent is found again, in exactly one bucket, and to the cent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    found::{FoundRow, Table},
    sent::{Lands, RequestRow},
};

/// Everything known about one planned key, from both sides.
struct Story {
    lands: Lands,
    cents: i64,
    sent: bool,
    acknowledged: usize,
    rejected: usize,
    failed: usize,
    canonical: Vec<i64>,
    dead: usize,
}

/// Requests by bucket, keys by complaint.
#[derive(Default)]
struct Books<'a> {
    canonical: usize,
    suppressed: usize,
    dead: usize,
    rejected: usize,
    failed: usize,
    lost: Vec<&'a str>,
    unexpected: Vec<&'a str>,
    duplicated: Vec<&'a str>,
    unacknowledged: Vec<&'a str>,
    mispriced: Vec<&'a str>,
    expected_cents: i64,
    found_cents: i64,
}

/// The `conserve` observation: `requests.csv` joined with `rows.csv`, by key.
///
/// Of the requests of one key, one is the row that was found (`canonical`, `dead`) and the other acknowledged ones
/// are `suppressed`; what was not acknowledged is `rejected` (4xx) or `failed`. Lists hold keys, in ascending order:
/// - `lost`: acknowledged with a 2xx, found nowhere;
/// - `unexpected`, once for each such row: its key was never sent, or lands elsewhere;
/// - `duplicated`: more than one row in one table;
/// - `unacknowledged`: found although no answer said so; not a fault, a lost answer.
///
/// `residual` is what is left of the planned requests after all buckets and one for each lost key: the acknowledged
/// replays of rows that do not exist. `cents.found` adds up every canonical row, foreign and doubled ones included;
/// `cents.expected` every key that ought to have a row; `cents.wrong` lists keys whose row carries another amount,
/// which two opposite errors would hide in a sum.
pub fn conserve(requests: &[RequestRow], found: &[FoundRow]) -> Value {
    let mut stories = planned(requests);
    let mut books = Books::default();
    for row in found {
        books.file(row, &mut stories);
    }
    for (key, story) in &stories {
        books.close(key, story);
    }
    books.balance(requests.len())
}

fn planned(requests: &[RequestRow]) -> BTreeMap<&str, Story> {
    let mut stories = BTreeMap::new();
    for request in requests {
        let story = stories
            .entry(request.key.as_str())
            .or_insert_with(|| Story::of(request));
        story.sent |= request.was_sent();
        match request.status {
            200..300 => story.acknowledged += 1,
            400..500 => story.rejected += 1,
            _ => story.failed += 1,
        }
    }
    stories
}

impl Story {
    fn of(request: &RequestRow) -> Self {
        Self {
            lands: request.lands,
            cents: request.cents,
            sent: false,
            acknowledged: 0,
            rejected: 0,
            failed: 0,
            canonical: Vec::new(),
            dead: 0,
        }
    }

    /// Where it was found: at home if possible, else in the other table, else nowhere.
    fn found_in(&self) -> Option<Table> {
        match (self.canonical.is_empty(), self.dead == 0) {
            (true, true) => None,
            (true, false) => Some(Table::Dead),
            (false, false) if self.lands == Lands::Dead => Some(Table::Dead),
            (false, _) => Some(Table::Canonical),
        }
    }

    fn lands_in(&self, table: Table) -> bool {
        matches!(
            (self.lands, table),
            (Lands::Canonical, Table::Canonical) | (Lands::Dead, Table::Dead)
        )
    }
}

impl<'a> Books<'a> {
    /// Put one row that was found to its key's story, and complain when it has no business there.
    fn file(&mut self, row: &'a FoundRow, stories: &mut BTreeMap<&str, Story>) {
        let cents = row.cents.unwrap_or(0);
        if row.table == Table::Canonical {
            self.found_cents = self.found_cents.saturating_add(cents);
        }
        let Some(story) = stories.get_mut(row.key.as_str()).filter(|story| story.sent) else {
            self.unexpected.push(&row.key);
            return;
        };
        if !story.lands_in(row.table) {
            self.unexpected.push(&row.key);
        }
        match row.table {
            Table::Canonical => story.canonical.push(cents),
            Table::Dead => story.dead += 1,
        }
    }

    /// Spread the requests of one key over the buckets.
    fn close(&mut self, key: &'a str, story: &Story) {
        let found_in = story.found_in();
        match found_in {
            Some(Table::Canonical) => self.canonical += 1,
            Some(Table::Dead) => self.dead += 1,
            None if story.acknowledged > 0 => self.lost.push(key),
            None => {}
        }
        self.rejected += story.rejected;
        self.failed += story.failed;
        if found_in.is_some() {
            self.settle(key, story);
        }
        if story.canonical.len() > 1 || story.dead > 1 {
            self.duplicated.push(key);
        }
        self.price(key, story);
    }

    /// One request made the row. It is an acknowledged one if there is any; else an answer was lost on its way,
    /// and the request leaves the bucket its missing answer had put it into.
    fn settle(&mut self, key: &'a str, story: &Story) {
        if story.acknowledged > 0 {
            self.suppressed += story.acknowledged - 1;
            return;
        }
        self.unacknowledged.push(key);
        if story.failed > 0 {
            self.failed -= 1;
        } else {
            self.rejected -= 1;
        }
    }

    fn price(&mut self, key: &'a str, story: &Story) {
        if story.lands != Lands::Canonical {
            return;
        }
        if story.acknowledged > 0 || !story.canonical.is_empty() {
            self.expected_cents = self.expected_cents.saturating_add(story.cents);
        }
        if story.canonical.iter().any(|cents| *cents != story.cents) {
            self.mispriced.push(key);
        }
    }

    fn balance(mut self, planned: usize) -> Value {
        self.unexpected.sort_unstable();
        let settled = self.canonical + self.suppressed + self.dead + self.rejected + self.failed;
        json!({
            "canonical": self.canonical,
            "suppressed": self.suppressed,
            "dead": self.dead,
            "rejected": self.rejected,
            "failed": self.failed,
            "residual": planned - settled - self.lost.len(),
            "lost": self.lost,
            "unexpected": self.unexpected,
            "duplicated": self.duplicated,
            "unacknowledged": self.unacknowledged,
            "cents": { "expected": self.expected_cents, "found": self.found_cents, "wrong": self.mispriced },
        })
    }
}
#[cfg(test)]
mod tests;
