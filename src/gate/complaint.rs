//! Mistakes in a suite: where each stands, what it is and, when we can tell, the way out.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::name::nearest;

/// One mistake in one file of a suite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The file, relative to the suite's folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong: a lower-case fragment, offending text in backticks.
    pub message: String,
    /// What would put it right.
    pub hint: Option<String>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, hint } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Every mistake of every file of a suite, in the order of files and lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints(Vec<Complaint>);

impl Complaints {
    /// The complaints, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Complaint> {
        self.0.iter()
    }

    /// How many there are: at least one.
    #[expect(clippy::len_without_is_empty, reason = "complaints are never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, complaint)| {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{complaint}")
        })
    }
}

impl std::error::Error for Complaints {}

/// A place in a file of the suite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Spot {
    /// The first character of a file.
    pub(super) fn top(file: &str) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }
}

/// Where complaints are gathered while a suite is read. A template that is used ten times is wrong once: the same
/// words about the same place are kept once.
#[derive(Debug, Default)]
pub(super) struct Pile(BTreeSet<Complaint>);

impl Pile {
    /// Complain.
    pub(super) fn add(&mut self, at: &Spot, message: impl Into<String>) {
        self.put(at, message.into(), None);
    }

    /// Complain, and say what would put it right.
    pub(super) fn hint(&mut self, at: &Spot, message: impl Into<String>, hint: impl Into<String>) {
        self.put(at, message.into(), Some(hint.into()));
    }

    /// Complain about a word nobody knows, and suggest the nearest one that somebody does.
    pub(super) fn unknown<'a>(
        &mut self,
        at: &Spot,
        message: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let meant = nearest(word, known).map(|near| format!("did you mean `{near}`?"));
        self.put(at, message.into(), meant);
    }

    fn put(&mut self, at: &Spot, message: String, hint: Option<String>) {
        let Spot { file, line, column } = at;
        self.0.insert(Complaint { file: file.to_string(), line: *line, column: *column, message, hint });
    }

    /// Nobody complained.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was gathered, unless it is nothing.
    pub(super) fn finish(self) -> Result<(), Complaints> {
        if self.0.is_empty() { Ok(()) } else { Err(Complaints(self.0.into_iter().collect())) }
    }
}
