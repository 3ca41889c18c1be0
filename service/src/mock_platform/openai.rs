//! OpenAI: chat completions.

use axum::http::HeaderMap;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    has_bearer,
    models::{Answer, Asked, Provider, Refusal},
};

/// Its name at the doors.
pub(super) const PARTY: &str = "openai";

/// `POST /v1/chat/completions`
pub(super) struct OpenAi;

#[derive(Deserialize)]
struct Question {
    model: String,
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
    System,
    User,
    Assistant,
}

impl Provider for OpenAi {
    const PARTY: &'static str = PARTY;

    fn has_key(headers: &HeaderMap) -> bool {
        has_bearer(headers)
    }

    fn asked(_: &HeaderMap, body: &[u8]) -> Option<Asked> {
        let question: Question = serde_json::from_slice(body).ok()?;
        let contents = question.messages.iter().map(|message| &message.content);
        (!question.messages.is_empty()).then(|| Asked {
            characters: contents.map(|content| content.chars().count()).sum(),
            model: question.model,
        })
    }

    fn answer(answer: &Answer) -> Value {
        let said = json!({"role": "assistant", "content": answer.text, "refusal": null});
        json!({
            "id": format!("chatcmpl-{}", answer.id.simple()),
            "object": "chat.completion",
            "created": Utc::now().timestamp(),
            "model": answer.model,
            "choices": [{"index": 0, "message": said, "logprobs": null, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": answer.input_tokens,
                "completion_tokens": answer.output_tokens,
                "total_tokens": u64::from(answer.input_tokens) + u64::from(answer.output_tokens),
            },
        })
    }

    fn error(refusal: Refusal) -> Value {
        let (kind, code) = match refusal {
            Refusal::NoKey => ("invalid_request_error", Some("invalid_api_key")),
            Refusal::Malformed => ("invalid_request_error", None),
            Refusal::UnknownModel => ("invalid_request_error", Some("model_not_found")),
            Refusal::RateLimit => ("requests", Some("rate_limit_exceeded")),
            Refusal::Upstream => ("server_error", None),
        };
        json!({"error": {"message": refusal.words(), "type": kind, "param": null, "code": code}})
    }
}
