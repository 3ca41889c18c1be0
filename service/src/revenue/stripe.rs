//! Stripe's balance: the movements of an account over the last day, page by page.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{StatusCode, header, redirect};
use serde::Deserialize;
use url::Url;

use super::answer::{Total, add_up};
use crate::settings::Secret;

/// Movements per page: the most that Stripe gives.
const PAGE: &str = "100";

/// Pages read at most. Who has more in a day is not told a part of it as the whole.
const MOST_PAGES: usize = 50;

/// The largest page that is read, in bytes: far above what a hundred movements take.
const MOST_BYTES: usize = 1 << 20;

/// The longest that a platform may tell us to wait.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Money that came in, or was paid back to who had paid it. Fees, payouts and transfers are neither.
const REVENUE: [&str; 4] = ["charge", "payment", "refund", "payment_refund"];

/// Why a platform gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It was not reached, or broke off.
    #[error("it was not reached ({0})")]
    Unreachable(&'static str),
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// It has had enough of us, for so long if it said so.
    #[error("it was asked too often")]
    RateLimited(Option<Duration>),
    /// It answered, with an error.
    #[error("it answered {0}")]
    Refused(StatusCode),
    /// It answered, and the answer cannot be used.
    #[error("{0}")]
    Unusable(&'static str),
}

impl Fault {
    /// How long the platform wants to be left alone.
    pub(super) fn wait(&self) -> Duration {
        match self {
            Self::RateLimited(Some(wait)) => (*wait).min(LONGEST_WAIT),
            _ => Duration::ZERO,
        }
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Movement>,
    has_more: bool,
}

/// One movement. The amount is whole units of the currency's smallest: a number with a point in it is refused.
#[derive(Deserialize)]
struct Movement {
    id: String,
    amount: i64,
    currency: String,
    r#type: String,
}

/// Asks one address.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
}

impl Client {
    /// Asks the Stripe that lives at `url`. It follows no redirect: the key goes where it was meant to go.
    pub(super) fn new(url: Url) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, url })
    }

    /// What an account took in during the 24 hours before `until`, by currency.
    pub(super) async fn earned(
        &self,
        account: &str,
        api_key: &Secret,
        until: DateTime<Utc>,
    ) -> Result<Vec<Total>, Fault> {
        let since = (until - TimeDelta::hours(24)).timestamp().to_string();
        let (mut totals, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut url = self.url.clone();
            url.set_path("/v1/balance_transactions");
            url.query_pairs_mut()
                .append_pair("limit", PAGE)
                .append_pair("created[gte]", &since)
                .extend_pairs(after.iter().map(|id| ("starting_after", id)));
            let page = self.page(url, account, api_key).await?;
            after = page.data.last().map(|movement| movement.id.clone());
            for movement in page.data {
                if let Some(total) = total(&movement)? {
                    add_up(&mut totals, vec![total])
                        .ok_or(Fault::Unusable("its amounts are too large to add up"))?;
                }
            }
            if !page.has_more {
                return Ok(totals);
            }
        }
        Err(Fault::Unusable("it has more movements than are read"))
    }

    async fn page(&self, url: Url, account: &str, api_key: &Secret) -> Result<Page, Fault> {
        let asked = self
            .http
            .get(url)
            .bearer_auth(api_key.reveal())
            .header("Stripe-Account", account);
        let mut answer = asked
            .send()
            .await
            .map_err(|_| Fault::Unreachable("it cannot be connected to"))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = answer.headers().get(header::RETRY_AFTER);
                let seconds = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
                return Err(Fault::RateLimited(seconds.map(Duration::from_secs)));
            }
            status => return Err(Fault::Refused(status)),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|_| Fault::Unreachable("its answer broke off"))?
        {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Fault::Unusable("its answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| Fault::Unusable("its answer is not a page of movements"))
    }
}

/// A movement as a total of its own. None when it is not revenue.
fn total(movement: &Movement) -> Result<Option<Total>, Fault> {
    if !REVENUE.contains(&movement.r#type.as_str()) {
        return Ok(None);
    }
    let currency = movement.currency.to_ascii_uppercase();
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(Fault::Unusable("a currency is not three letters"));
    }
    Ok(Some(Total {
        currency,
        revenue_cents: movement.amount,
        transactions: 1,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_amount_is_a_whole_number_or_the_page_is_no_page() {
        let page = |amount| {
            serde_json::from_value::<Page>(json!({
                "data": [{"id": "txn_1", "amount": amount, "currency": "usd", "type": "charge"}], "has_more": false
            }))
        };
        for whole in [json!(29), json!(-29), json!(999_999_999_999_i64)] {
            let movement = &page(whole.clone()).expect("whole").data[0];
            let total = total(movement).expect("usable").expect("revenue");
            assert_eq!(json!(total.revenue_cents), whole);
        }
        for broken in [json!(0.29), json!(1.005), json!(29.0), json!("29"), json!(null)] {
            assert!(page(broken.clone()).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_neither_earned_nor_paid_back_does_not_count() {
        let movement = |kind: &str, currency: &str| Movement {
            id: "txn_1".to_owned(),
            amount: 1,
            currency: currency.to_owned(),
            r#type: kind.to_owned(),
        };
        for (kind, counts) in [("refund", true), ("payout", false), ("stripe_fee", false)] {
            let found = total(&movement(kind, "eur")).expect("usable");
            assert_eq!(found.is_some(), counts, "{kind}");
        }
        assert!(total(&movement("charge", "dollars")).is_err());
    }
}
