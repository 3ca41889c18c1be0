//! Prices: what an answer costs, in whole cents, with no floating point anywhere near it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// A dollar, in the unit everything is counted in until it is rounded: the billionth part of a dollar.
const CENT: u128 = 10_000_000;

/// Providers bill to the ten-thousandth of a dollar.
const BILLED: u128 = 100_000;

static EMBEDDED: LazyLock<Result<BTreeMap<String, Price>, String>> =
    LazyLock::new(|| read(include_str!("../../data/llm_prices.toml")));

/// What one token costs, in billionths of a dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    input: u64,
    output: u64,
}

impl Price {
    /// The price of a model; none when it is not listed.
    pub(crate) fn of(model: &str) -> Option<Self> {
        EMBEDDED.as_ref().ok()?.get(model).copied()
    }

    /// What so many tokens cost, in cents: rounded half up to what is billed, and that half up to cents.
    pub(crate) fn cents(self, input_tokens: u64, output_tokens: u64) -> i64 {
        let billed = round(self.exact(input_tokens, output_tokens), BILLED);
        i64::try_from(round(billed * BILLED, CENT)).unwrap_or(i64::MAX)
    }

    /// The most tokens that may come back for so many cents, when so many are sent.
    pub(crate) fn affordable_output(self, cents: i64, input_tokens: u64) -> u64 {
        let purse = u128::from(cents.unsigned_abs()) * CENT;
        let left = purse.saturating_sub(self.exact(input_tokens, 0));
        u64::try_from(left / u128::from(self.output.max(1))).unwrap_or(u64::MAX)
    }

    fn exact(self, input_tokens: u64, output_tokens: u64) -> u128 {
        u128::from(self.input) * u128::from(input_tokens)
            + u128::from(self.output) * u128::from(output_tokens)
    }
}

/// How many units there are, the last one from its half on.
fn round(amount: u128, unit: u128) -> u128 {
    (amount + unit / 2) / unit
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    input: String,
    output: String,
}

fn read(text: &str) -> Result<BTreeMap<String, Price>, String> {
    let lines: BTreeMap<String, Line> = toml::from_str(text).map_err(|error| error.to_string())?;
    lines
        .into_iter()
        .map(|(model, line)| {
            let price = |text: &str| {
                per_token(text)
                    .ok_or_else(|| format!("`{text}` is no price of `{model}`: it has at most six decimals"))
            };
            let (input, output) = (price(&line.input)?, price(&line.output)?);
            Ok((model, Price { input, output }))
        })
        .collect()
}

/// Dollars per thousand tokens, written as a decimal, are billionths of a dollar per token when the point moves by six.
fn per_token(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<6}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(model: &str, input: u64, output: u64) -> i64 {
        Price::of(model).expect(model).cents(input, output)
    }

    #[test]
    fn the_list_can_be_read() {
        assert!(
            EMBEDDED.as_ref().is_ok_and(|prices| prices.len() >= 7),
            "{EMBEDDED:?}"
        );
        assert_eq!(Price::of("gpt-9"), None);
    }

    #[test]
    fn an_answer_costs_what_is_billed_for_it_rounded_half_up_twice() {
        assert_eq!(cents("gpt-4", 1000, 1000), 9);
        assert_eq!(cents("gpt-4-turbo", 2500, 750), 5, "4.75 cents");
        assert_eq!(cents("claude-3-haiku", 4000, 2000), 0, "0.35 cents");
        assert_eq!(cents("gpt-4o-mini", 1000, 15_000), 1, "0.92 cents, billed");
        // 0.495 cents are billed as half a cent, and half a cent is one.
        assert_eq!(cents("gpt-4o-mini", 33_000, 0), 1);
        assert_eq!(
            cents("gpt-4o-mini", 32_999, 0),
            0,
            "0.494985 cents, billed as 0.49"
        );
        assert_eq!(cents("claude-3-opus", 0, 0), 0);
    }

    #[test]
    fn no_number_of_tokens_overflows() {
        assert!(cents("claude-3-opus", u64::MAX, u64::MAX) > 0);
    }

    #[test]
    fn what_is_affordable_never_costs_more_than_the_purse() {
        for model in ["gpt-4", "gpt-4o-mini", "claude-3-5-sonnet", "claude-3-opus"] {
            let price = Price::of(model).expect(model);
            for (purse, input) in [(1, 0), (20, 100), (50, 2000), (2500, 10)] {
                let output = price.affordable_output(purse, input);
                assert!(
                    price.cents(input, output) <= purse,
                    "{model}, {purse}, {input}, {output}"
                );
            }
        }
        assert_eq!(
            Price::of("gpt-4").expect("listed").affordable_output(1, 10_000),
            0
        );
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in ["", ".5", "1e3", "-1", "0.0000001", "1.2.3"] {
            assert_eq!(per_token(text), None, "{text}");
        }
        assert_eq!(per_token("0.00015"), Some(150));
        assert_eq!(per_token("2"), Some(2_000_000));
    }
}
