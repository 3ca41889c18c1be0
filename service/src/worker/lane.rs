//! A lane: one queue, one task at a time, from claim to end, until the worker is told to stop.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Shared, attempt};
use crate::{db, queue};

/// The longest a lane sleeps without looking, should every notification have been missed.
const LONGEST_IDLE: Duration = Duration::from_secs(1);

/// The shortest: what is due and held by somebody else is not there for the taking, however often one looks.
const SHORTEST_IDLE: Duration = Duration::from_millis(20);

/// The wait after the queue could not be reached.
const AFTER_ERROR: Duration = Duration::from_millis(500);

/// One queue's lane.
pub(super) struct Lane {
    queue: &'static str,
    bell: Arc<Notify>,
    shared: Arc<Shared>,
}

impl Lane {
    /// A lane for `queue`, woken by `bell`.
    pub(super) fn new(queue: &'static str, bell: Arc<Notify>, shared: Arc<Shared>) -> Self {
        Self { queue, bell, shared }
    }

    /// Works until the token is cancelled. A task that has begun is ended first.
    pub(super) async fn run(self, token: CancellationToken) {
        while !token.is_cancelled() {
            let idle = match self.turn().await {
                Ok(None) => continue,
                Ok(Some(idle)) => idle,
                Err(error) => {
                    tracing::warn!(
                        queue = self.queue,
                        error = db::words(&error),
                        "the queue is out of reach"
                    );
                    AFTER_ERROR
                }
            };
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(idle) => {}
                () = token.cancelled() => {}
            }
        }
    }

    /// One task, or how long to wait for one.
    async fn turn(&self) -> Result<Option<Duration>, sqlx::Error> {
        let Shared {
            pool, name, settings, ..
        } = &*self.shared;
        let asked = Instant::now();
        let claimed = queue::claim(pool, self.queue, name, settings.lease, settings.max_retries).await?;
        let Some(task) = claimed else {
            let next = queue::next_in(pool, self.queue).await?;
            let idle = next.unwrap_or(LONGEST_IDLE);
            return Ok(Some(idle.clamp(SHORTEST_IDLE, LONGEST_IDLE)));
        };
        // On its own, so that a task that panics takes no lane with it.
        let (shared, held) = (Arc::clone(&self.shared), task.clone());
        let made = tokio::spawn(async move { attempt::make(&shared, &held, asked).await }).await;
        if made.is_err() {
            attempt::broken(&self.shared, &task, asked).await;
        }
        Ok(None)
    }
}
