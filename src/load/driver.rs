//! The generator: each arrival leaves at its time, as a task of its own, whatever the ones before it are doing.
//!
//! It lives on a thread with a runtime of its own, so that no other work of the harness can stand between the
//! schedule and a send.

use std::{
    future::Future,
    io,
    panic::resume_unwind,
    pin::pin,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    Launch, LoadFault,
    exchange::{Answer, Departure, Outcome},
    pacer::{Pacer, SpanClock},
    wire::{self, Wire},
};
use crate::account::{RequestRow, Trouble, ms, nearest_rank};

/// Bounds of a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// So many requests may wait for their answer at once; a further one is dropped, and that is a failure.
    pub in_flight: usize,
    /// Bound of a connect.
    pub connect_timeout: Duration,
    /// Bound of a whole exchange, from the actual send to the last byte.
    pub timeout: Duration,
    /// Keep what came back, for the recorder.
    pub keep_answers: bool,
}

impl Default for Limits {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            in_flight: 256,
            connect_timeout: second,
            timeout: 5 * second,
            keep_answers: false,
        }
    }
}

/// How a load is getting on, told about once a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Requests of the schedule.
    pub planned: usize,
    /// Sent so far.
    pub sent: usize,
    /// Answered so far, whatever the status.
    pub answered: usize,
    /// Dropped or broken so far, timeouts included.
    pub failed: usize,
    /// Waiting for their answer now.
    pub in_flight: usize,
    /// Lateness of the sends since the last word, 99th percentile; 0 when there were none.
    pub late_p99_ms: f64,
}

/// A load that was driven, to its end or to a stop.
#[derive(Debug)]
pub struct Drive {
    /// One row for each planned request, in the order of the schedule.
    pub rows: Vec<RequestRow>,
    /// What came back, beside its row, when [`Limits::keep_answers`] asked for it; else empty.
    pub answers: Vec<Option<Answer>>,
    /// The span's begin: zero of every time in `rows`.
    pub began: SystemTime,
    /// The same moment on the monotonic clock.
    pub began_at: Instant,
    /// When the last answer was in.
    pub ended: SystemTime,
    /// It was stopped before its end; what had not left or not come back is `cancelled`.
    pub stopped: bool,
}

/// Drive a load. `stop` ends it early with the rows so far; dropping the future ends it and forgets them.
///
/// `progress` is called from the generator's thread and must return at once.
pub async fn drive(
    launch: Launch,
    limits: Limits,
    stop: impl Future<Output = ()> + Send + 'static,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Drive, LoadFault> {
    // Whoever drops this future drops `alive`, and the thread hears it.
    let (alive, abandoned) = oneshot::channel::<()>();
    let stop = async {
        tokio::select! {
            () = stop => {}
            _ = abandoned => {}
        }
    };
    let thread = tokio::task::spawn_blocking(move || on_this_thread(launch, limits, stop, progress));
    let drive = match thread.await {
        Ok(drive) => drive,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => Err(LoadFault::TornDown),
    };
    drop(alive);
    drive
}

fn on_this_thread(
    launch: Launch,
    limits: Limits,
    stop: impl Future<Output = ()>,
    progress: impl FnMut(Progress),
) -> Result<Drive, LoadFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(LoadFault::Start)?.block_on(async {
        let mut generator = Generator::new(launch, limits)?;
        let began = SystemTime::now() + generator.clock.until_begin();
        let began_at = Instant::now() + generator.clock.until_begin();
        let stopped = generator.run(stop, progress).await.map_err(LoadFault::Start)?;
        let Generator { rows, answers, .. } = generator;
        Ok(Drive {
            rows,
            answers,
            began,
            began_at,
            ended: SystemTime::now(),
            stopped,
        })
    })
}

