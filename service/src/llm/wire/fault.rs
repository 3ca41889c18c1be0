//! Why a provider gave no answer.

use axum::http::StatusCode;

/// Why a provider gave no answer. It holds nothing of what was asked or said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// It was not reached, or broke off.
    #[error("it was not reached, or broke off")]
    Unreachable,
    /// It has had enough of us.
    #[error("it was asked too often")]
    RateLimited,
    /// It answered, with an error or with a way elsewhere.
    #[error("it answered {0}")]
    Refused(StatusCode),
    /// It answered and the answer cannot be used, or it cannot be asked as it is configured.
    #[error("{0}")]
    Unusable(&'static str),
}

impl Fault {
    /// The fault in one word, for ledgers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Unreachable => "unreachable",
            Self::RateLimited => "rate_limited",
            Self::Refused(_) => "refused",
            Self::Unusable(_) => "unusable",
        }
    }
}
