//! `migrate`: applies the migrations, as their owner.

use sqlx::{Connection as _, PgConnection};

use crate::{db::migrations, settings::Migrate};

/// Applies what is missing.
pub(crate) async fn run(settings: Migrate) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(&settings.dsn.options("skeldir migrate")?).await?;
    let applied = migrations::apply(&mut connection).await?;
    connection.close().await?;
    tracing::info!(
        applied = applied.len(),
        migrations = applied.join(", "),
        "migrated"
    );
    Ok(())
}
