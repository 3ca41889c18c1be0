//! What can keep a whole pack from being believed: one reason, a stable word and a sentence each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a recorded thing does not follow from the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A file that everything rests on cannot be read.
    Unreadable,
    /// The gates or the suite in the pack are not well formed.
    BadSuite,
    /// The plan in the pack is not the one its suite and compose file make.
    PlanNotDerivable,
    /// A gate was reported that was not planned, or planned and not reported.
    GateSets,
    /// A gate's recorded outcome does not follow from its observations.
    OutcomeNotDerivable,
    /// A derived file is not what the record makes.
    FileNotDerivable,
    /// A derived file is missing.
    FileMissing,
    /// A file plays the role of a derived one, and nothing derives it.
    FileUnexplained,
    /// A load's figures do not follow from its requests.
    LoadNotDerivable,
    /// What is said of a contract does not follow from the recorded exchanges.
    ContractNotDerivable,
    /// The seal was broken while the run went on.
    SealBroken,
    /// The pack was made from another plan than the reviewer expects.
    OtherPlan,
    /// The pack was made with other gates than the reviewer holds.
    OtherGates,
}

impl Reason {
    /// The reason in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => "a file that everything rests on cannot be read",
            Self::BadSuite => "the suite in the pack is not well formed",
            Self::PlanNotDerivable => "the plan is not the one that the pack's suite and compose file make",
            Self::GateSets => "the gates declared, executed and reported are not the same",
            Self::OutcomeNotDerivable => "the recorded outcome does not follow from the observations",
            Self::FileNotDerivable => "a derived file is not what the record makes",
            Self::FileMissing => "a derived file is missing",
            Self::FileUnexplained => "nothing in the record explains this file",
            Self::LoadNotDerivable => "the figures do not follow from the recorded requests and rows",
            Self::ContractNotDerivable => {
                "what is said of the contract does not follow from the recorded exchanges"
            }
            Self::SealBroken => "what was under test changed while the run went on",
            Self::OtherPlan => "the pack was made from another plan",
            Self::OtherGates => "the pack was made with other gates than yours",
        }
    }
}

/// One thing that does not follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Why.
    pub code: Reason,
    /// Which file or gate.
    pub path: String,
    /// What was compared.
    pub what: String,
    /// What follows from the evidence.
    pub expected: String,
    /// What the pack says.
    pub actual: String,
}

impl Doubt {
    /// A doubt about a file or a gate.
    pub fn new(
        code: Reason,
        path: impl Into<String>,
        what: impl Into<String>,
        expected: impl fmt::Display,
        actual: impl fmt::Display,
    ) -> Self {
        let [expected, actual] = [expected.to_string(), actual.to_string()];
        Self {
            code,
            path: path.into(),
            what: what.into(),
            expected,
            actual,
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = serde_json::to_value(self.code)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned));
        write!(
            f,
            "{}: {}: `{}`",
            word.unwrap_or_default(),
            self.code.sentence(),
            self.path
        )?;
        write!(
            f,
            "\n  {}\n  expected  {}\n  actual    {}",
            self.what, self.expected, self.actual
        )
    }
}
