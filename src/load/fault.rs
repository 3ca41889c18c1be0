//! What can be wrong with a load before or while it is driven.

use std::io;

/// Why a load could not be made ready or driven.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// The rate is no rate.
    #[error("a load of `{rps}` requests a second for `{seconds}` s cannot be scheduled")]
    Rate {
        /// Requests a second, as asked for.
        rps: f64,
        /// Seconds, as asked for.
        seconds: f64,
    },
    /// The classes do not add up to the load.
    #[error("the classes add up to {classes} requests, the load has {planned}")]
    Mix {
        /// Sum over the classes.
        classes: usize,
        /// What rate and length give.
        planned: usize,
    },
    /// A class wants a larger burst than it has requests.
    #[error("class `{class}` has {count} requests, too few for a burst of {burst}")]
    Burst {
        /// The class.
        class: String,
        /// Its requests.
        count: usize,
        /// Its burst.
        burst: usize,
    },
    /// A request could not be made.
    #[error("request {index} cannot be made: {message}")]
    Request {
        /// Its place in the schedule.
        index: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The machine refused a timer or a runtime.
    #[error("the load generator cannot start")]
    Start(#[source] io::Error),
    /// The runtime went away under the load.
    #[error("the load generator was torn down with its runtime")]
    TornDown,
}
