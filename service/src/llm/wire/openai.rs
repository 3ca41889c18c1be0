//! Chat completions, as OpenAI and whoever follows it have them.

use serde::Deserialize;
use serde_json::json;

use super::{Fault, Put, Question, Said, client::credential};
use crate::settings::Secret;

/// A question as a chat completion.
pub(super) fn put(question: &Question<'_>, api_key: &Secret) -> Result<Put, Fault> {
    let body = json!({
        "model": question.model,
        "messages": question.messages,
        "max_completion_tokens": question.max_output_tokens,
    });
    Ok(Put {
        path: &["v1", "chat", "completions"],
        headers: vec![("authorization", credential("Bearer ", api_key)?)],
        body: body.to_string(),
    })
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

/// Its content is null when the model would rather call a tool, or say nothing.
#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// What a chat completion says.
pub(super) fn said(body: &[u8]) -> Result<Said, Fault> {
    let completion: Completion =
        serde_json::from_slice(body).map_err(|_| Fault::Unusable("its answer is not a chat completion"))?;
    let text = completion
        .choices
        .into_iter()
        .next()
        .and_then(|choice| choice.message.content)
        .ok_or(Fault::Unusable("its answer says nothing"))?;
    Ok(Said {
        text,
        input_tokens: completion.usage.prompt_tokens,
        output_tokens: completion.usage.completion_tokens,
    })
}
