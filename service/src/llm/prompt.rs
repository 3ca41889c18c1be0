//! A prompt: what is asked, in the form in which it is encrypted, fingerprinted and sent.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    endpoint::Endpoint,
    wire::{Message, Role},
};

/// What is asked of a model. It has no `Debug`: what is in it must not be logged.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompt {
    /// What was said so far; the last one is to be answered.
    pub(crate) messages: Vec<Message>,
    /// Data to be looked at.
    #[serde(default)]
    pub(crate) context_items: Vec<Value>,
    /// What the answer must look like.
    #[serde(default)]
    pub(crate) response_schema: Option<Value>,
    /// How long the answer may be at most.
    #[serde(default)]
    pub(crate) max_output_tokens: Option<u32>,
}

impl Prompt {
    /// The one text that says the same: equal prompts have equal texts, whatever the order of their keys.
    pub(crate) fn canonical(&self) -> String {
        // What was made of text, numbers and maps with text for keys is always written.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value.sort_all_objects();
        value.to_string()
    }

    /// About how many tokens it has: a token is four characters or so.
    pub(crate) fn tokens(&self) -> u64 {
        self.canonical().chars().count() as u64 / 4
    }

    /// What is kept of it: a digest, from which it cannot be read.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.canonical()))
    }

    /// Under which its answer is found again: the same prompt, of the same model, at the same endpoint.
    pub(crate) fn cache_key(&self, endpoint: Endpoint, model: &str) -> String {
        let parts = serde_json::json!([endpoint.as_str(), model, self.canonical()]);
        hex::encode(Sha256::digest(parts.to_string()))
    }

    /// The messages as a provider gets them: schema and data stand before what was said.
    pub(crate) fn as_sent(&self) -> Vec<Message> {
        let schema = self
            .response_schema
            .iter()
            .map(|schema| format!("Answer with one JSON value that this JSON Schema accepts:\n{schema}"));
        let data = self.context_items.iter().map(|item| format!("Data:\n{item}"));
        let mut messages: Vec<Message> = schema
            .chain(data)
            .map(|content| Message {
                role: Role::System,
                content,
            })
            .collect();
        messages.extend(self.messages.iter().cloned());
        messages
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prompt(value: Value) -> Prompt {
        serde_json::from_value(value).expect("a prompt")
    }

    #[test]
    fn the_order_of_keys_makes_no_difference_and_everything_else_does() {
        let asked = json!({"messages": [{"role": "user", "content": "why?"}], "context_items": [{"a": 1, "b": {"c": 2, "d": 3}}]});
        let same = prompt(
            json!({"context_items": [{"b": {"d": 3, "c": 2}, "a": 1}], "messages": [{"content": "why?", "role": "user"}]}),
        );
        let asked = prompt(asked);
        assert_eq!(asked.fingerprint(), same.fingerprint());
        let key = asked.cache_key(Endpoint::Route, "openai:gpt-4");
        assert_eq!(key, same.cache_key(Endpoint::Route, "openai:gpt-4"));
        assert_ne!(key, asked.cache_key(Endpoint::Explanation, "openai:gpt-4"));
        assert_ne!(key, asked.cache_key(Endpoint::Route, "openai:gpt-4o"));
        let other = prompt(
            json!({"messages": [{"role": "user", "content": "why? "}], "context_items": [{"a": 1, "b": {"c": 2, "d": 3}}]}),
        );
        assert_ne!(asked.fingerprint(), other.fingerprint());
    }

    #[test]
    fn what_is_sent_has_the_schema_and_the_data_before_what_was_said() {
        let sent = prompt(json!({
            "messages": [{"role": "user", "content": "why?"}], "context_items": [{"a": 1}], "response_schema": {"type": "object"}
        }))
        .as_sent();
        let texts: Vec<&str> = sent.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Answer with one JSON value that this JSON Schema accepts:\n{\"type\":\"object\"}",
                "Data:\n{\"a\":1}",
                "why?"
            ]
        );
    }
}
