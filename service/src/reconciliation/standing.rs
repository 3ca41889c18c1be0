//! How a tenant's money stands: its ledger by platform, and the end of its latest run.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::platforms::{self, Platform};

/// How far something is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The latest run went through.
    Verified,
    /// There was none, or it has not ended.
    Pending,
    /// It failed.
    Failed,
}

/// One platform's entries.
pub(crate) struct Sums {
    pub(crate) platform: &'static Platform,
    /// Entries that it verified.
    pub(crate) entries: i64,
    /// What they come to, in cents.
    pub(crate) verified_cents: i64,
    /// When the latest was written.
    pub(crate) latest: Option<DateTime<Utc>>,
}

/// Everything that the APIs say about a tenant.
pub(crate) struct Standing {
    /// The latest run's state.
    pub(crate) state: State,
    /// When the latest run over all platforms went through.
    pub(crate) last_full: Option<DateTime<Utc>>,
    /// Every platform there is, in the order of the list, those without entries too.
    pub(crate) platforms: Vec<Sums>,
}

impl Standing {
    /// A platform's state: there is nothing to verify where nothing was entered.
    pub(crate) fn state_of(&self, sums: &Sums) -> State {
        match self.state {
            State::Verified if sums.entries == 0 => State::Pending,
            state => state,
        }
    }
}

/// Reads the standing of the connection's tenant.
pub(crate) async fn read(connection: &mut PgConnection) -> Result<Standing, sqlx::Error> {
    let latest: Option<String> =
        sqlx::query_scalar("select state from reconciliation_runs order by requested_at desc limit 1")
            .fetch_optional(&mut *connection)
            .await?;
    let last_full = sqlx::query_scalar(
        "select max(last_run_at) from reconciliation_runs where state = 'completed' and not run_metadata ? 'platform'",
    )
    .fetch_one(&mut *connection)
    .await?;
    let sums: Vec<(String, i64, i64, Option<DateTime<Utc>>)> = sqlx::query_as(
        "select verification_source, count(*), sum(verified_total_cents)::bigint, max(created_at)
           from revenue_ledger where verification_source is not null group by 1",
    )
    .fetch_all(connection)
    .await?;
    let platforms = platforms::ALL.iter().map(|platform| {
        let mut found = Sums {
            platform,
            entries: 0,
            verified_cents: 0,
            latest: None,
        };
        for (source, entries, cents, latest) in &sums {
            if platforms::find(source) == Some(platform) {
                found.entries += entries;
                found.verified_cents = found.verified_cents.saturating_add(*cents);
                found.latest = found.latest.max(*latest);
            }
        }
        found
    });
    Ok(Standing {
        state: match latest.as_deref() {
            Some("completed") => State::Verified,
            Some("failed") => State::Failed,
            _ => State::Pending,
        },
        last_full,
        platforms: platforms.collect(),
    })
}

/// Asks for a run, in the caller's transaction: of one platform's payments, or of all. Returns the run's id.
pub(crate) async fn request(
    connection: &mut PgConnection,
    tenant: Uuid,
    user: Uuid,
    platform: Option<&Platform>,
    correlation: Uuid,
) -> Result<Uuid, sqlx::Error> {
    let args = platform.map_or_else(
        || serde_json::json!({}),
        |platform| serde_json::json!({ "platform": platform.id }),
    );
    let mut metadata = args.clone();
    metadata["requested_by"] = user.to_string().into();
    sqlx::query_scalar("select request_reconciliation($1, $2, $3, $4)")
        .bind(tenant)
        .bind(args)
        .bind(metadata)
        .bind(correlation)
        .fetch_one(connection)
        .await
}
