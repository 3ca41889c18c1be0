//! The watch over one attempt: its two limits, and the lease that is renewed meanwhile.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    db,
    queue::{self, Task},
    settings::Limits,
    tasks::TaskError,
};

/// Why an attempt must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its soft limit: it is cancelled.
    Soft,
    /// Its hard limit: it is killed.
    Hard,
    /// It is no longer this worker's.
    Lost,
}

impl From<Stop> for TaskError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Soft => Self::Cancelled,
            Stop::Hard => Self::Killed,
            Stop::Lost => Self::Lost,
        }
    }
}

/// Over one attempt.
pub(super) struct Watch<'a> {
    pool: &'a PgPool,
    task: &'a Task,
    lease: Duration,
    /// When the lease ends, by this process' clock: never later than by the database's.
    kept_until: Instant,
    renew_at: Instant,
    soft_at: Instant,
    hard_at: Instant,
}

impl<'a> Watch<'a> {
    /// Over a task that was asked for at `claimed` and got a lease.
    pub(super) fn new(
        pool: &'a PgPool,
        task: &'a Task,
        claimed: Instant,
        lease: Duration,
        limits: Limits,
    ) -> Self {
        let mut watch = Self {
            pool,
            task,
            lease,
            kept_until: claimed + lease,
            renew_at: claimed + lease / 3,
            soft_at: claimed,
            hard_at: claimed,
        };
        watch.allow(limits);
        watch
    }

    /// Sets the limits, counted from now.
    pub(super) fn allow(&mut self, limits: Limits) {
        let now = Instant::now();
        (self.soft_at, self.hard_at) = (now + limits.soft, now + limits.hard);
    }

    /// Keeps the lease until the soft limit, or until it is lost.
    pub(super) async fn soft(&mut self) -> Stop {
        self.until(self.soft_at, Stop::Soft).await
    }

    /// Keeps the lease until the hard limit, or until it is lost.
    pub(super) async fn hard(&mut self) -> Stop {
        self.until(self.hard_at, Stop::Hard).await
    }

    async fn until(&mut self, deadline: Instant, reached: Stop) -> Stop {
        loop {
            sleep_until(deadline.min(self.renew_at)).await;
            if Instant::now() >= deadline {
                return reached;
            }
            if !self.renew(deadline).await {
                return Stop::Lost;
            }
        }
    }

    /// False when the lease is lost: the database says so, or could not be asked until the lease had ended.
    async fn renew(&mut self, deadline: Instant) -> bool {
        let asked = Instant::now();
        let renewal = queue::renew(self.pool, self.task, self.lease);
        match timeout_at(deadline.min(self.kept_until), renewal).await {
            Ok(Ok(true)) => {
                self.kept_until = asked + self.lease;
                self.renew_at = asked + self.lease / 3;
                return true;
            }
            Ok(Ok(false)) => return false,
            Ok(Err(error)) => {
                tracing::warn!(task_id = %self.task.id, error = db::words(&error), "the lease was not renewed");
            }
            Err(_) => tracing::warn!(task_id = %self.task.id, "the lease was not renewed in time"),
        }
        self.renew_at = Instant::now() + self.lease / 10;
        Instant::now() < self.kept_until
    }
}
