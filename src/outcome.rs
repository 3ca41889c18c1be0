//! The outcome lattice.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a gate, or a whole run, came to. Ordered from the best to the worst: the worst of several wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every assertion held and every control bit.
    Pass,
    /// Nothing failed, but something could not have gone red.
    Unproven,
    /// We could not see.
    Inconclusive,
    /// It was planned and not done.
    NotRun,
    /// A violation is proven.
    Fail,
}

impl Outcome {
    /// The worst of several outcomes; of none, [`Outcome::NotRun`], because nothing observed proves nothing.
    pub fn worst(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::NotRun)
    }

    /// The word that goes to paper.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unproven => "unproven",
            Self::Inconclusive => "inconclusive",
            Self::NotRun => "not_run",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn the_worst_wins_and_nothing_is_never_a_pass() {
        assert_eq!(
            Outcome::worst([Outcome::Pass, Outcome::Unproven]),
            Outcome::Unproven
        );
        assert_eq!(
            Outcome::worst([Outcome::NotRun, Outcome::Fail, Outcome::Pass]),
            Outcome::Fail
        );
        assert_eq!(Outcome::worst([]), Outcome::NotRun);
    }
}
