//! What the conductor tells while it works. It never prints: the voice does.

use crate::outcome::Outcome;

/// One piece of news.
#[derive(Clone, Debug)]
pub enum News<'a> {
    /// A stage of the corridor begins.
    Stage(&'a str),
    /// Something worth a line inside a stage.
    Detail(String),
    /// A gate begins: its number, of how many, its id and name.
    Gate {
        /// From 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// Its id.
        id: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// What the gate is doing: a look, a control.
    Doing(String),
    /// A load under way.
    Load {
        /// The span.
        span: &'a str,
        /// Sent so far.
        sent: u64,
        /// Planned.
        planned: u64,
    },
    /// A gate was judged.
    Judged {
        /// Its id.
        id: &'a str,
        /// What it came to.
        outcome: Outcome,
        /// The first reason, when it is not a pass.
        reason: Option<String>,
    },
}

/// Whoever listens.
pub type Tell<'a> = &'a dyn Fn(News<'_>);
