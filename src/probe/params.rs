//! Parameters: reading evaluated values with their types.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Blind;
use crate::gate;

/// Evaluated parameters of a look or a change, read by name and type. A null counts as absent.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a>(&'a Map<String, Value>);

impl<'a> Params<'a> {
    /// The parameters, when they are a table.
    pub fn of(value: &'a Value) -> Result<Self, Blind> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| Blind::because("the parameters are not a table"))
    }

    /// A parameter as it is.
    pub fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A text that must be there.
    pub fn text(self, key: &str) -> Result<&'a str, Blind> {
        self.maybe_text(key)?
            .ok_or_else(|| Blind::because(format!("`{key}` is missing")))
    }

    /// A text that may be there.
    pub fn maybe_text(self, key: &str) -> Result<Option<&'a str>, Blind> {
        self.typed(key, "a text", Value::as_str)
    }

    /// True or false; false when it is not there.
    pub fn flag(self, key: &str) -> Result<bool, Blind> {
        Ok(self.typed(key, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    /// A count that may be there.
    pub fn count(self, key: &str) -> Result<Option<usize>, Blind> {
        self.typed(key, "a count", |value| usize::try_from(value.as_u64()?).ok())
    }

    /// A table that may be there.
    pub fn table(self, key: &str) -> Result<Option<&'a Map<String, Value>>, Blind> {
        self.typed(key, "a table", Value::as_object)
    }

    /// A list of texts; empty when it is not there.
    pub fn texts(self, key: &str) -> Result<Vec<String>, Blind> {
        let all = |value: &Value| {
            value
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        Ok(self.typed(key, "a list of texts", all)?.unwrap_or_default())
    }

    /// A duration that may be there.
    pub fn duration(self, key: &str) -> Result<Option<Duration>, Blind> {
        let text = self.maybe_text(key)?;
        text.map(gate::duration)
            .transpose()
            .map_err(|error| Blind::because(format!("`{key}`: {error}")))
    }

    fn typed<T>(
        self,
        key: &str,
        what: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Blind> {
        let wrong = |value: &Value| Blind::because(format!("`{key}` is `{value}`, not {what}"));
        self.get(key)
            .map(|value| read(value).ok_or_else(|| wrong(value)))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Params;

    #[test]
    fn a_parameter_of_the_wrong_type_is_named() {
        let value = json!({"limit": "ten", "services": ["a", 1], "absent": null});
        let params = Params::of(&value).expect("a table");
        assert_eq!(
            params.count("limit").expect_err("a text").to_string(),
            "`limit` is `\"ten\"`, not a count"
        );
        assert!(params.texts("services").is_err());
        assert_eq!(params.maybe_text("absent"), Ok(None));
        assert_eq!(
            params.text("absent").expect_err("absent").to_string(),
            "`absent` is missing"
        );
    }
}
