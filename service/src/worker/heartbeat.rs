//! The heartbeat: a file that is touched whenever the worker has reached its database. It stands in for the socket
//! that the worker does not have.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::PgPool;

use crate::db;

const FILE: &str = "worker.heartbeat";
const EVERY: Duration = Duration::from_secs(1);

/// How old the file may be before the worker counts as unwell.
const STALE: Duration = Duration::from_secs(5);

/// Beats for ever.
pub(super) async fn beat(pool: PgPool, folder: PathBuf) {
    let file = folder.join(FILE);
    loop {
        let reached = sqlx::query("select 1").execute(&pool).await;
        match reached {
            Ok(_) => {
                if let Err(error) = tokio::fs::write(&file, b"alive\n").await {
                    tracing::warn!(%error, "the heartbeat was not written");
                }
            }
            Err(error) => tracing::warn!(error = db::words(&error), "the database is out of reach"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether a worker has beaten lately in this folder.
pub(crate) fn is_fresh(folder: &Path) -> bool {
    let age = std::fs::metadata(folder.join(FILE))
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|modified| modified.elapsed().ok());
    age.is_some_and(|age| age <= STALE)
}
