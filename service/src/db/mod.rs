//! Postgres: the pool of a process, and what may be said about an error of it.

pub(crate) mod migrations;

use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::settings::Database;

/// A pool that connects when it is first asked, so that a process can start, and say it is unwell, while the database
/// is away. A connection is tested before it is handed out: after an outage no caller meets a dead one.
pub(crate) fn pool(database: &Database, application: &str) -> Result<PgPool, sqlx::Error> {
    // A statement whose client has gone ends within a second, instead of holding its locks to its own end.
    let gone = [("client_connection_check_interval", "1000")];
    let options = database.dsn.options(application)?.options(gone);
    Ok(PgPoolOptions::new()
        .max_connections(database.pool_size)
        .acquire_timeout(database.pool_timeout)
        .test_before_acquire(true)
        .connect_lazy_with(options))
}

/// One connection of its own, for whoever listens: it is held for ever, so it must not come out of a pool that others
/// wait for.
pub(crate) fn ears(database: &Database, application: &str) -> Result<PgPool, sqlx::Error> {
    Ok(PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(database.pool_timeout)
        .connect_lazy_with(database.dsn.options(application)?))
}

/// An error in words that may be logged and stored: the database's own message can quote the values of a row.
pub(crate) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(inner) => {
            let code = inner.code().unwrap_or_default();
            match inner.constraint() {
                Some(constraint) => format!("sqlstate {code} on `{constraint}`"),
                None => format!("sqlstate {code}"),
            }
        }
        sqlx::Error::PoolTimedOut => "no connection came free in time".to_owned(),
        sqlx::Error::Io(inner) => format!("the connection broke ({})", inner.kind()),
        _ => "the driver failed".to_owned(),
    }
}

/// Whether the database said this SQLSTATE.
pub(crate) fn is_code(error: &sqlx::Error, code: &str) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|found| found == code)
}
