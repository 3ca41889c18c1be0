//! The providers there are, by name. Which of them answers what is the policy's to say; where they live is a setting.

use serde::Deserialize;

/// A provider's name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Name {
    /// Speaks `OpenAI`'s protocol.
    OpenAi,
    /// Speaks Anthropic's.
    Anthropic,
}

impl Name {
    /// As the books spell it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// The one that is spelled so.
    pub(crate) fn read(word: &str) -> Option<Self> {
        [Self::OpenAi, Self::Anthropic]
            .into_iter()
            .find(|name| name.as_str() == word)
    }
}
