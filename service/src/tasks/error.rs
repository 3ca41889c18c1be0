//! Why a task did not do what it was asked, in words that may be logged and stored.

use crate::db;

/// Why a task did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// It was asked for something that cannot be done, now or later.
    #[error("{0}")]
    Refused(&'static str),
    /// It could not do it this time.
    #[error("{0}")]
    Failed(&'static str),
    /// The database did not do it this time.
    #[error("{}", db::words(.0))]
    Database(#[from] sqlx::Error),
    /// Its computing process could not do what it was asked, now or later.
    #[error("{0}")]
    Declined(String),
    /// Its computing process ended without an answer.
    #[error("the computing process {0}")]
    Computing(String),
    /// It ran into its soft limit, and what it was doing was cancelled.
    #[error("the task ran into its soft limit and was cancelled")]
    Cancelled,
    /// It ran into its hard limit, and what it was doing was killed.
    #[error("the task ran into its hard limit and was killed")]
    Killed,
    /// Its lease ended while it worked: it is, or will be, somebody else's.
    #[error("the lease was lost")]
    Lost,
}

impl TaskError {
    /// The word that is logged, stored and counted.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::Declined(_) => "validation_error",
            Self::Failed(_) | Self::Computing(_) => "application_error",
            Self::Database(_) => "database_error",
            Self::Cancelled => "soft_time_limit",
            Self::Killed => "hard_time_limit",
            Self::Lost => "lease_lost",
        }
    }

    /// Whether trying again can help. What had to be killed would only have to be killed again.
    pub(crate) const fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Declined(_) | Self::Killed)
    }
}

/// A limit that a computation ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overrun {
    /// It was asked to end, and did.
    Soft,
    /// It was killed.
    Hard,
}

impl From<Overrun> for TaskError {
    fn from(overrun: Overrun) -> Self {
        match overrun {
            Overrun::Soft => Self::Cancelled,
            Overrun::Hard => Self::Killed,
        }
    }
}
