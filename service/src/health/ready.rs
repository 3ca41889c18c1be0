//! Readiness: the database answers, isolates tenants, keeps the context it is given, and opens our secrets.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Part, word};
use crate::{db, queue, settings::Secret};

/// How long the whole look may take. A database that hangs is as away as one that is gone.
const DEADLINE: Duration = Duration::from_secs(2);

/// Every table with a tenant column has row security enabled and forced, and there are such tables.
const ISOLATES: &str = "
    select coalesce(bool_and(c.relrowsecurity and c.relforcerowsecurity), false)
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')";

/// What was found.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Readiness {
    status: &'static str,
    database: Part,
    rls: Part,
    tenant_guc: Part,
    secrets: Part,
    /// Always empty: a process that lacks a setting does not run. Readers of this answer look for the key.
    missing_required_secrets: [&'static str; 0],
}

impl Readiness {
    /// Whether webhooks may be sent.
    pub(crate) fn is_well(&self) -> bool {
        are_well(&[self.database, self.rls, self.tenant_guc, self.secrets])
    }

    fn of(database: Part, rls: Part, tenant_guc: Part, secrets: Part) -> Self {
        Self {
            status: word(are_well(&[database, rls, tenant_guc, secrets])),
            database,
            rls,
            tenant_guc,
            secrets,
            missing_required_secrets: [],
        }
    }
}

fn are_well(parts: &[Part]) -> bool {
    parts.iter().all(|part| *part == Part::Ok)
}

/// Looks, within the deadline.
pub(crate) async fn look(pool: &PgPool, box_key: &Secret) -> Readiness {
    match tokio::time::timeout(DEADLINE, asked(pool, box_key)).await {
        Ok(Ok((rls, context, secrets))) => {
            Readiness::of(Part::Ok, rls.into(), context.into(), secrets.into())
        }
        Ok(Err(error)) => {
            tracing::warn!(error = db::words(&error), "not ready");
            Readiness::of(Part::Error, Part::Unknown, Part::Unknown, Part::Unknown)
        }
        Err(_) => {
            tracing::warn!(error = "the database did not answer in time", "not ready");
            Readiness::of(Part::Error, Part::Unknown, Part::Unknown, Part::Unknown)
        }
    }
}

/// Row security, context round trip, secrets. The context is local to a transaction that is rolled back, so nothing
/// of it stays on the connection.
async fn asked(pool: &PgPool, box_key: &Secret) -> Result<(bool, bool, bool), sqlx::Error> {
    let tenant = Uuid::new_v4();
    let mut transaction = queue::begin(pool, Some(tenant)).await?;
    let isolates = sqlx::query_scalar(ISOLATES).fetch_one(&mut *transaction).await?;
    let (context, secrets) =
        sqlx::query_as::<_, (Option<Uuid>, bool)>("select current_tenant(), secrets_open($1)")
            .bind(box_key.reveal())
            .fetch_one(&mut *transaction)
            .await?;
    transaction.rollback().await?;
    Ok((isolates, context == Some(tenant), secrets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_is_not_well_is_enough() {
        assert!(Readiness::of(Part::Ok, Part::Ok, Part::Ok, Part::Ok).is_well());
        let unwell = Readiness::of(Part::Ok, Part::Error, Part::Ok, Part::Ok);
        assert_eq!((unwell.is_well(), unwell.status), (false, "unhealthy"));
    }
}
