//! The hold on a connection for the time of one attempt, so that what the database does for the attempt can be ended
//! for certain: dropping a future ends nothing at the other side.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use super::watch::{Stop, Watch};
use crate::db;

/// How often a cancelled statement is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// How often a backend is terminated again that was not seen gone. Each time waits for it up to two seconds.
const TRIES: usize = 5;

/// The backend by its id. It cannot be another's: it lives as long as its connection, which is in our hand. The other
/// two conditions are for the case that it died by itself meanwhile.
macro_rules! of_backend {
    ($selected:literal) => {
        concat!(
            "select ",
            $selected,
            " from pg_stat_activity
               where pid = $1 and usename = current_user and application_name = current_setting('application_name')"
        )
    };
}

const CANCEL: &str = of_backend!("coalesce(bool_and(pg_cancel_backend(pid)), true)");
const IS_QUIET: &str = of_backend!("coalesce(bool_and(state <> 'active'), true)");
const TERMINATE: &str = of_backend!("coalesce(bool_and(pg_terminate_backend(pid, 2000)), true)");

/// A connection, and the backend at its other end.
pub(super) struct Hold {
    connection: PoolConnection<Postgres>,
    backend: i32,
}

impl Hold {
    /// Takes a connection out of the pool.
    pub(super) async fn take(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let backend = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut *connection)
            .await?;
        Ok(Self { connection, backend })
    }

    /// The connection.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Ends whatever the backend still does. At the soft limit it is asked, and has until the hard limit; else, or
    /// then, it is terminated. The connection is given up. Returns what it came to.
    pub(super) async fn put_down(self, pool: &PgPool, stop: Stop, watch: &mut Watch<'_>) -> Stop {
        let mut stop = stop;
        if stop == Stop::Soft {
            ask(pool, CANCEL, self.backend).await;
            tokio::select! {
                () = quiet(pool, self.backend) => {}
                later = watch.hard() => stop = later,
            }
        }
        if stop != Stop::Soft && !terminated(pool, self.backend).await {
            tracing::error!(
                backend = self.backend,
                "the backend of a killed task was not seen gone"
            );
        }
        drop(self.connection.detach());
        stop
    }
}

async fn quiet(pool: &PgPool, backend: i32) {
    while !ask(pool, IS_QUIET, backend).await {
        tokio::time::sleep(LOOK).await;
    }
}

async fn terminated(pool: &PgPool, backend: i32) -> bool {
    for _ in 0..TRIES {
        if ask(pool, TERMINATE, backend).await {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

async fn ask(pool: &PgPool, question: &'static str, backend: i32) -> bool {
    let answer = sqlx::query_scalar(question).bind(backend).fetch_one(pool).await;
    answer.unwrap_or_else(|error| {
        tracing::warn!(backend, error = db::words(&error), "the backend was not reached");
        false
    })
}
