//! What the channels of one tenant brought in over a window, by the events' own channel: the last that was touched.
//! The allocations are not asked: they share each payment out by a rule, so they say nothing about channels that the
//! rule did not.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// A window, and what was paid in it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// From here on …
    pub(super) window_start: DateTime<Utc>,
    /// … and before this.
    pub(super) window_end: DateTime<Utc>,
    /// The currency in which there were most payments; none without any. Amounts of different currencies are never
    /// added up, and a share of two sums is no share.
    pub(super) currency: Option<String>,
    /// Payments in any other.
    pub(super) other_events: i64,
    /// By channel, those that were paid through at all.
    pub(super) channels: Vec<Takings>,
}

/// What a channel brought in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Takings {
    /// The channel.
    pub(super) channel: String,
    /// Payments.
    pub(super) events: i64,
    /// What they come to.
    pub(super) revenue_cents: i64,
    /// The mean of the logarithms of their cents.
    pub(super) mean_log_cents: f64,
}

#[derive(sqlx::FromRow)]
struct Row {
    currency: String,
    channel: String,
    events: i64,
    revenue_cents: i64,
    mean_log_cents: f64,
}

/// Days of 24 hours, so that no time zone moves the start.
const WINDOW: &str = "select now() - make_interval(hours => 24 * $1), now()";

/// An event without revenue says nothing about shares in it. The logarithms are summed up as whole billionths: a sum of
/// floating point numbers would depend on the order in which the database happens to read, and the same events must
/// always make the same posterior. The tenant is the transaction's context.
const CHANNELS: &str = r#"
    select e.currency, e.channel, count(*) as events, sum(e.revenue_cents)::bigint as revenue_cents,
           (sum(round(ln(e.revenue_cents::float8) * 1e9)::bigint)::float8 / 1e9 / count(*))::float8 as mean_log_cents
      from attribution_events e
     where e.event_timestamp >= $1 and e.event_timestamp < $2 and e.revenue_cents > 0
     group by e.currency, e.channel
     order by e.currency collate "C", e.channel collate "C""#;

impl Seen {
    /// Reads the window that ends now.
    pub(super) async fn read(connection: &mut PgConnection, days: i32) -> Result<Self, sqlx::Error> {
        let (start, end) = sqlx::query_as(WINDOW)
            .bind(days)
            .fetch_one(&mut *connection)
            .await?;
        let rows: Vec<Row> = sqlx::query_as(CHANNELS)
            .bind(start)
            .bind(end)
            .fetch_all(connection)
            .await?;
        Ok(Self::of(start, end, rows))
    }

    fn of(window_start: DateTime<Utc>, window_end: DateTime<Utc>, rows: Vec<Row>) -> Self {
        let events_in = |currency: &str| {
            let of_it = rows.iter().filter(|row| row.currency == currency);
            of_it.map(|row| row.events).sum::<i64>()
        };
        // Of two with as many, the first by name.
        let currency = rows
            .iter()
            .rev()
            .map(|row| &row.currency)
            .max_by_key(|currency| events_in(currency))
            .cloned();
        let is_in_it = |row: &Row| Some(&row.currency) == currency.as_ref();
        let other_events = rows
            .iter()
            .filter(|row| !is_in_it(row))
            .map(|row| row.events)
            .sum();
        let channels = rows.into_iter().filter(is_in_it).map(Takings::from).collect();
        Self {
            window_start,
            window_end,
            currency,
            other_events,
            channels,
        }
    }

    /// What all channels brought in.
    pub(super) fn total_cents(&self) -> i64 {
        self.channels.iter().map(|channel| channel.revenue_cents).sum()
    }
}

impl From<Row> for Takings {
    fn from(row: Row) -> Self {
        Self {
            channel: row.channel,
            events: row.events,
            revenue_cents: row.revenue_cents,
            mean_log_cents: row.mean_log_cents,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(currency: &str, channel: &str, events: i64) -> Row {
        Row {
            currency: currency.to_owned(),
            channel: channel.to_owned(),
            events,
            revenue_cents: 100 * events,
            mean_log_cents: 0.0,
        }
    }

    fn seen(rows: Vec<Row>) -> Seen {
        Seen::of(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH, rows)
    }

    #[test]
    fn one_currency_is_looked_at_and_the_rest_is_counted() {
        let seen = seen(vec![
            row("EUR", "direct", 3),
            row("USD", "direct", 2),
            row("USD", "email", 2),
        ]);
        assert_eq!((seen.currency.as_deref(), seen.other_events), (Some("USD"), 3));
        assert_eq!((seen.channels.len(), seen.total_cents()), (2, 400));
    }

    #[test]
    fn of_two_currencies_with_as_many_payments_it_is_the_first_by_name() {
        let seen = seen(vec![row("EUR", "direct", 2), row("USD", "direct", 2)]);
        assert_eq!(seen.currency.as_deref(), Some("EUR"));
    }

    #[test]
    fn nothing_seen_has_no_currency() {
        let seen = seen(Vec::new());
        assert_eq!((seen.currency.as_deref(), seen.total_cents()), (None, 0));
    }
}
