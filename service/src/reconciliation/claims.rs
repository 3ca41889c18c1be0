//! What the platforms claim, asked of them over HTTP, within a deadline and a bound.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use url::Url;
use uuid::Uuid;

/// How long the whole answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// The largest answer that is read.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The most that one claim may be, in cents.
const MOST_CENTS: i64 = 999_999_999_999;

#[derive(Deserialize)]
struct Answer {
    claims: Vec<Claim>,
}

/// One platform's claim of a share in one payment.
#[derive(Deserialize)]
struct Claim {
    transaction_id: String,
    claimed_cents: i64,
    currency: String,
}

/// What all platforms claim of one payment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// In cents.
    pub(crate) cents: i64,
    /// None: they do not even agree on the currency, so there is no sum.
    pub(crate) currency: Option<String>,
}

/// Asks what is claimed of a tenant's payments: by payment. The error says what was wrong, in words that may be stored.
pub(crate) async fn ask(platforms: &Url, tenant: Uuid) -> Result<BTreeMap<String, Claimed>, &'static str> {
    tokio::time::timeout(DEADLINE, answer(platforms, tenant))
        .await
        .unwrap_or(Err("the platforms did not answer in time"))
}

async fn answer(platforms: &Url, tenant: Uuid) -> Result<BTreeMap<String, Claimed>, &'static str> {
    let url = platforms
        .join(&format!("v1/claims/{tenant}"))
        .map_err(|_| "the platforms have no usable address")?;
    let mut response = reqwest::get(url)
        .await
        .map_err(|_| "the platforms are out of reach")?
        .error_for_status()
        .map_err(|_| "the platforms answered with an error")?;
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|_| "the platforms broke off their answer")?
    {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err("the platforms answered at too great a length");
        }
        body.extend_from_slice(&chunk);
    }
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| "the platforms answered with no list of claims")?;
    summed(answer.claims)
}

fn summed(claims: Vec<Claim>) -> Result<BTreeMap<String, Claimed>, &'static str> {
    let mut sums: BTreeMap<String, Claimed> = BTreeMap::new();
    for claim in claims {
        if !(0..=MOST_CENTS).contains(&claim.claimed_cents)
            || !(1..=100).contains(&claim.transaction_id.len())
            || claim.currency.len() != 3
            || !claim.currency.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            return Err("the platforms answered with a claim that cannot be one");
        }
        sums.entry(claim.transaction_id)
            .and_modify(|sum| {
                sum.cents = sum.cents.saturating_add(claim.claimed_cents);
                sum.currency.take_if(|currency| *currency != claim.currency);
            })
            .or_insert(Claimed {
                cents: claim.claimed_cents,
                currency: Some(claim.currency),
            });
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(transaction: &str, cents: i64, currency: &str) -> Claim {
        Claim {
            transaction_id: transaction.to_owned(),
            claimed_cents: cents,
            currency: currency.to_owned(),
        }
    }

    #[test]
    fn claims_of_one_payment_add_up_and_two_currencies_do_not() {
        let sums = summed(vec![
            claim("pi_1", 2_500, "USD"),
            claim("pi_2", 1, "USD"),
            claim("pi_1", 2_500, "USD"),
            claim("pi_2", 1, "EUR"),
        ])
        .expect("they are claims");
        assert_eq!(
            (sums["pi_1"].cents, sums["pi_1"].currency.as_deref()),
            (5_000, Some("USD"))
        );
        assert_eq!(sums["pi_2"].currency, None);
    }

    #[test]
    fn what_cannot_be_a_claim_is_refused() {
        for wrong in [
            claim("pi_1", -1, "USD"),
            claim("", 1, "USD"),
            claim("pi_1", 1, "usd"),
            claim("pi_1", 1, ""),
        ] {
            assert!(summed(vec![wrong]).is_err());
        }
    }
}
