//! Parameters: evaluating what a gate wrote, and reading the values with their types.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Blind;
use crate::{
    cel::{Scope, Text},
    gate::{self, model::Tree},
};

/// The value of a tree in a scope. Unlike the bare evaluation of the gate room it names the text that failed, because
/// this error is all a reader of the pack gets to see.
pub fn evaluate(tree: &Tree, scope: &Scope<'_>) -> Result<Value, String> {
    match tree {
        Tree::Plain(value) => Ok(value.clone()),
        Tree::Text(text) => say(text, scope),
        Tree::List(items) => items
            .iter()
            .map(|item| evaluate(item, scope))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Tree::Table(entries) => {
            let entry = |(key, value): &(Text, Tree)| Ok((name(key, scope)?, evaluate(value, scope)?));
            entries
                .iter()
                .map(entry)
                .collect::<Result<Map<_, _>, String>>()
                .map(Value::Object)
        }
    }
}

fn say(text: &Text, scope: &Scope<'_>) -> Result<Value, String> {
    scope
        .text(text)
        .map_err(|error| format!("`{}`: {error}", text.source()))
}

fn name(key: &Text, scope: &Scope<'_>) -> Result<String, String> {
    match say(key, scope)? {
        Value::String(name) => Ok(name),
        other => Err(format!("`{}`: a key must be a text, not `{other}`", key.source())),
    }
}

/// A value as the tree that evaluates to it, for putting an evaluated value in the place of a written one.
pub fn literal(value: &Value) -> Result<Tree, String> {
    let text = |text: &str| Text::parse(&text.replace("${", "$${")).map_err(|fault| fault.to_string());
    Ok(match value {
        Value::String(characters) => Tree::Text(text(characters)?),
        Value::Array(items) => Tree::List(items.iter().map(literal).collect::<Result<_, _>>()?),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| Ok((text(key)?, literal(value)?));
            Tree::Table(entries.iter().map(entry).collect::<Result<_, String>>()?)
        }
        plain => Tree::Plain(plain.clone()),
    })
}

/// A duration as the grammar writes it, from a text that was evaluated just now.
pub fn duration(text: &str) -> Result<Duration, String> {
    let hint = "hint: write `250ms`, `10s`, `6m` or `1h`";
    gate::duration(text).ok_or_else(|| format!("`{text}` is not a duration\n{hint}"))
}

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
        text.map(duration)
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
    use std::time::Duration;

    use serde_json::json;

    use super::{Params, duration, evaluate, literal};
    use crate::cel::World;

    #[test]
    fn a_literal_tree_evaluates_to_its_value() {
        let value = json!({"a": [1, true, null, 1.5, "costs $5 and ${not} $${really}"], "${k}": {"": "}"}});
        let world = World::pure();
        let tree = literal(&value).expect("no expression in it");
        assert_eq!(evaluate(&tree, &world.scope()), Ok(value));
    }

    #[test]
    fn durations_are_read_and_nonsense_is_named() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("6m"), Ok(Duration::from_mins(6)));
        for bad in ["", "10", "s", "-1s", "1e999s", "10 s", "NaNs", "ten"] {
            assert!(
                duration(bad).expect_err(bad).contains("is not a duration"),
                "{bad}"
            );
        }
    }

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
