//! A load that is ready to leave: every request made, so that nothing is left to do between schedule and send.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

use super::{Arrival, LoadFault, PreparedRequest, Schedule, pacer::SpanClock, wire};

/// How long the first request must wait at least: the generator needs a moment to start.
const LEAD: Duration = Duration::from_millis(200);
/// What making one request may take before the begin has to be put off.
const LEAD_PER_REQUEST: Duration = Duration::from_micros(300);
/// A stopwatch that begins to run when nothing is left to prepare must not keep anybody waiting longer than this.
const LONGEST_LEAD: Duration = Duration::from_secs(5);

/// A schedule with its requests. Only this can be driven.
#[derive(Debug)]
pub struct Launch {
    pub(super) schedule: Schedule,
    pub(super) requests: Vec<Request<Full<Bytes>>>,
    pub(super) clock: SpanClock,
}

impl Launch {
    /// Make every request of a schedule, now.
    ///
    /// `build` gets the arrival and `at`, its intended send in seconds of the epoch, for bodies and signatures. The
    /// begin of the span is fixed before the first request is made; should making them all take longer than
    /// expected, the span begins as soon as they are made, and `at` lies earlier than the send by that excess.
    pub fn prepare<E: fmt::Display>(
        schedule: Schedule,
        mut build: impl FnMut(&Arrival, i64) -> Result<PreparedRequest, E>,
    ) -> Result<Self, LoadFault> {
        let count = u32::try_from(schedule.list().len()).unwrap_or(u32::MAX);
        let lead = LONGEST_LEAD.min(LEAD + LEAD_PER_REQUEST.saturating_mul(count));
        let clock = SpanClock::beginning_in(lead);
        let begin = SystemTime::now() + lead;
        let mut requests = Vec::with_capacity(schedule.list().len());
        for arrival in schedule.list() {
            let at = epoch_seconds(begin + Duration::from_micros(arrival.intended_us));
            let request = build(arrival, at).map_err(|error| error.to_string());
            let request = request.and_then(|prepared| wire::ready(&prepared));
            let index = arrival.index;
            requests.push(request.map_err(|message| LoadFault::Request { index, message })?);
        }
        Ok(Self {
            schedule,
            requests,
            clock,
        })
    }

    /// The schedule it was made from.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}

fn epoch_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
