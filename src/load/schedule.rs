//! The schedule: every arrival with its time, its class and its key, made before anything is sent.

use super::{LoadFault, mix};
use crate::account::{Lands, RequestRow, Trouble};

/// More arrivals than this do not fit comfortably into memory as prepared requests.
const MOST_ARRIVALS: f64 = 5_000_000.0;
const SECOND_US: f64 = 1_000_000.0;

/// How arrivals lie in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// The i-th at i/rps seconds; the rate may be fractional.
    Steady {
        /// Requests a second.
        rps: f64,
        /// Length in seconds.
        seconds: f64,
    },
    /// All of them at the same instant.
    Burst(usize),
}

/// One class of the mix.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassPlan {
    /// Its name.
    pub name: String,
    /// Exactly how many of the arrivals are of it.
    pub count: usize,
    /// All of them carry one key: replays.
    pub same_key: bool,
    /// So many of them leave at one instant, the first ones, so that they race to be the first; 0 or 1 for none.
    pub burst: usize,
    /// Where each of them ought to end.
    pub lands: Lands,
    /// What the canonical row of each ought to carry, in cents.
    pub cents: i64,
}

/// One arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// Place in the schedule, from 0.
    pub index: usize,
    /// Index of its class in [`Schedule::classes`].
    pub class: usize,
    /// Its idempotency key.
    pub key: String,
    /// Intended send in microseconds from the span's begin; never earlier than that of the arrival before it.
    pub intended_us: u64,
}

/// Every arrival of a load, in the order of their times.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    arrivals: Arrivals,
    classes: Vec<ClassPlan>,
    list: Vec<Arrival>,
}

impl Arrivals {
    /// How many arrivals there are: rate times length, rounded; or why that is no number of arrivals.
    pub fn count(self) -> Result<usize, LoadFault> {
        match self {
            Self::Burst(count) => Ok(count),
            Self::Steady { rps, seconds } => {
                let total = (rps * seconds).round();
                let good = rps > 0.0 && seconds > 0.0 && seconds <= 86_400.0 && total <= MOST_ARRIVALS;
                if good {
                    Ok(whole(total))
                } else {
                    Err(LoadFault::Rate { rps, seconds })
                }
            }
        }
    }

    /// Requests a second; 0 for a burst.
    pub fn target_rps(self) -> f64 {
        match self {
            Self::Steady { rps, .. } => rps,
            Self::Burst(_) => 0.0,
        }
    }

    /// Length in seconds; 0 for a burst.
    pub fn seconds(self) -> f64 {
        match self {
            Self::Steady { seconds, .. } => seconds,
            Self::Burst(_) => 0.0,
        }
    }

    /// Intended time of one arrival. Computed from its index, so that no error adds up along the run.
    #[expect(clippy::cast_precision_loss, reason = "an index is at most a few millions")]
    fn at_us(self, index: usize) -> u64 {
        match self {
            Self::Steady { rps, .. } => whole((index as f64 * SECOND_US / rps).round()) as u64,
            Self::Burst(_) => 0,
        }
    }
}

impl Schedule {
    /// Spread the classes over the arrivals and give each its key.
    ///
    /// The same `seed` gives the same schedule. `key` is asked with the index of an arrival; the arrivals of a
    /// `same_key` class all carry what it says for the first of them.
    pub fn new(
        arrivals: Arrivals,
        classes: Vec<ClassPlan>,
        seed: &str,
        mut key: impl FnMut(usize) -> String,
    ) -> Result<Self, LoadFault> {
        let planned = arrivals.count()?;
        check(&classes, planned)?;
        let times: Vec<u64> = (0..planned).map(|index| arrivals.at_us(index)).collect();
        let mix = mix::arrange(&classes, seed, &times);
        let mut shared: Vec<Option<String>> = vec![None; classes.len()];
        let mut list = Vec::with_capacity(planned);
        for (index, (class, intended_us)) in mix.into_iter().enumerate() {
            let key = match &mut shared[class] {
                Some(shared) => shared.clone(),
                slot if classes[class].same_key => slot.insert(key(index)).clone(),
                _ => key(index),
            };
            list.push(Arrival {
                index,
                class,
                key,
                intended_us,
            });
        }
        Ok(Self {
            arrivals,
            classes,
            list,
        })
    }

    /// How the arrivals lie in time.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals
    }

    /// The classes, in the order they were given.
    pub fn classes(&self) -> &[ClassPlan] {
        &self.classes
    }

    /// Every arrival, in the order of their times.
    pub fn list(&self) -> &[Arrival] {
        &self.list
    }

    /// The row of each arrival as a stop before its send would leave it.
    pub(super) fn blank_rows(&self) -> Vec<RequestRow> {
        let blank = |arrival: &Arrival| {
            let class = &self.classes[arrival.class];
            RequestRow {
                index: arrival.index,
                key: arrival.key.clone(),
                class: class.name.clone(),
                lands: class.lands,
                cents: class.cents,
                intended_us: arrival.intended_us,
                sent_us: None,
                done_us: None,
                status: 0,
                error: Some(Trouble::Cancelled),
                bytes: 0,
            }
        };
        self.list.iter().map(blank).collect()
    }
}

fn check(classes: &[ClassPlan], planned: usize) -> Result<(), LoadFault> {
    if let Some(class) = classes.iter().find(|class| class.burst > class.count) {
        let (count, burst) = (class.count, class.burst);
        return Err(LoadFault::Burst {
            class: class.name.clone(),
            count,
            burst,
        });
    }
    match classes.iter().map(|class| class.count).sum() {
        sum if sum == planned => Ok(()),
        classes => Err(LoadFault::Mix { classes, planned }),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only values that were checked to be positive and small come here"
)]
fn whole(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests;