struct Generator {
    limits: Limits,
    client: Wire,
    clock: SpanClock,
    pacer: Pacer,
    ticks: Interval,
    waiting: std::vec::IntoIter<Request<Full<Bytes>>>,
    next: usize,
    tasks: JoinSet<Outcome>,
    rows: Vec<RequestRow>,
    answers: Vec<Option<Answer>>,
    so_far: Progress,
    lateness: Vec<u64>,
}

impl Generator {
    fn new(launch: Launch, limits: Limits) -> Result<Self, LoadFault> {
        // The begin may have passed while the requests were made: then it is now, not in the past.
        let clock = match launch.clock.until_begin() {
            Duration::ZERO => SpanClock::beginning_in(Duration::ZERO),
            _ => launch.clock,
        };
        let rows = launch.schedule.blank_rows();
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self {
            client: wire::client(&limits),
            clock,
            pacer: Pacer::new(clock).map_err(LoadFault::Start)?,
            ticks,
            waiting: launch.requests.into_iter(),
            next: 0,
            tasks: JoinSet::new(),
            answers: if limits.keep_answers {
                vec![None; rows.len()]
            } else {
                Vec::new()
            },
            so_far: Progress {
                planned: rows.len(),
                ..Progress::default()
            },
            lateness: Vec::new(),
            rows,
            limits,
        })
    }

    /// Until everything is sent and answered, or stopped. Says whether it was stopped.
    async fn run(
        &mut self,
        stop: impl Future<Output = ()>,
        mut progress: impl FnMut(Progress),
    ) -> io::Result<bool> {
        let mut stop = pin!(stop);
        loop {
            let due = self.rows.get(self.next).map(|row| row.intended_us);
            if due.is_none() && self.tasks.is_empty() {
                progress(self.word());
                return Ok(false);
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(true),
                woken = self.pacer.reached(due.unwrap_or(u64::MAX)), if due.is_some() => {
                    woken?;
                    self.send_all_due();
                }
                Some(outcome) = self.tasks.join_next() => self.settle(outcome),
                _ = self.ticks.tick() => progress(self.word()),
            }
        }
    }

    fn send_all_due(&mut self) {
        let now = self.clock.elapsed_us();
        while self.rows.get(self.next).is_some_and(|row| row.intended_us <= now) {
            let Some(request) = self.waiting.next() else {
                return;
            };
            self.send(request);
            self.next += 1;
        }
    }

    fn send(&mut self, request: Request<Full<Bytes>>) {
        while self.tasks.len() >= self.limits.in_flight {
            // Only what has ended already makes room: waiting here would hold up the schedule.
            let Some(outcome) = self.tasks.try_join_next() else {
                self.rows[self.next].error = Some(Trouble::Dropped);
                self.so_far.failed += 1;
                return;
            };
            self.settle(outcome);
        }
        let row = &mut self.rows[self.next];
        // From here on it may be on its way: a stop must not leave it among those that never left.
        let now = self.clock.elapsed_us();
        row.sent_us = Some(now);
        self.lateness.push(now.saturating_sub(row.intended_us));
        self.so_far.sent += 1;
        let departure = Departure::new(self.next, request, &self.client, self.clock, &self.limits);
        self.tasks.spawn(departure.exchange());
    }

    fn settle(&mut self, outcome: Result<Outcome, tokio::task::JoinError>) {
        let mut outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => resume_unwind(error.into_panic()),
        };
        let row = &mut self.rows[outcome.index];
        outcome.write(row);
        self.so_far.answered += usize::from(row.was_answered());
        self.so_far.failed += usize::from(!row.was_answered());
        if let Some(slot) = self.answers.get_mut(outcome.index) {
            *slot = outcome.answer.take();
        }
    }

    fn word(&mut self) -> Progress {
        self.lateness.sort_unstable();
        self.so_far.late_p99_ms = nearest_rank(&self.lateness, 990).map_or(0.0, ms);
        self.lateness.clear();
        self.so_far.in_flight = self.tasks.len();
        self.so_far.clone()
    }
}

#[cfg(test)]
mod tests;
