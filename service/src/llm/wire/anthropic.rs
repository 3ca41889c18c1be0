//! Messages, as Anthropic has them.

use axum::http::HeaderValue;
use serde::Deserialize;
use serde_json::json;

use super::{Fault, Message, Put, Question, Role, Said, client::credential};
use crate::settings::Secret;

/// The version of the protocol that is spoken here.
const VERSION: &str = "2023-06-01";

/// A question as messages. What sets the model up stands beside them there, not among them.
pub(super) fn put(question: &Question<'_>, api_key: &Secret) -> Result<Put, Fault> {
    let (system, messages): (Vec<&Message>, Vec<&Message>) = question
        .messages
        .iter()
        .partition(|message| message.role == Role::System);
    let mut body = json!({
        "model": question.model,
        "messages": messages,
        "max_tokens": question.max_output_tokens,
    });
    if !system.is_empty() {
        let texts: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
        body["system"] = json!(texts.join("\n\n"));
    }
    Ok(Put {
        path: &["v1", "messages"],
        headers: vec![
            ("x-api-key", credential("", api_key)?),
            ("anthropic-version", HeaderValue::from_static(VERSION)),
        ],
        body: body.to_string(),
    })
}

#[derive(Deserialize)]
struct Reply {
    content: Vec<Block>,
    usage: Usage,
}

/// A piece of a reply. What is no text (a tool to call, a thought) has none.
#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

/// What a reply says: its pieces of text, one after another.
pub(super) fn said(body: &[u8]) -> Result<Said, Fault> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|_| Fault::Unusable("its answer is not a message"))?;
    let texts: Vec<String> = reply.content.into_iter().filter_map(|block| block.text).collect();
    if texts.is_empty() {
        return Err(Fault::Unusable("its answer says nothing"));
    }
    Ok(Said {
        text: texts.concat(),
        input_tokens: reply.usage.input_tokens,
        output_tokens: reply.usage.output_tokens,
    })
}
