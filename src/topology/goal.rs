//! What a service must come to, and whether it is there, on its way, or can never be.

use super::life::{Life, State};
use crate::compose::model::{Condition, Model, Service};

/// What a service must come to before it counts as up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Its process was started.
    Started,
    /// It lives; or it was a one-shot that nobody waits for, and ended with 0.
    Running,
    /// Its health check succeeds.
    Healthy,
    /// It ended with 0.
    Completed,
}

/// How a service stands towards its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Still on its way.
    Rising,
    /// There.
    Ready,
    /// It can never get there.
    Failed,
}

impl Goal {
    /// What a service of a model must come to, started with a definition. A one-shot is one that another service waits
    /// to see completed.
    pub(crate) fn of(model: &Model, name: &str, definition: &Service) -> Self {
        let is_one_shot = model
            .services
            .values()
            .any(|other| other.depends_on.get(name) == Some(&Condition::ServiceCompletedSuccessfully));
        match (is_one_shot, has_check(definition)) {
            (true, _) => Self::Completed,
            (false, true) => Self::Healthy,
            (false, false) => Self::Running,
        }
    }

    /// What a dependency, started with a definition, must come to under a condition.
    pub(crate) fn of_condition(condition: Condition, definition: &Service) -> Self {
        match condition {
            Condition::ServiceStarted => Self::Started,
            Condition::ServiceHealthy if has_check(definition) => Self::Healthy,
            Condition::ServiceHealthy => Self::Running,
            Condition::ServiceCompletedSuccessfully => Self::Completed,
        }
    }

    /// How a life stands towards this goal.
    pub(crate) fn standing(self, life: &Life) -> Standing {
        let is_there = match self {
            Self::Started => life.starts > 0,
            Self::Running => matches!(life.state, State::Running | State::Healthy | State::Completed),
            Self::Healthy => life.state == State::Healthy,
            Self::Completed => life.state == State::Completed,
        };
        let cannot = match self {
            Self::Completed => life.state == State::Exited,
            _ => matches!(life.state, State::Exited | State::Completed | State::Unhealthy),
        };
        match (is_there, cannot) {
            (true, _) => Standing::Ready,
            (false, true) => Standing::Failed,
            (false, false) if life.is_stranded => Standing::Failed,
            (false, false) => Standing::Rising,
        }
    }
}

/// True when a service's health is asked: an empty test is a check switched off.
pub(crate) fn has_check(service: &Service) -> bool {
    service.healthcheck.as_ref().is_some_and(|check| {
        let asks_natively = service
            .native
            .as_ref()
            .is_some_and(|native| !native.health.is_empty());
        asks_natively || !check.test.is_empty()
    })
}
