//! The policy: which model answers what, and when a cheaper one must do. It is data; a policy that cannot be followed to
//! the end is refused when the worker starts.

use serde::Deserialize;

use super::{complexity::Complexity, price::Price, provider::Name};

/// The policy that holds when no other is given.
const STANDARD: &str = include_str!("../../data/llm_policy.json");

/// A policy, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// Which one it is.
    #[serde(rename = "policy_id")]
    pub(crate) id: String,
    /// And which of its versions.
    pub(crate) version: String,
    /// The cheapest first.
    tiers: Vec<Tier>,
    downgrade: Downgrade,
}

/// A model, and how hard a question it is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    /// What it is called.
    pub(crate) name: String,
    up_to_bucket: u8,
    /// Whose model it is.
    pub(crate) provider: Name,
    /// The model.
    pub(crate) model: String,
}

impl Tier {
    /// The model by its whole name.
    pub(crate) fn whole_model(&self) -> String {
        format!("{}:{}", self.provider.as_str(), self.model)
    }
}

/// When a cheaper model must do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Downgrade {
    enabled: bool,
    /// From this share of the month's budget on, the next cheaper one.
    pressure_pct: u8,
    /// From this on, the cheapest.
    critical_pct: u8,
}

/// How a user's month stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Spent and promised, in cents.
    pub(crate) used_cents: i64,
    /// The most there is.
    pub(crate) cap_cents: i64,
}

impl Budget {
    /// Whether at least so many hundredths of it are used. Of nothing, all is.
    fn is_used_to(self, percent: u8) -> bool {
        i128::from(self.used_cents) * 100 >= i128::from(self.cap_cents) * i128::from(percent)
    }

    /// The share that is used, as a decimal with two places.
    fn utilisation(self) -> String {
        if self.cap_cents <= 0 {
            return "1.00".to_owned();
        }
        let hundredths = i128::from(self.used_cents) * 100 / i128::from(self.cap_cents);
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// What was chosen for a question, and why.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    /// What the question alone asks for.
    pub(crate) requested: &'a Tier,
    /// What it gets.
    pub(crate) chosen: &'a Tier,
    /// Why.
    pub(crate) reason: String,
}

impl Policy {
    /// Reads a policy: `standard`, or a whole one as JSON. The error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = if text == "standard" { STANDARD } else { text };
        let policy: Self = serde_json::from_str(text)
            .map_err(|error| format!("it is neither `standard` nor a policy: {error}"))?;
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), String> {
        let mut below = 0;
        for tier in &self.tiers {
            if tier.up_to_bucket <= below {
                return Err(format!(
                    "the buckets of tier `{}` are not above those before it",
                    tier.name
                ));
            }
            below = tier.up_to_bucket;
            if Price::of(&tier.model).is_none() {
                return Err(format!(
                    "model `{}` of tier `{}` has no price",
                    tier.model, tier.name
                ));
            }
        }
        if below != 10 {
            return Err("the last tier must go up to bucket 10".to_owned());
        }
        if self.downgrade.pressure_pct > self.downgrade.critical_pct {
            return Err("`pressure_pct` is above `critical_pct`".to_owned());
        }
        Ok(())
    }

