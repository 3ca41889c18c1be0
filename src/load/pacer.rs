//! Waiting for a moment with the kernel's own timer: about 30 µs late, where tokio's is 1.5 ms late.

use std::{io, os::fd::OwnedFd, time::Duration};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

const SECOND_US: u64 = 1_000_000;

/// The monotonic clock, counted from the begin of a span.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanClock {
    begin: Timespec,
}

impl SpanClock {
    /// A clock whose zero lies so far in the future.
    pub(super) fn beginning_in(lead: Duration) -> Self {
        Self {
            begin: clock_gettime(ClockId::Monotonic) + span(duration_us(lead)),
        }
    }

    /// How long from now until its zero; nothing once it has passed.
    pub(super) fn until_begin(self) -> Duration {
        let ahead = self.begin - clock_gettime(ClockId::Monotonic);
        Duration::try_from(ahead).unwrap_or_default()
    }

    /// It shows this moment or a later one. Not the same as comparing [`Self::elapsed_us`], which is 0 all the time
    /// before the begin.
    fn shows(self, at_us: u64) -> bool {
        clock_gettime(ClockId::Monotonic) >= self.begin + span(at_us)
    }

    /// Microseconds since its zero; 0 before it.
    pub(super) fn elapsed_us(self) -> u64 {
        let since = clock_gettime(ClockId::Monotonic) - self.begin;
        Duration::try_from(since).map_or(0, duration_us)
    }
}

/// One timer, armed again for each moment.
#[derive(Debug)]
pub(super) struct Pacer {
    timer: AsyncFd<OwnedFd>,
    clock: SpanClock,
    armed_for: Option<u64>,
}

impl Pacer {
    /// A timer that reads `clock`. Needs a tokio runtime with I/O.
    pub(super) fn new(clock: SpanClock) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, and asks for what the type of an `OwnedFd` already promises"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self {
            timer,
            clock,
            armed_for: None,
        })
    }

    /// Wait until the clock shows `at_us`. May be dropped and asked again: the timer stays armed.
    pub(super) async fn reached(&mut self, at_us: u64) -> io::Result<()> {
        while !self.clock.shows(at_us) {
            self.arm(at_us)?;
            let mut ready = self.timer.readable().await?;
            // Reading takes the expiry off the timer; without it the next wait would end at once.
            let mut expiries = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expiries)?));
            if let Ok(outcome) = read {
                outcome?;
            }
        }
        Ok(())
    }

    fn arm(&mut self, at_us: u64) -> io::Result<()> {
        if self.armed_for == Some(at_us) {
            return Ok(());
        }
        let never_again = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let at = Itimerspec {
            it_interval: never_again,
            it_value: self.clock.begin + span(at_us),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &at)?;
        self.armed_for = Some(at_us);
        Ok(())
    }
}

fn span(us: u64) -> Timespec {
    let seconds = i64::try_from(us / SECOND_US).unwrap_or(i64::MAX / 4);
    let nanos = i64::try_from(us % SECOND_US * 1000).expect("less than a second of nanoseconds");
    Timespec {
        tv_sec: seconds,
        tv_nsec: nanos,
    }
}

fn duration_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Pacer, SpanClock};

    #[tokio::test]
    async fn it_is_never_early_and_a_past_moment_is_reached_at_once() {
        let clock = SpanClock::beginning_in(Duration::from_millis(20));
        let mut pacer = Pacer::new(clock).expect("a timer");
        for at_us in [0, 5_000, 5_001, 40_000, 10_000] {
            pacer.reached(at_us).await.expect("a timer that runs");
            assert!(clock.elapsed_us() >= at_us);
        }
        assert!(clock.elapsed_us() >= 40_000);
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_can_be_taken_up_again() {
        let clock = SpanClock::beginning_in(Duration::ZERO);
        let mut pacer = Pacer::new(clock).expect("a timer");
        let hurry = tokio::time::timeout(Duration::from_millis(5), pacer.reached(60_000));
        assert!(hurry.await.is_err());
        pacer.reached(60_000).await.expect("a timer that runs");
        assert!(clock.elapsed_us() >= 60_000);
    }

    #[tokio::test]
    async fn the_begin_itself_is_waited_for() {
        let clock = SpanClock::beginning_in(Duration::from_millis(40));
        let mut pacer = Pacer::new(clock).expect("a timer");
        pacer.reached(0).await.expect("a timer that runs");
        assert_eq!(clock.until_begin(), Duration::ZERO);
    }

    #[test]
    fn before_its_zero_the_clock_shows_nothing() {
        let clock = SpanClock::beginning_in(Duration::from_mins(1));
        assert_eq!(clock.elapsed_us(), 0);
        assert!(clock.until_begin() > Duration::from_secs(59));
    }
}
