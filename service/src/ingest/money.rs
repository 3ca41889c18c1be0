//! Money: what a vendor wrote, as cents, exactly or not at all.
//!
//! A cent is the hundredth part of a currency's unit, for every currency: 500 yen are 50 000 cents, 1.230 dinars are
//! 123. So one column holds one measure, whoever sent the amount and however it was written. An amount that has no
//! whole number of cents, or that is finer than its currency's coins, is refused: rounding would invent money.

/// The most that one payment may be, in cents: far above what any vendor takes, far below where sums overflow.
const MOST: i64 = 999_999_999_999;

/// Currencies whose unit has no parts (ISO 4217).
const WHOLE: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
    "XOF", "XPF",
];

/// Currencies whose unit has a thousand parts (ISO 4217).
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// A currency: three letters, in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Currency([u8; 3]);

impl Currency {
    /// A currency by its code, in capitals or not. Codes that no list knows are taken too: a new currency must not
    /// lose money, and two decimals are what all but a few have.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(code.map(|letter| letter.to_ascii_uppercase())))
    }

    /// Its code.
    pub(crate) fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Digits after the point that its coins have.
    fn decimals(self) -> usize {
        match self.code() {
            code if WHOLE.contains(&code) => 0,
            code if THOUSANDTHS.contains(&code) => 3,
            _ => 2,
        }
    }

    /// Digits after the point that Stripe counts in: as ISO says, but for three currencies.
    pub(crate) fn decimals_at_stripe(self) -> usize {
        match self.code() {
            // An ariary has five parts, so Stripe counts whole ones.
            "MGA" => 0,
            // These had two decimals once, and Stripe goes on writing them, as zeros.
            "ISK" | "UGX" => 2,
            _ => self.decimals(),
        }
    }
}

/// Why an amount is no amount of cents. A part of a sentence: the field's name stands before it.
pub(crate) type Refusal = &'static str;

/// Cents of an amount written as decimal text: digits, and after a point more digits.
pub(crate) fn of_decimal(text: &str, currency: Currency) -> Result<i64, Refusal> {
    if text.starts_with('-') {
        return Err("is negative");
    }
    let (whole, parts) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits =
        |text: &str| (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(parts) {
        return Err("is not decimal text");
    }
    exact(whole, parts, currency)
}

/// Cents of an amount counted in parts of the currency's unit, of which `decimals` digits make one unit.
pub(crate) fn of_parts(parts: i64, decimals: usize, currency: Currency) -> Result<i64, Refusal> {
    if parts < 0 {
        return Err("is negative");
    }
    let digits = format!("{parts:0>width$}", width = decimals + 1);
    let (whole, parts) = digits.split_at(digits.len() - decimals);
    exact(whole, parts, currency)
}

/// Cents of `whole` units and the digits after the point, when they are the same amount.
fn exact(whole: &str, parts: &str, currency: Currency) -> Result<i64, Refusal> {
    let parts = parts.trim_end_matches('0');
    if parts.len() > currency.decimals() {
        return Err("is finer than its currency");
    }
    if parts.len() > 2 {
        return Err("is finer than a cent");
    }
    format!("{whole}{parts:0<2}")
        .parse::<i64>()
        .ok()
        .filter(|cents| *cents <= MOST)
        .ok_or("is more than a payment may be")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::read(code).expect("three letters")
    }

    #[test]
    fn decimal_text_becomes_cents_or_is_refused_in_words() {
        for (text, code, cents) in [
            ("0", "USD", Ok(0)),
            ("10", "usd", Ok(1_000)),
            ("10.1", "USD", Ok(1_010)),
            ("10.01", "USD", Ok(1_001)),
            ("822.0100", "CZK", Ok(82_201)),
            // In binary floating point this one is 114.99999999999999, and a truncation loses the cent.
            ("1.15", "USD", Ok(115)),
            ("9999999999.99", "USD", Ok(999_999_999_999)),
            ("10000000000.00", "USD", Err("is more than a payment may be")),
            ("999999999999999999", "USD", Err("is more than a payment may be")),
            ("10.005", "USD", Err("is finer than its currency")),
            ("500", "JPY", Ok(50_000)),
            ("500.00", "JPY", Ok(50_000)),
            ("500.50", "JPY", Err("is finer than its currency")),
            ("1.230", "KWD", Ok(123)),
            ("1.234", "KWD", Err("is finer than a cent")),
            ("1.2345", "KWD", Err("is finer than its currency")),
            ("-1.00", "USD", Err("is negative")),
            ("", "USD", Err("is not decimal text")),
            (".50", "USD", Err("is not decimal text")),
            ("1.", "USD", Err("is not decimal text")),
            ("1,50", "USD", Err("is not decimal text")),
            ("1e3", "USD", Err("is not decimal text")),
            ("+1", "USD", Err("is not decimal text")),
            (" 1", "USD", Err("is not decimal text")),
            ("1.0.0", "USD", Err("is not decimal text")),
            ("NaN", "USD", Err("is not decimal text")),
            ("1\u{661}", "USD", Err("is not decimal text")),
            ("1234567890123456789", "USD", Err("is not decimal text")),
        ] {
            assert_eq!(of_decimal(text, currency(code)), cents, "{text} {code}");
        }
    }

    #[test]
    fn stripes_units_become_cents_or_are_refused() {
        for (parts, code, cents) in [
            (111, "USD", Ok(111)),
            (5, "USD", Ok(5)),
            (500, "JPY", Ok(50_000)),
            (5_120, "KWD", Ok(512)),
            (5_124, "KWD", Err("is finer than a cent")),
            (500, "ISK", Ok(500)),
            (550, "ISK", Err("is finer than its currency")),
            (7, "MGA", Ok(700)),
            (-1, "USD", Err("is negative")),
            (i64::MIN, "USD", Err("is negative")),
            (i64::MAX, "JPY", Err("is more than a payment may be")),
        ] {
            let currency = currency(code);
            assert_eq!(
                of_parts(parts, currency.decimals_at_stripe(), currency),
                cents,
                "{parts} {code}"
            );
        }
    }

    #[test]
    fn a_currency_is_three_letters() {
        for text in ["", "us", "usdx", "u d", "€ur", "12a"] {
            assert_eq!(Currency::read(text), None, "{text}");
        }
        assert_eq!(currency("eur").code(), "EUR");
    }

    proptest! {
        #[test]
        fn every_amount_of_cents_is_read_back_however_many_zeros_follow(cents in 0..=MOST, zeros in 0..4_usize) {
            let text = format!("{}.{:02}{}", cents / 100, cents % 100, "0".repeat(zeros));
            prop_assert_eq!(of_decimal(&text, currency("USD")), Ok(cents));
            prop_assert_eq!(of_parts(cents, 2, currency("USD")), Ok(cents));
            let finer = format!("{text}1");
            prop_assert_eq!(of_decimal(&finer, currency("USD")), Err("is finer than its currency"));
        }
    }
}
