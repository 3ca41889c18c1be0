//! Durations as the grammar writes them.

use std::time::Duration;

/// How a duration is written, for hints.
pub(super) const FORMS: &str = "write a duration like `250ms`, `10s`, `6m` or `1h`";

/// A duration: a whole number and `ms`, `s`, `m` or `h`, nothing between them.
///
/// Texts that hold `${…}` become durations only while a gate runs; this is how they are read then, too.
pub fn duration(text: &str) -> Result<Duration, String> {
    measured(text).ok_or_else(|| format!("`{text}` is not a duration\nhint: {FORMS}"))
}

fn measured(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let amount: u64 = text[..digits].parse().ok()?;
    let millis_each: u64 = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    amount.checked_mul(millis_each).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("6m"), Ok(Duration::from_mins(6)));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        for bad in [
            "",
            "10",
            "s",
            "1.5s",
            "10 s",
            "-1s",
            "1e9s",
            "ten",
            "10sec",
            "99999999999999999999h",
            "9999999999999999999h",
        ] {
            let error = duration(bad).expect_err(bad);
            assert!(
                error.starts_with(&format!("`{bad}` is not a duration\nhint: ")),
                "{error}"
            );
        }
    }
}
