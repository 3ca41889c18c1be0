//! `rows.csv`: every row of the load's tenants in the span, as the database returned it.
//!
//! | column | unit | meaning |
//! |---|---|---|
//! | `table` | – | `canonical` or `dead`: which of the two questions returned it |
//! | `key` | – | idempotency key; empty when the row has none |
//! | `id` | – | the row's own id; empty when it was not asked for |
//! | `cents` | cents | the amount it carries; empty when it was not asked for |
//! | `currency` | – | of that amount; empty when it was not asked for |
//! | `reason` | – | why it is a dead letter; empty when it was not asked for |
//! | `at` | – | commit time in the database's words; empty when it was not asked for |

use serde::{Deserialize, Serialize};

use super::table::{self, TableFault};

const COLUMNS: [&str; 7] = ["table", "key", "id", "cents", "currency", "reason", "at"];

/// One line of `rows.csv`: a row that was found, column by column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRow {
    /// Which of the two questions returned it.
    pub table: Table,
    /// Idempotency key; empty when the row has none.
    pub key: String,
    /// The row's own id.
    pub id: Option<String>,
    /// The amount it carries, in cents.
    pub cents: Option<i64>,
    /// Currency of that amount.
    pub currency: Option<String>,
    /// Why it is a dead letter.
    pub reason: Option<String>,
    /// Commit time, in the database's words.
    pub at: Option<String>,
}

/// The two places where an accepted request may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Accepted as what it claims to be.
    Canonical,
    /// Kept apart, with a reason.
    Dead,
}

impl FoundRow {
    /// A row of which only the place, the key and the amount are known.
    pub fn new(table: Table, key: impl Into<String>, cents: Option<i64>) -> Self {
        let key = key.into();
        Self {
            table,
            key,
            id: None,
            cents,
            currency: None,
            reason: None,
            at: None,
        }
    }
}

/// The bytes of `rows.csv`.
pub fn write_rows(rows: &[FoundRow]) -> Vec<u8> {
    table::write(&COLUMNS, rows)
}

/// Read `rows.csv`.
pub fn read_rows(bytes: &[u8]) -> Result<Vec<FoundRow>, TableFault> {
    table::read(&COLUMNS, bytes)
}

#[cfg(test)]
mod tests {
    use super::{FoundRow, Table, read_rows, write_rows};

    #[test]
    fn rows_come_back_as_they_were_written() {
        let full = FoundRow {
            id: Some("7".into()),
            currency: Some("usd".into()),
            at: Some("2026-11-20 13:00:00.123456+00".into()),
            ..FoundRow::new(Table::Canonical, "k", Some(111))
        };
        let dead = FoundRow {
            reason: Some("amount is not a number, \"null\"".into()),
            ..FoundRow::new(Table::Dead, "", None)
        };
        let rows = vec![full, dead];
        assert_eq!(read_rows(&write_rows(&rows)), Ok(rows));
    }

    #[test]
    fn an_amount_that_is_no_number_is_refused_with_its_line() {
        let text = "table,key,id,cents,currency,reason,at\ncanonical,k,,1.5,,,\n";
        assert_eq!(read_rows(text.as_bytes()).map_err(|fault| fault.line), Err(2));
    }
}
