//! Providers of language models: what they have in common. How each of them puts it stands in a file of its own.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Stage,
    moods::{Script, Trouble},
    prices,
    receipts::Ticket,
};

/// Answers remembered at most, for whoever asks again; the oldest are forgotten first.
const REMEMBERED: usize = 10_000;

/// Characters that make a token, about.
const TOKEN: usize = 4;

/// What a model says until it is told otherwise. It repeats nothing of what it was asked.
const USUAL: &str = "Every channel was weighed by the revenue that it brought in.";

/// The header by which the same question is known again.
const AGAIN: HeaderName = HeaderName::from_static("idempotency-key");

/// How one provider puts what all of them do.
pub(super) trait Provider {
    /// Its name at the doors.
    const PARTY: &'static str;

    /// Whether a call has a key. Any will do.
    fn has_key(headers: &HeaderMap) -> bool;

    /// What is asked. None when it is not asked as this provider wants it.
    fn asked(headers: &HeaderMap, body: &[u8]) -> Option<Asked>;

    /// Its answer.
    fn answer(answer: &Answer) -> Value;

    /// Its error.
    fn error(refusal: Refusal) -> Value;
}

/// What a provider is asked.
pub(super) struct Asked {
    /// Which model.
    pub(super) model: String,
    /// Of all messages.
    pub(super) characters: usize,
}

/// What a provider answers.
#[derive(Clone)]
pub(super) struct Answer {
    /// Of this answer.
    pub(super) id: Uuid,
    /// Who says it.
    pub(super) model: String,
    /// What it says.
    pub(super) text: String,
    /// What is counted of the question.
    pub(super) input_tokens: u32,
    /// What is counted of the answer.
    pub(super) output_tokens: u32,
}

impl Answer {
    fn new(asked: Asked, script: Script) -> Self {
        let text = script.text.unwrap_or_else(|| USUAL.to_owned());
        Self {
            id: Uuid::new_v4(),
            input_tokens: script.input_tokens.unwrap_or_else(|| tokens(asked.characters)),
            output_tokens: script
                .output_tokens
                .unwrap_or_else(|| tokens(text.chars().count())),
            model: asked.model,
            text,
        }
    }
}

fn tokens(characters: usize) -> u32 {
    u32::try_from(characters.div_ceil(TOKEN)).unwrap_or(u32::MAX)
}

/// Why a provider does not answer.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    /// There is no key.
    NoKey,
    /// This is not how it is asked.
    Malformed,
    /// It does not offer this model.
    UnknownModel,
    /// It has had enough.
    RateLimit,
    /// It has trouble of its own.
    Upstream,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::UnknownModel => StatusCode::NOT_FOUND,
            Self::RateLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::Upstream => StatusCode::BAD_GATEWAY,
        }
    }

    /// The refusal in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoKey => "there is no key",
            Self::Malformed => "this is not a question",
            Self::UnknownModel => "there is no such model",
            Self::RateLimit => "there were too many questions",
            Self::Upstream => "there is trouble here",
        }
    }
}

/// Answers that were given, by party and key.
#[derive(Default)]
pub(super) struct Given(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    answers: HashMap<(&'static str, String), Answer>,
    order: VecDeque<(&'static str, String)>,
}

impl Given {
    /// The answer that this key got before, or a new one; and whether it was given before.
    fn again_or(
        &self,
        party: &'static str,
        key: Option<&str>,
        new: impl FnOnce() -> Answer,
    ) -> (Answer, bool) {
        let Some(key) = key else { return (new(), false) };
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (party, key.to_owned());
        if let Some(answer) = memory.answers.get(&key) {
            return (answer.clone(), true);
        }
        if memory.order.len() == REMEMBERED
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.answers.remove(&oldest);
        }
        let answer = new();
        memory.order.push_back(key.clone());
        memory.answers.insert(key, answer.clone());
        (answer, false)
    }
}

/// A question to a model. Whoever puts it properly meets the provider's mood, and pays for an answer that is not a
/// repetition. Whoever does not wait for it pays nothing.
pub(super) async fn answer<P: Provider>(
    State(stage): State<Arc<Stage>>,
    Extension(ticket): Extension<Ticket>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !P::has_key(&headers) {
        return refused::<P>(Refusal::NoKey);
    }
    let Some(asked) = P::asked(&headers, &body) else {
        return refused::<P>(Refusal::Malformed);
    };
    stage
        .receipts
        .note(ticket, |receipt| receipt.model = Some(asked.model.clone()));
    let Some(price) = prices::of(P::PARTY, &asked.model) else {
        return refused::<P>(Refusal::UnknownModel);
    };
    let script = match stage.moods.prevail(P::PARTY).await {
        Ok(script) => script,
        Err(Trouble::RateLimit { retry_after }) => {
            let after = [(header::RETRY_AFTER, retry_after.to_string())];
            return (after, refused::<P>(Refusal::RateLimit)).into_response();
        }
        Err(Trouble::Upstream) => return refused::<P>(Refusal::Upstream),
    };
    let key = headers.get(AGAIN).and_then(|value| value.to_str().ok());
    let (answer, replayed) = stage.given.again_or(P::PARTY, key, || Answer::new(asked, script));
    stage.receipts.note(ticket, |receipt| {
        receipt.tokens_in = Some(answer.input_tokens);
        receipt.tokens_out = Some(answer.output_tokens);
        receipt.cost_cents = (!replayed).then(|| price.cents(answer.input_tokens, answer.output_tokens));
        receipt.replayed = replayed;
    });
    Json(P::answer(&answer)).into_response()
}

fn refused<P: Provider>(refusal: Refusal) -> Response {
    (refusal.status(), Json(P::error(refusal))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let asked = Asked {
            model: "gpt-4".to_owned(),
            characters: 9,
        };
        Answer::new(asked, Script::default())
    }

    #[test]
    fn four_characters_are_a_token_and_what_is_left_over_another() {
        for (characters, counted) in [(0, 0), (1, 1), (4, 1), (5, 2)] {
            assert_eq!(tokens(characters), counted, "{characters}");
        }
        assert_eq!((answer().input_tokens, answer().output_tokens), (3, 15));
    }

    #[test]
    fn an_answer_is_given_again_by_its_own_provider_for_its_own_key_until_it_is_forgotten() {
        let given = Given::default();
        let replayed = |party, key| given.again_or(party, key, answer).1;
        assert!(!replayed("openai", Some("1")));
        assert!(replayed("openai", Some("1")));
        assert!(!replayed("anthropic", Some("1")));
        assert!(!replayed("openai", None));
        assert!(!replayed("openai", None), "a question without a key is a new one");
        for key in 2..=REMEMBERED {
            given.again_or("openai", Some(&key.to_string()), answer);
        }
        assert!(!replayed("openai", Some("1")), "ten thousand answers later");
    }
}
