//! What the providers of language models take. The list and the arithmetic are theirs: whoever holds our books against
//! their receipts compares two calculations and not one with itself.

use super::{anthropic, openai};

/// Of one model: what a token costs, in billionths of a dollar. Price lists say dollars per thousand tokens: 0.00015 there
/// is 150 here.
#[derive(Clone, Copy)]
pub(super) struct Price {
    input: u64,
    output: u64,
}

/// Who offers which model at which price.
const LIST: [(&str, &str, Price); 7] = [
    (openai::PARTY, "gpt-4", per_token(30_000, 60_000)),
    (openai::PARTY, "gpt-4-turbo", per_token(10_000, 30_000)),
    (openai::PARTY, "gpt-4o", per_token(2_500, 10_000)),
    (openai::PARTY, "gpt-4o-mini", per_token(150, 600)),
    (anthropic::PARTY, "claude-3-haiku", per_token(250, 1_250)),
    (anthropic::PARTY, "claude-3-5-sonnet", per_token(3_000, 15_000)),
    (anthropic::PARTY, "claude-3-opus", per_token(15_000, 75_000)),
];

const fn per_token(input: u64, output: u64) -> Price {
    Price { input, output }
}

/// The price of a model. None when this party does not offer it.
pub(super) fn of(party: &str, model: &str) -> Option<Price> {
    LIST.iter()
        .find(|(offered_by, name, _)| *offered_by == party && *name == model)
        .map(|(_, _, price)| *price)
}

impl Price {
    /// Whole cents: the dollars rounded to four places, and those to two, a half upwards each time.
    pub(super) fn cents(self, input_tokens: u32, output_tokens: u32) -> u64 {
        let billionths = self.input * u64::from(input_tokens) + self.output * u64::from(output_tokens);
        let hundredths_of_a_cent = (billionths + 50_000) / 100_000;
        (hundredths_of_a_cent + 50) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_costs_what_the_price_list_says() {
        let vectors = [
            ("gpt-4", 1_000, 1_000, 9),
            ("gpt-4-turbo", 2_500, 750, 5),
            ("gpt-4o", 1_000_000, 1_000_000, 1_250),
            ("gpt-4o-mini", 1_000_000, 1_000_000, 75),
            ("claude-3-haiku", 4_000, 2_000, 0),
            ("claude-3-5-sonnet", 1_000, 1_000, 2),
            ("claude-3-opus", 1_000, 1_000, 9),
            ("gpt-4", 0, 0, 0),
        ];
        for (model, input, output, cents) in vectors {
            let price = [openai::PARTY, anthropic::PARTY]
                .into_iter()
                .find_map(|party| of(party, model))
                .expect(model);
            assert_eq!(price.cents(input, output), cents, "{model} {input}/{output}");
        }
    }

    #[test]
    fn a_half_goes_up_at_both_roundings() {
        let price = per_token(1, 0);
        // 0.00005 dollars are 0.0001, and that is no cent; 0.00495 are 0.0050, and that is one.
        for (billionths, cents) in [(4_949_999, 0), (4_950_000, 1), (14_949_999, 1), (14_950_000, 2)] {
            assert_eq!(price.cents(billionths, 0), cents, "{billionths}");
        }
    }

    #[test]
    fn the_dearest_answer_there_can_be_has_a_price() {
        let price = of(anthropic::PARTY, "claude-3-opus").expect("it is offered");
        assert_eq!(price.cents(u32::MAX, u32::MAX), 38_654_706);
    }

    #[test]
    fn nobody_offers_the_other_s_models_or_unknown_ones() {
        for (party, model) in [
            (openai::PARTY, "claude-3-opus"),
            (anthropic::PARTY, "gpt-4"),
            (openai::PARTY, "gpt-5000"),
        ] {
            assert!(of(party, model).is_none(), "{party} {model}");
        }
    }
}
