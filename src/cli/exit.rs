//! Exit codes: one enum, a sentence each. The code always equals what the JSON says.

use std::fmt;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every gate passed and every control bit; a pack is whole, derivable, and its outcome is a pass.
    Pass,
    /// A gate failed; a pack is whole and derivable, but its outcome is not a pass.
    Failed,
    /// The command line, the suite, a gate or the compose file (a variable it requires, too) is wrong.
    Usage,
    /// Nothing failed, but something is unproven, inconclusive or was not run; a pack's outcome or a derived file
    /// cannot be derived from its evidence.
    Unproven,
    /// The pack is not whole.
    NotWhole,
    /// The topology did not come up, or what it ran on went away.
    NotUp,
    /// Interrupted; what was seen is on paper.
    Interrupted,
    /// The record cannot be written: its disk is full, or its folder is gone.
    Unwritten,
    /// A bug in closure.
    Bug,
}

/// What a pack may hold, as `--help` tells it.
const LIMITS: &str = "Limits of a pack: 65,534 entries, 4 GiB - 1; entries are stored, zip64 is refused.";

/// Every exit code with its sentences, and the limits of a pack, as `--help` shows them.
pub(super) fn help() -> String {
    let of_one = |exit: Exit| {
        let below = format!("\n{:6}", "");
        format!("\n  {:<2}  {}", exit.code(), exit.sentences().join(&below))
    };
    let codes: String = Exit::ALL.into_iter().map(of_one).collect();
    format!("Exit codes, of a run and, where that is something else, of a pack:{codes}\n\n{LIMITS}")
}

impl Exit {
    /// Every way of ending, by its code.
    const ALL: [Self; 9] = [
        Self::Pass,
        Self::Failed,
        Self::Usage,
        Self::Unproven,
        Self::NotWhole,
        Self::NotUp,
        Self::Interrupted,
        Self::Unwritten,
        Self::Bug,
    ];

    /// What the code says of a run, or of any command; and, where that is something else, what it says of a pack.
    fn sentences(self) -> &'static [&'static str] {
        match self {
            Self::Pass => &[
                "every gate passed and every control bit",
                "the pack is whole, what it says can be derived, and it says pass",
            ],
            Self::Failed => &[
                "a gate failed",
                "the pack is whole, what it says can be derived, and it does not say pass",
            ],
            Self::Usage => &[
                "the command line, the suite, a gate or the compose file is wrong (a variable it requires, too)",
            ],
            Self::Unproven => &[
                "nothing failed, but something is unproven, inconclusive or was not run",
                "the pack is whole, but its outcome or a derived file cannot be derived from its evidence",
            ],
            Self::NotWhole => {
                &["the pack is not whole: a checksum, a missing or unlisted file, an unsafe archive"]
            }
            Self::NotUp => {
                &["the topology did not come up (a refused setting, too), or what it ran on went away"]
            }
            Self::Interrupted => &["interrupted; what was seen is on paper"],
            Self::Unwritten => &["the record cannot be written: its disk is full, or its folder is gone"],
            Self::Bug => &["a bug in closure"],
        }
    }

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unproven => 3,
            Self::NotWhole => 4,
            Self::NotUp => 5,
            Self::Interrupted => 6,
            Self::Unwritten => 7,
            Self::Bug => 70,
        }
    }

    /// The exit code an error carries, or [`Exit::Bug`] when it carries none.
    pub fn of(error: &anyhow::Error) -> Self {
        error
            .downcast_ref::<Ending>()
            .map_or(Self::Bug, |ending| ending.exit)
    }

    /// Wrap an error in the way it ends the command.
    pub fn because(self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        let error: anyhow::Error = error.into();
        let ending = Ending {
            exit: self,
            words: format!("{error:#}"),
        };
        anyhow::Error::new(ending)
    }
}

/// An error that knows how it ends the command.
#[derive(Debug)]
struct Ending {
    exit: Exit,
    words: String,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Ending {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Exit, help};

    #[test]
    fn every_code_has_its_sentence_in_the_help() {
        let help = help();
        for exit in Exit::ALL {
            let sentence = format!("\n  {:<2}  {}\n", exit.code(), exit.sentences()[0]);
            assert!(help.contains(&sentence), "{sentence:?} in\n{help}");
        }
        let codes: BTreeSet<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(
            codes.into_iter().collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6, 7, 70]
        );
    }

    #[test]
    fn an_error_without_a_way_to_end_is_a_bug_and_one_with_it_is_not() {
        assert_eq!(Exit::of(&anyhow::anyhow!("surprise")), Exit::Bug);
        let error = Exit::NotUp.because(anyhow::anyhow!("no Postgres"));
        assert_eq!(Exit::of(&error), Exit::NotUp);
        assert_eq!(error.to_string(), "no Postgres");
    }
}
