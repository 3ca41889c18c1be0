//! Why a task did not do what it was asked, in words that may be logged and stored: none of them quotes a value.

use crate::db;

/// Why a task did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// It was asked for something that cannot be done, now or later.
    #[error("{0}")]
    Refused(&'static str),
    /// The database did not do it this time.
    #[error("{}", db::words(.0))]
    Database(#[from] sqlx::Error),
    /// It ran into its hard limit and was dropped.
    #[error("the task ran into its hard limit")]
    TimedOut,
}

/// What Postgres says when it cancels a statement, here always for the soft limit.
const QUERY_CANCELED: &str = "57014";

impl TaskError {
    /// The word that is logged, stored and counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "validation_error",
            Self::Database(error) if db::is_code(error, QUERY_CANCELED) => "soft_time_limit",
            Self::Database(_) => "database_error",
            Self::TimedOut => "hard_time_limit",
        }
    }

    /// Whether trying again can help.
    pub(crate) const fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
