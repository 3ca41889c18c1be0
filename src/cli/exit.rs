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

/// Every exit code with its sentence, as `--help` shows it.
pub(super) const HELP: &str = "\
Exit codes:
  0   every gate passed and every control bit; the pack is whole, derivable and a pass
  1   a gate failed; the pack is whole and derivable, but not a pass
  2   the command line, the suite, a gate or the compose file is wrong
  3   nothing failed, but something is unproven, inconclusive or was not run;
      or the recorded outcome or a derived file cannot be derived from the evidence
  4   the pack is not whole
  5   the topology did not come up, or what it ran on went away
  6   interrupted; what was seen is on paper
  7   the record cannot be written: its disk is full, or its folder is gone
  70  a bug in closure

Limits of a pack: 65,534 entries, 4 GiB - 1; entries are stored, zip64 is refused.";

impl Exit {
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
    use super::{Exit, HELP};

    #[test]
    fn every_code_has_its_sentence_in_the_help() {
        use Exit::{Bug, Failed, Interrupted, NotUp, NotWhole, Pass, Unproven, Unwritten, Usage};
        for exit in [
            Pass,
            Failed,
            Usage,
            Unproven,
            NotWhole,
            NotUp,
            Interrupted,
            Unwritten,
            Bug,
        ] {
            let code = format!("\n  {}  ", exit.code());
            assert!(HELP.contains(&code), "{code:?}");
        }
    }

    #[test]
    fn an_error_without_a_way_to_end_is_a_bug_and_one_with_it_is_not() {
        assert_eq!(Exit::of(&anyhow::anyhow!("surprise")), Exit::Bug);
        let error = Exit::NotUp.because(anyhow::anyhow!("no Postgres"));
        assert_eq!(Exit::of(&error), Exit::NotUp);
        assert_eq!(error.to_string(), "no Postgres");
    }
}
