//! Health: three questions that must not be confused. `live`: does this process answer. `ready`: may it be sent
//! webhooks. `worker`: does the work it asks for get done. In detail: all that is known, for whoever runs the service.

mod detail;
mod ready;
mod worker;

pub(crate) use self::{
    detail::{Detail, look_closely},
    ready::{Readiness, look},
    worker::{Finding, WorkerHealth},
};

/// One part's state, as the answers spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// It was looked at and is well.
    Ok,
    /// It was looked at and is not.
    Error,
    /// It could not be looked at, so nothing is said about it.
    Unknown,
}

impl From<bool> for Part {
    fn from(well: bool) -> Self {
        if well { Self::Ok } else { Self::Error }
    }
}

/// The whole, as the answers spell it.
fn word(well: bool) -> &'static str {
    if well { "ok" } else { "unhealthy" }
}
