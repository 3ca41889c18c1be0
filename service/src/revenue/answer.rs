//! What is said about a tenant's revenue, and how one saying is told from another.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// The money of one currency
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevenueTotal)]
pub(crate) struct Total {
    /// Three capitals
    pub(crate) currency: String,
    /// What came in less what was paid back, in the currency's smallest unit
    pub(crate) revenue_cents: i64,
    /// How many movements that is the sum of
    pub(crate) transactions: u64,
}

/// What the platforms said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// When they were asked. The answer is about the 24 hours before.
    pub(crate) as_of: DateTime<Utc>,
    /// One per currency, in the currencies' order. Never empty: nothing earned is zero dollars.
    pub(crate) totals: Vec<Total>,
    /// The platforms that were asked.
    pub(crate) sources: Vec<String>,
}

impl Answer {
    pub(super) fn new(as_of: DateTime<Utc>, mut totals: Vec<Total>, sources: Vec<String>) -> Self {
        if totals.is_empty() {
            totals.push(Total {
                currency: "USD".to_owned(),
                revenue_cents: 0,
                transactions: 0,
            });
        }
        totals.sort_by(|one, other| one.currency.cmp(&other.currency));
        Self {
            as_of,
            totals,
            sources,
        }
    }

    /// What tells it from another answer: the money and where it was seen, not the moment. Two that differ in nothing
    /// else mean the same, so the tag is a weak one.
    pub(crate) fn tag(&self) -> String {
        let mut digest = Sha256::new();
        for total in &self.totals {
            digest.update(format!(
                "{} {} {}\n",
                total.currency, total.revenue_cents, total.transactions
            ));
        }
        digest.update(self.sources.join(" "));
        format!("W/\"{}\"", hex::encode(&digest.finalize()[..16]))
    }
}

/// An answer, and how old it is.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// What was said.
    pub(crate) answer: Answer,
    /// How long ago.
    pub(crate) age: Duration,
}

impl Known {
    /// One that was given just now.
    pub(super) fn new(answer: Answer) -> Self {
        Self {
            answer,
            age: Duration::ZERO,
        }
    }
}

/// Adds one account's totals to the others'. None when a sum no longer fits.
pub(super) fn add_up(totals: &mut Vec<Total>, earned: Vec<Total>) -> Option<()> {
    for one in earned {
        match totals.iter_mut().find(|total| total.currency == one.currency) {
            Some(total) => {
                total.revenue_cents = total.revenue_cents.checked_add(one.revenue_cents)?;
                total.transactions = total.transactions.checked_add(one.transactions)?;
            }
            None => totals.push(one),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(cents: i64) -> Total {
        Total {
            currency: "USD".to_owned(),
            revenue_cents: cents,
            transactions: 1,
        }
    }

    #[test]
    fn amounts_of_two_currencies_are_never_added_up() {
        let euros = Total {
            currency: "EUR".to_owned(),
            ..dollars(999_999_999_999)
        };
        let mut totals = vec![dollars(29)];
        add_up(&mut totals, vec![euros.clone(), dollars(1)]).expect("it fits");
        let answer = Answer::new(Utc::now(), totals, Vec::new());
        let sum = Total {
            transactions: 2,
            ..dollars(30)
        };
        assert_eq!(answer.totals, [euros, sum]);
    }

    #[test]
    fn a_sum_that_does_not_fit_is_no_sum() {
        assert_eq!(add_up(&mut vec![dollars(i64::MAX)], vec![dollars(1)]), None);
    }

    #[test]
    fn the_tag_follows_the_money_and_not_the_clock() {
        let tag = |cents, seconds| {
            let moment = DateTime::from_timestamp(seconds, 0).expect("in range");
            Answer::new(moment, vec![dollars(cents)], Vec::new()).tag()
        };
        assert_eq!(tag(1, 1), tag(1, 2));
        assert_ne!(tag(1, 1), tag(2, 1));
    }
}
