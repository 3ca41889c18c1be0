//! Anthropic: messages.

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::models::{Answer, Asked, Provider, Refusal};

/// Its name at the doors.
pub(super) const PARTY: &str = "anthropic";

/// `POST /v1/messages`
pub(super) struct Anthropic;

/// What sets the model up is no message here, and how much it may say has to be said.
#[derive(Deserialize)]
struct Question {
    model: String,
    #[serde(rename = "max_tokens")]
    _max_tokens: u32,
    #[serde(default)]
    system: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "role")]
    _role: Role,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

impl Provider for Anthropic {
    const PARTY: &'static str = PARTY;

    fn has_key(headers: &HeaderMap) -> bool {
        headers.get("x-api-key").is_some_and(|key| !key.is_empty())
    }

    fn asked(headers: &HeaderMap, body: &[u8]) -> Option<Asked> {
        let question: Question = serde_json::from_slice(body).ok()?;
        let contents = question.messages.iter().map(|message| &message.content);
        let whole = headers.contains_key("anthropic-version") && !question.messages.is_empty();
        whole.then(|| Asked {
            characters: contents
                .chain([&question.system])
                .map(|content| content.chars().count())
                .sum(),
            model: question.model,
        })
    }

    fn answer(answer: &Answer) -> Value {
        json!({
            "id": format!("msg_{}", answer.id.simple()),
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": [{"type": "text", "text": answer.text}],
            "stop_reason": "end_turn",
            "stop_sequence": null,
            "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
        })
    }

    fn error(refusal: Refusal) -> Value {
        let kind = match refusal {
            Refusal::NoKey => "authentication_error",
            Refusal::Malformed => "invalid_request_error",
            Refusal::UnknownModel => "not_found_error",
            Refusal::RateLimit => "rate_limit_error",
            Refusal::Upstream => "api_error",
        };
        json!({"type": "error", "error": {"type": kind, "message": refusal.words()}})
    }
}
