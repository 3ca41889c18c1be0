//! The health of one service as a state machine: looks go in, health comes out. It holds no clock and starts
//! nothing, so every path through it can be walked in a test.

use std::time::Duration;

use crate::compose::model::Healthcheck;

use super::life::Health;

/// While a service starts it is looked at this often, however long its interval: waiting for the next look is time
/// in which nothing happens.
pub(crate) const EAGER: Duration = Duration::from_millis(100);

/// Looks into health.
#[derive(Debug)]
pub(crate) struct Readiness {
    check: Healthcheck,
    health: Health,
    failures: u32,
    counted_at: Option<Duration>,
}

/// How one look went that did not simply succeed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Words<'a> {
    /// It ended with a code, and said something.
    Ended(i32, &'a str),
    /// It could not be started, and why.
    NotStarted(&'a str),
    /// It was still under way when its time was over.
    TooLate(Duration),
}

/// A look in words, the same on every substrate.
pub(crate) fn spoken(words: Words<'_>) -> String {
    const LONGEST: usize = 400;
    match words {
        Words::Ended(code, said) => {
            let short: String = said.chars().take(LONGEST).collect();
            match (code, short.is_empty()) {
                (0, _) => short,
                (code, true) => format!("the health check exited with {code}"),
                (code, false) => format!("the health check exited with {code}: {short}"),
            }
        }
        Words::NotStarted(why) => format!("the health check could not be started: {why}"),
        Words::TooLate(within) => {
            format!("the health check did not answer within {} ms", within.as_millis())
        }
    }
}

impl Readiness {
    pub(crate) fn new(check: Healthcheck) -> Self {
        Self {
            check,
            health: Health::Starting,
            failures: 0,
            counted_at: None,
        }
    }

    /// How long one look may take.
    pub(crate) fn patience(&self) -> Duration {
        self.check.timeout
    }

    /// How long to wait before the next look.
    pub(crate) fn pause(&self) -> Duration {
        match self.health {
            Health::Starting => self.check.interval.min(EAGER),
            _ => self.check.interval,
        }
    }

    /// One look was made, `at` this time after the start. At most one failure per interval counts, so that looking
    /// eagerly never makes a service unhealthy earlier than its compose file says.
    pub(crate) fn look(&mut self, at: Duration, passed: bool) -> Health {
        if passed {
            self.failures = 0;
            self.counted_at = None;
            self.health = Health::Healthy;
        } else if self.counts(at) {
            self.counted_at = Some(at);
            self.failures += 1;
            if self.failures >= self.check.retries.max(1) {
                self.health = Health::Unhealthy;
            }
        }
        self.health
    }

    fn counts(&self, at: Duration) -> bool {
        let is_forgiven = self.health == Health::Starting && at < self.check.start_period;
        !is_forgiven
            && self
                .counted_at
                .is_none_or(|last| at >= last + self.check.interval)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{EAGER, Health, Readiness};
    use crate::compose::model::Healthcheck;

    fn readiness(retries: u32, start_period: u64) -> Readiness {
        Readiness::new(Healthcheck {
            test: vec!["true".to_owned()],
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            retries,
            start_period: Duration::from_secs(start_period),
        })
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn eager_failures_count_once_per_interval() {
        let mut readiness = readiness(2, 0);
        let seen: Vec<_> = [0, 100, 200, 900].map(|ms| readiness.look(at(ms), false)).into();
        assert_eq!(seen, [Health::Starting; 4]);
        assert_eq!(readiness.look(at(1000), false), Health::Unhealthy);
    }

    #[test]
    fn failures_in_the_start_period_are_forgiven() {
        let mut readiness = readiness(1, 5);
        assert_eq!(readiness.look(at(4999), false), Health::Starting);
        assert_eq!(readiness.look(at(5000), false), Health::Unhealthy);
    }

    #[test]
    fn a_success_forgets_earlier_failures_and_heals_an_unhealthy_service() {
        let mut readiness = readiness(2, 0);
        readiness.look(at(0), false);
        assert_eq!(readiness.look(at(1000), true), Health::Healthy);
        assert_eq!(readiness.look(at(2000), false), Health::Healthy);
        assert_eq!(readiness.look(at(3000), false), Health::Unhealthy);
        assert_eq!(readiness.look(at(4000), true), Health::Healthy);
    }

    #[test]
    fn it_looks_eagerly_only_until_it_knows() {
        let mut readiness = readiness(3, 0);
        assert_eq!(readiness.pause(), EAGER);
        readiness.look(at(0), true);
        assert_eq!(readiness.pause(), Duration::from_secs(1));
    }
}
