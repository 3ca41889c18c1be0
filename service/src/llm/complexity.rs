//! How hard a question is: a score from 0 to 1, computed from its shape alone, in millionths, so that it is the same on
//! every machine.

use super::{endpoint::Endpoint, prompt::Prompt};

/// Words that ask for reasoning.
const HARD: [&str; 6] = [
    "step-by-step",
    "prove",
    "counterfactual",
    "reconcile",
    "multi-step",
    "attribution",
];

/// A score in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Complexity(u32);

impl Complexity {
    /// Of a prompt, asked at an endpoint.
    pub(crate) fn of(prompt: &Prompt, endpoint: Endpoint) -> Self {
        let bounded = |count: u64, most: u32| u32::try_from(count).unwrap_or(most).min(most);
        let score = 30_000
            + bounded(prompt.tokens(), 2000) * 225
            + bounded(prompt.messages.len() as u64, 8) * 22_500
            + if prompt.response_schema.is_some() {
                200_000
            } else {
                0
            }
            + if asks_for_reasoning(prompt) { 120_000 } else { 0 }
            + bounded(prompt.context_items.len() as u64, 40) * 4_500
            + match endpoint {
                Endpoint::Investigation => 60_000,
                Endpoint::BudgetOptimization => 40_000,
                Endpoint::Route | Endpoint::Explanation => 0,
            };
        Self(score.min(1_000_000))
    }

    /// The score as a decimal with six places.
    pub(crate) fn decimal(self) -> String {
        format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }

    /// Its tenth, from 1 to 10, rounded up.
    pub(crate) fn bucket(self) -> u8 {
        u8::try_from(self.0.div_ceil(100_000)).unwrap_or(10).clamp(1, 10)
    }

    /// The hardest of a bucket.
    #[cfg(test)]
    pub(super) fn of_bucket(bucket: u8) -> Self {
        Self(u32::from(bucket) * 100_000)
    }
}

fn asks_for_reasoning(prompt: &Prompt) -> bool {
    prompt.messages.iter().any(|message| {
        let text = message.content.to_lowercase();
        HARD.iter().any(|word| text.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn complexity(prompt: Value, endpoint: Endpoint) -> Complexity {
        let prompt: Prompt = serde_json::from_value(prompt).expect("a prompt");
        Complexity::of(&prompt, endpoint)
    }

    fn saying(text: &str) -> Value {
        json!({"messages": [{"role": "user", "content": text}]})
    }

    #[test]
    fn each_part_counts_what_it_should() {
        let plain = complexity(saying("hello"), Endpoint::Route).0;
        let with = |field: &str, value: Value| {
            let mut prompt = saying("hello");
            prompt[field] = value;
            complexity(prompt, Endpoint::Route)
        };
        assert_eq!(
            complexity(saying("hello"), Endpoint::Investigation).0 - plain,
            60_000
        );
        assert_eq!(
            complexity(saying("hello"), Endpoint::BudgetOptimization).0 - plain,
            40_000
        );
        assert_eq!(complexity(saying("hello"), Endpoint::Explanation).0, plain);
        assert_eq!(complexity(saying("prove"), Endpoint::Route).0 - plain, 120_000);
        // Once for all of them, in whatever case; what is left are the tokens of the longer text.
        let reasoning = complexity(saying("ATTRIBUTION, step-by-step"), Endpoint::Route).0;
        assert_eq!((reasoning - plain - 120_000) % 225, 0);
        // The schema's own text is part of the prompt, and so are the items: what is left are their tokens.
        let schema = with("response_schema", json!({"type": "object"})).0 - plain - 200_000;
        let items = with("context_items", json!([{}, {}, {}])).0 - plain - 13_500;
        assert!(
            schema.is_multiple_of(225) && items.is_multiple_of(225),
            "{schema}, {items}"
        );
    }

    #[test]
    fn a_prompt_has_its_bucket_and_the_hardest_is_in_the_last() {
        assert_eq!(complexity(saying("hi"), Endpoint::Route).bucket(), 1);
        let long = "x".repeat(10_000);
        let hard = json!({
            "messages": vec![json!({"role": "user", "content": long.clone() + " prove"}); 9],
            "context_items": vec![json!({"k": long}); 41],
            "response_schema": {"type": "object"},
        });
        let hardest = complexity(hard, Endpoint::Investigation);
        assert_eq!((hardest.decimal().as_str(), hardest.bucket()), ("1.000000", 10));
        for (score, bucket) in [
            (0, 1),
            (30_000, 1),
            (100_000, 1),
            (100_001, 2),
            (300_000, 3),
            (700_001, 8),
            (1_000_000, 10),
        ] {
            assert_eq!(Complexity(score).bucket(), bucket, "{score}");
        }
        assert_eq!(Complexity(79_725).decimal(), "0.079725");
    }
}
