//! Requests and rows into figures: percentiles, adherence to the rate, conservation by key.
//!
//! Pure and exact: everything here is a function of `requests.csv` and `rows.csv`, so that a run and an auditor
//! who only holds the pack compute the same figures from the same bytes. Sending stands in `load`.

mod conserve;
mod figures;
mod found;
mod hlog;
mod quantile;
mod seconds;
mod sent;
mod series;
mod table;
mod tally;

pub use conserve::conserve;
pub use figures::{Planned, load};
pub use found::{FoundRow, Table, read_rows, write_rows};
pub use hlog::{Clock, HlogFault, Interval, read_hlog, write_hlog};
pub use quantile::{ms, nearest_rank};
pub use sent::{LONGEST_US, Lands, RequestRow, Trouble, read_requests, write_requests};
pub use series::write_series;
pub use table::TableFault;

/// What `accounting.json` holds: the figures of the load and, beside them, its conservation by key.
///
/// Shape: `{"load": …, "conserve": …}`, each as [`load()`] and [`conserve()`] give it.
pub fn accounting(planned: &Planned, requests: &[RequestRow], rows: &[FoundRow]) -> serde_json::Value {
    serde_json::json!({ "load": load(planned, requests), "conserve": conserve(requests, rows) })
}