    /// Chooses for a question as hard as this, with a budget that stands like this.
    pub(crate) fn choose(&self, complexity: Complexity, budget: Budget) -> Choice<'_> {
        let bucket = complexity.bucket();
        let last = self.tiers.len() - 1;
        let at = self
            .tiers
            .iter()
            .position(|tier| bucket <= tier.up_to_bucket)
            .unwrap_or(last);
        let (down_to, why) = if !self.downgrade.enabled {
            (at, None)
        } else if budget.is_used_to(self.downgrade.critical_pct) {
            (0, Some("budget_pressure_critical"))
        } else if budget.is_used_to(self.downgrade.pressure_pct) {
            (at.saturating_sub(1), Some("budget_pressure"))
        } else {
            (at, None)
        };
        Choice {
            requested: &self.tiers[at],
            chosen: &self.tiers[down_to],
            reason: match why {
                Some(why) if down_to < at => format!("{why}:{}", budget.utilisation()),
                _ => "bucket_policy".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: Budget = Budget {
        used_cents: 0,
        cap_cents: 2500,
    };

    fn standard() -> Policy {
        Policy::parse("standard").expect("it is ours")
    }

    #[test]
    fn a_bucket_has_its_tier() {
        let policy = standard();
        for (bucket, tier, model) in [
            (1, "cheap", "openai:gpt-4o-mini"),
            (3, "cheap", "openai:gpt-4o-mini"),
            (4, "standard", "anthropic:claude-3-5-sonnet"),
            (7, "standard", "anthropic:claude-3-5-sonnet"),
            (8, "premium", "anthropic:claude-3-opus"),
            (10, "premium", "anthropic:claude-3-opus"),
        ] {
            let choice = policy.choose(Complexity::of_bucket(bucket), ROOMY);
            assert_eq!(
                (
                    choice.chosen.name.as_str(),
                    choice.chosen.whole_model().as_str(),
                    choice.reason.as_str()
                ),
                (tier, model, "bucket_policy"),
                "{bucket}"
            );
        }
    }

    #[test]
    fn a_budget_under_pressure_gets_a_cheaper_model_and_says_so() {
        let policy = standard();
        for (used, bucket, tier, reason) in [
            (1999, 9, "premium", "bucket_policy"),
            (2000, 9, "standard", "budget_pressure:0.80"),
            (2250, 9, "standard", "budget_pressure:0.90"),
            (2250, 5, "cheap", "budget_pressure:0.90"),
            (2374, 9, "standard", "budget_pressure:0.94"),
            (2375, 9, "cheap", "budget_pressure_critical:0.95"),
            (3000, 9, "cheap", "budget_pressure_critical:1.20"),
            // There is nothing below the cheapest.
            (2375, 2, "cheap", "bucket_policy"),
        ] {
            let budget = Budget {
                used_cents: used,
                cap_cents: 2500,
            };
            let choice = policy.choose(Complexity::of_bucket(bucket), budget);
            assert_eq!(
                (choice.chosen.name.as_str(), choice.reason.as_str()),
                (tier, reason),
                "{used}, {bucket}"
            );
        }
        let nothing = Budget {
            used_cents: 0,
            cap_cents: 0,
        };
        let choice = policy.choose(Complexity::of_bucket(9), nothing);
        assert_eq!(choice.reason, "budget_pressure_critical:1.00");
        assert_eq!(choice.requested.name, "premium");
    }

    #[test]
    fn a_policy_that_does_not_downgrade_does_not() {
        let text = STANDARD.replace(r#""enabled": true"#, r#""enabled": false"#);
        let policy = Policy::parse(&text).expect("whole");
        let spent = Budget {
            used_cents: 2500,
            cap_cents: 2500,
        };
        let choice = policy.choose(Complexity::of_bucket(9), spent);
        assert_eq!(
            (choice.chosen.name.as_str(), choice.reason.as_str()),
            ("premium", "bucket_policy")
        );
    }

    #[test]
    fn a_policy_that_cannot_be_followed_is_refused_in_words() {
        for (from, to, why) in [
            (
                "claude-3-opus",
                "claude-9",
                "model `claude-9` of tier `premium` has no price",
            ),
            (
                r#""up_to_bucket": 10"#,
                r#""up_to_bucket": 9"#,
                "the last tier must go up to bucket 10",
            ),
            (
                r#""up_to_bucket": 7"#,
                r#""up_to_bucket": 3"#,
                "the buckets of tier `standard` are not above those before it",
            ),
            (
                r#""pressure_pct": 80"#,
                r#""pressure_pct": 99"#,
                "`pressure_pct` is above `critical_pct`",
            ),
        ] {
            let error = Policy::parse(&STANDARD.replace(from, to)).expect_err(why);
            assert_eq!(error, why);
        }
        for broken in ["", "lenient", "{}", r#"{"policy_id": 1}"#] {
            let error = Policy::parse(broken).expect_err(broken);
            assert!(
                error.starts_with("it is neither `standard` nor a policy"),
                "{error}"
            );
        }
    }
}
