//! Values that are spelt as a text and mean something else: durations, sizes, counts.

use std::time::Duration;

/// A kind of value: how it is taken from its spelling, and how to say what was wanted instead.
pub(super) struct Kind<T> {
    pub(super) parse: fn(&str) -> Option<T>,
    pub(super) wanted: &'static str,
    pub(super) hint: &'static str,
}

pub(super) const DURATION: Kind<Duration> = Kind {
    parse: duration,
    wanted: "a duration",
    hint: "numbers with units, the larger first, as in `500ms`, `30s` or `1m30s`",
};
pub(super) const SIZE: Kind<u64> = Kind {
    parse: bytes,
    wanted: "a size in bytes",
    hint: "a whole number, perhaps with `k`, `m` or `g`, as in `256m`",
};
pub(super) const CORES: Kind<f64> = Kind {
    parse: cores,
    wanted: "a number of cores",
    hint: "a number above nought, as in `0.5`",
};
pub(super) const PIDS: Kind<i64> = Kind {
    parse: |text| text.parse().ok().filter(|most| *most == -1 || *most > 0),
    wanted: "a number of processes",
    hint: "a whole number above nought, or `-1` for no limit",
};
pub(super) const RETRIES: Kind<u32> = Kind {
    parse: |text| text.parse().ok().filter(|retries| *retries > 0),
    wanted: "a number of looks",
    hint: "a whole number above nought",
};
pub(super) const PORT: Kind<u16> = Kind {
    parse: port,
    wanted: "a port",
    hint: "a whole number from 1 to 65535",
};
pub(super) const USER: Kind<String> = Kind {
    parse: user,
    wanted: "`uid` or `uid:gid`",
    hint: "as in `10001:10001`",
};

/// Nanoseconds of each unit, from the largest: they must stand in this order.
const UNITS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// `1m30s`, `1.5s`, `100ms`: numbers with units, each unit once, the larger before the smaller.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut next_unit = 0;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = after.split_at(
            after
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(after.len()),
        );
        let index = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|index| *index >= next_unit)?;
        nanos = nanos.checked_add(scaled(number, UNITS[index].1)?)?;
        next_unit = index + 1;
        rest = after;
    }
    let whole = u64::try_from(nanos).ok()?;
    (!text.is_empty()).then(|| Duration::from_nanos(whole))
}

/// A decimal number times a scale, when the product is whole.
fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let parts = [whole, fraction];
    if parts
        .iter()
        .any(|part| part.is_empty() || part.len() > 15 || !part.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    let denominator = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let numerator = fraction.parse::<u128>().ok()? * scale;
    numerator
        .is_multiple_of(denominator)
        .then(|| whole.parse::<u128>().unwrap_or_default() * scale + numerator / denominator)
}

/// `64m`, `1gb`, `1024`: a whole number of bytes, kilobytes of 1024, and so on.
fn bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (number, unit) = lower.split_at(lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len()));
    let shift = match unit {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Processor cores: a decimal number above nought.
fn cores(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse::<f64>()
        .ok()
        .filter(|cores| is_decimal && cores.is_finite() && *cores > 0.0)
}

/// A port that can be published.
pub(super) fn port(text: &str) -> Option<u16> {
    let is_digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| is_digits && *port > 0)
}

/// One or two names or numbers, with a colon between.
fn user(text: &str) -> Option<String> {
    let is_sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(is_sound);
    (text.split(':').count() <= 2 && text.split(':').all(is_name)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, cores, duration};

    #[test]
    fn durations_are_numbers_with_units_in_order() {
        for (text, nanos) in [
            ("30s", 30_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5s", 1_500_000_000),
            ("100ms", 100_000_000),
            ("1h1m1s1ms1us1ns", 3_661_001_001_001),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "1x",
            "1s1m",
            "1s1s",
            "1.2.3s",
            "-1s",
            "1 s",
            ".s",
            "1.s",
            "1.5ns",
            "99999999999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_whole_and_binary() {
        for (text, size) in [
            ("1024", 1024),
            ("64m", 64 << 20),
            ("1Gb", 1 << 30),
            ("2k", 2048),
            ("7b", 7),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "m", "1.5g", "1x", "-1", "64 m", "99999999999t", "1kib"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn cores_are_above_nought() {
        assert_eq!(cores("0.5"), Some(0.5));
        for text in ["0", "-1", "inf", "1e3", "", "x"] {
            assert_eq!(cores(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "[0-9.hmsunk ]{0,40}") {
            let _ = (duration(&text), bytes(&text), cores(&text));
        }

        #[test]
        fn whole_seconds_come_back(seconds in 0_u64..1_000_000) {
            proptest::prop_assert_eq!(duration(&format!("{seconds}s")), Some(Duration::from_secs(seconds)));
        }
    }
}
