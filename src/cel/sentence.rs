//! A sentence: one compiled CEL expression.

use std::{collections::BTreeSet, fmt, sync::Arc};

use cel::{Env, Program};

/// One CEL expression, compiled, with the names it reads and the functions it calls.
#[derive(Clone)]
pub struct Sentence {
    source: Arc<str>,
    program: Arc<Program>,
}

/// Why a text is not CEL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong, in words, without position.
    pub message: String,
    /// Line inside the expression, from 1.
    pub line: usize,
    /// Column inside the expression, from 1.
    pub column: usize,
}

impl Sentence {
    /// Compile one expression.
    pub fn compile(source: &str) -> Result<Self, Fault> {
        let program = Env::stdlib().compile(source).map_err(|errors| Fault {
            message: errors.to_string(),
            line: 1,
            column: 1,
        })?;
        Ok(Self {
            source: source.into(),
            program: Arc::new(program),
        })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The free names it reads: not those its own comprehensions bind.
    pub fn reads(&self) -> BTreeSet<String> {
        self.program
            .references()
            .variables()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// The functions and methods it calls, operators aside.
    pub fn calls(&self) -> BTreeSet<String> {
        self.program
            .references()
            .functions()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sentence({:?})", self.source)
    }
}

impl PartialEq for Sentence {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
