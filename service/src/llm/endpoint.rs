//! What can be asked for.

/// A door of the LLM layer, and what the answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Which model would answer, and its answer.
    Route,
    /// Why something is as it is.
    Explanation,
    /// What happened.
    Investigation,
    /// How to spend.
    BudgetOptimization,
}

impl Endpoint {
    /// As the books and the routes spell it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Explanation => "explanation",
            Self::Investigation => "investigation",
            Self::BudgetOptimization => "budget_optimization",
        }
    }
}
