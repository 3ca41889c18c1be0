//! The wires: one question to one provider of language models, and what came back. Whether it may be asked, and what
//! that costs, is not known here.
//!
//! No client crate fits, so the two protocols are written out. `async-openai` speaks one of them; `genai` speaks both, and
//! switches gzip, charsets and HTTP/2 on for every other client of the workspace; `rig-core` has no place for the headers
//! of one call. All three read an answer to its end, however long it is, and bring twenty to forty crates for two
//! requests and two answers.

mod anthropic;
mod client;
mod fault;
mod openai;
#[cfg(test)]
mod tests;
mod transport;

use std::fmt;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::{client::Client, fault::Fault};
use crate::settings::Secret;

/// The tag on every call of a model: who adjudicates this system finds its one boundary by it.
pub(crate) const BOUNDARY_ID: &str = "b07_p3_aisuite_chokepoint";

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Chat completions, as OpenAI has them.
    OpenAi,
    /// Messages, as Anthropic has them.
    Anthropic,
}

/// A provider: how it is spoken to, where it is, and our key there.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// How it is spoken to.
    pub(crate) wire: Wire,
    /// What the protocol's own path is put behind.
    pub(crate) url: Url,
    /// Who we are there.
    pub(crate) api_key: Secret,
}

/// Who speaks
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Whoever sets the model up
    System,
    /// Whoever asks it
    User,
    /// The model itself, earlier
    Assistant,
}

/// One message of a prompt
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// Who speaks
    pub(crate) role: Role,
    /// What is said
    pub(crate) content: String,
}

impl fmt::Debug for Message {
    /// Its content is a prompt, and a prompt is stored nowhere: not in a log either.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Message")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What a model is asked, by whom, and under which id.
pub(crate) struct Question<'a> {
    /// Which model, by the provider's name for it.
    pub(crate) model: &'a str,
    /// What is asked.
    pub(crate) messages: &'a [Message],
    /// How much it may say.
    pub(crate) max_output_tokens: u32,
    /// The caller's own id of it.
    pub(crate) request_id: Uuid,
    /// Ours. The same question again has the same: a provider that knows it answers, and charges, once. The caller's would
    /// not do: two tenants, or two doors, may be asked under the same.
    pub(crate) call: Uuid,
    /// For whom.
    pub(crate) tenant: Uuid,
}

/// What a model said, and what was counted.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// What it said.
    pub(crate) text: String,
    /// What the provider counted of the question.
    pub(crate) input_tokens: u64,
    /// What the provider counted of the answer.
    pub(crate) output_tokens: u64,
}

impl fmt::Debug for Said {
    /// What it said may repeat the prompt.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Said")
            .field("input_tokens", &self.input_tokens)
            .field("output_tokens", &self.output_tokens)
            .finish_non_exhaustive()
    }
}

/// A question as one of the protocols puts it.
struct Put {
    path: &'static [&'static str],
    headers: Vec<(&'static str, HeaderValue)>,
    body: String,
}
