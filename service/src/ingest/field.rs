//! Fields: one place in a body, read by one rule. The path is the name in the error, so the two cannot differ.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::money::{self, Currency};

/// The latest moment that the other readers of this database understand: the end of the year 9999.
const LATEST: i64 = 253_402_300_799;

/// A place in a body: the name of a field, under the path where the object stands that has it. One that is not there
/// is null.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    place: Place,
    value: &'a Value,
}

/// The path of an object, empty for the body itself, and a path from there: `data.object` and `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(&'static str, &'static str);

/// What is wrong with a field. Never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    place: Place,
    problem: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place: Place(object, name),
            problem,
        } = self;
        let dot = if object.is_empty() { "" } else { "." };
        write!(out, "`{object}{dot}{name}` {problem}")
    }
}

impl<'a> Field<'a> {
    /// The field `name` of the object at `object` in `body`; both may be paths.
    pub(crate) fn of(body: &'a Value, object: &'static str, name: &'static str) -> Self {
        let keys = object
            .split('.')
            .chain(name.split('.'))
            .filter(|key| !key.is_empty());
        Self {
            place: Place(object, name),
            value: keys.fold(body, |value, key| &value[key]),
        }
    }

    /// What stands there.
    pub(crate) const fn value(self) -> &'a Value {
        self.value
    }

    /// That it says nothing, or this word.
    pub(crate) fn may_only_be(self, wanted: &str) -> Result<(), Fault> {
        if self.value.is_null() {
            Ok(())
        } else {
            self.must_be(wanted)
        }
    }

    /// That it says this word.
    pub(crate) fn must_be(self, wanted: &str) -> Result<(), Fault> {
        if self.value == wanted {
            Ok(())
        } else {
            Err(self.fault("is not what this route is for"))
        }
    }

    /// That it says nothing.
    pub(crate) fn must_be_null(self) -> Result<(), Fault> {
        if self.value.is_null() {
            Ok(())
        } else {
            Err(self.fault("is not what this route is for"))
        }
    }

    /// A vendor's id: a word, or a whole number.
    pub(crate) fn id(self) -> Result<String, Fault> {
        self.word().ok_or(self.fault("is not an id"))
    }

    /// A word or a whole number, when it is one.
    pub(crate) fn word(self) -> Option<String> {
        match self.value {
            Value::String(text) => word(text),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        }
    }

    /// A moment in seconds since 1970.
    pub(crate) fn epoch(self) -> Result<DateTime<Utc>, Fault> {
        self.value
            .as_i64()
            .and_then(since_1970)
            .ok_or(self.fault("is not a time in whole seconds"))
    }

    /// A moment as RFC 3339 writes it.
    pub(crate) fn rfc3339(self) -> Result<DateTime<Utc>, Fault> {
        self.value
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .and_then(|moment| since_1970(moment.timestamp()))
            .ok_or(self.fault("is not a time with its offset"))
    }

    /// A moment in UTC, written without saying so.
    pub(crate) fn utc(self) -> Result<DateTime<Utc>, Fault> {
        self.value
            .as_str()
            .and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok())
            .and_then(|moment| since_1970(moment.and_utc().timestamp()))
            .ok_or(self.fault("is not a time in UTC"))
    }

    /// A currency.
    pub(crate) fn currency(self) -> Result<Currency, Fault> {
        self.value
            .as_str()
            .and_then(Currency::read)
            .ok_or(self.fault("is not three letters"))
    }

    /// Cents of decimal text. A JSON number is refused: whoever wrote or read it may have gone through floating point.
    pub(crate) fn decimal(self, currency: Currency) -> Result<i64, Fault> {
        let text = self.value.as_str().ok_or(self.fault("is not decimal text"))?;
        money::of_decimal(text, currency).map_err(|problem| self.fault(problem))
    }

    /// Cents of a whole number of parts, counted as Stripe counts them.
    pub(crate) fn stripe_units(self, currency: Currency) -> Result<i64, Fault> {
        // `1.0` and `1e3` are floating point to the reader, and are refused here with every other one.
        let parts = self.value.as_i64().ok_or(self.fault("is not a whole number"))?;
        money::of_parts(parts, currency.decimals_at_stripe(), currency).map_err(|problem| self.fault(problem))
    }

    const fn fault(self, problem: &'static str) -> Fault {
        Fault {
            place: self.place,
            problem,
        }
    }
}

/// A short text of letters, digits and joints: an id, a code. It cannot hold an e-mail address or a person's full name.
pub(crate) fn word(text: &str) -> Option<String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    (plain && (1..=100).contains(&text.len())).then(|| text.to_owned())
}

fn since_1970(seconds: i64) -> Option<DateTime<Utc>> {
    (0..=LATEST)
        .contains(&seconds)
        .then(|| DateTime::from_timestamp(seconds, 0))
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_walked_and_what_is_not_there_is_null() {
        let body = json!({"a": {"b": {"c": 1}}, "list": [1]});
        assert_eq!(Field::of(&body, "", "a.b.c").value(), &json!(1));
        for path in ["a.b.x", "x.y", "a.b.c.d", "list.a"] {
            assert!(Field::of(&body, "", path).value().is_null(), "{path}");
        }
    }

    #[test]
    fn the_error_names_the_path_and_never_the_value() {
        let body = json!({"data": {"at": "yesterday"}});
        for (object, name) in [("", "data.at"), ("data", "at")] {
            let fault = Field::of(&body, object, name)
                .rfc3339()
                .expect_err("it is no time");
            assert_eq!(fault.to_string(), "`data.at` is not a time with its offset");
        }
    }

    #[test]
    fn three_ways_to_write_a_moment_are_one_moment() {
        let body = json!({"a": 1_800_000_000, "b": "2027-01-15T03:00:00-05:00", "c": "2027-01-15T08:00:00"});
        let moments = [
            Field::of(&body, "", "a").epoch(),
            Field::of(&body, "", "b").rfc3339(),
            Field::of(&body, "", "c").utc(),
        ];
        assert!(
            moments
                .iter()
                .all(|moment| *moment == moments[0] && moment.is_ok()),
            "{moments:?}"
        );
    }

    #[test]
    fn no_moment_is_before_1970_or_without_its_place_on_earth() {
        let body = json!({"a": -1, "b": "1969-12-31T23:59:59Z", "c": "2027-01-15T08:00:00", "d": 1.5, "e": i64::MAX});
        for path in ["a", "d", "e"] {
            assert!(Field::of(&body, "", path).epoch().is_err(), "{path}");
        }
        for path in ["b", "c"] {
            assert!(Field::of(&body, "", path).rfc3339().is_err(), "{path}");
        }
    }

    #[test]
    fn an_id_is_a_word_or_a_whole_number() {
        let body = json!({"a": "pi_1", "b": 820_982_911_946_154_508_u64, "c": 1.5, "d": "a b", "e": "", "f": null, "g": "a@b"});
        assert_eq!(Field::of(&body, "", "a").id().as_deref(), Ok("pi_1"));
        assert_eq!(
            Field::of(&body, "", "b").id().as_deref(),
            Ok("820982911946154508")
        );
        for path in ["c", "d", "e", "f", "g"] {
            assert!(Field::of(&body, "", path).id().is_err(), "{path}");
        }
    }
}
