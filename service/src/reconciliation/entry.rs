//! The entry of one payment: what is claimed of it, held against what was captured.

use sqlx::PgConnection;
use uuid::Uuid;

use super::claims::Claimed;

/// What became of one payment's claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// They were entered.
    Written,
    /// The payment was entered before. An entry is never changed.
    Existing,
    /// They are in other money than was captured, so they cannot be compared with it.
    Incomparable,
    /// The payment is not of the platform that was asked for.
    Elsewhere,
}

/// Writes the entry, or finds the one that is there. The tenant is the connection's context.
pub(crate) async fn write(
    connection: &mut PgConnection,
    tenant: Uuid,
    run: Uuid,
    platform: Option<&str>,
    transaction: &str,
    claimed: &Claimed,
) -> Result<Outcome, sqlx::Error> {
    // A vendor that tells of one payment in two kinds of events has captured it once: the larger sum is what moved.
    let captured: Option<(String, i64, String)> = sqlx::query_as(
        "select vendor, revenue_cents, currency from attribution_events
          where external_event_id = $1 order by revenue_cents desc, vendor limit 1",
    )
    .bind(transaction)
    .fetch_optional(&mut *connection)
    .await?;
    let vendor = captured.as_ref().map(|(vendor, ..)| vendor.as_str());
    if platform.is_some() && platform != vendor {
        return Ok(Outcome::Elsewhere);
    }
    let currency = claimed.currency.as_deref();
    let Some(currency) = currency.filter(|claimed| captured.as_ref().is_none_or(|(.., own)| own == claimed))
    else {
        return Ok(Outcome::Incomparable);
    };
    let verified = captured.as_ref().map_or(0, |(_, cents, _)| *cents);
    let entered = sqlx::query(
        "insert into revenue_ledger (tenant_id, transaction_id, state, amount_cents, currency, verification_source,
                                     verification_timestamp, claimed_total_cents, verified_total_cents,
                                     reconciliation_run_id)
         values ($1, $2, case when $4 is null then 'claimed' else 'captured' end, $3, $5, $4,
                 case when $4 is not null then clock_timestamp() end, $6, $3, $7)
             on conflict on constraint one_entry_per_transaction do nothing",
    )
    .bind(tenant)
    .bind(transaction)
    .bind(verified)
    .bind(vendor)
    .bind(currency)
    .bind(claimed.cents)
    .bind(run)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(if entered == 1 {
        Outcome::Written
    } else {
        Outcome::Existing
    })
}
