//! Where a secret was taken out of an answer, and what can be said of that place all the same.

use serde_json::Value;

/// Something was taken out of a text.
pub(super) fn in_text(text: &str) -> bool {
    text.split_once('‹').is_some_and(|(_, rest)| rest.contains('›'))
}

/// Something was taken out of a value, anywhere in it.
pub(super) fn in_value(value: &Value) -> bool {
    match value {
        Value::String(text) => in_text(text),
        Value::Array(items) => items.iter().any(in_value),
        Value::Object(fields) => fields.iter().any(|(key, value)| in_text(key) || in_value(value)),
        _ => false,
    }
}

/// Whether what a keyword says of a value may be owed to what was taken out of it. A secret stands in strings and in
/// names: the type of a value and the number of its elements are what they were.
pub(super) fn excuses(keyword: &str, value: &Value) -> bool {
    match keyword {
        "type" | "minItems" | "maxItems" => false,
        "required"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames"
        | "minProperties"
        | "maxProperties" => value
            .as_object()
            .is_some_and(|fields| fields.keys().any(|key| in_text(key))),
        _ => in_value(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::excuses;

    #[test]
    fn a_hidden_text_excuses_its_form_and_not_its_type() {
        let hidden = json!("‹api-key›");
        assert!(excuses("format", &hidden) && excuses("enum", &hidden));
        assert!(!excuses("type", &hidden));
        assert!(!excuses("format", &json!("plain › and ‹ simple")));
    }

    #[test]
    fn a_hidden_name_excuses_that_one_is_missing_or_too_many() {
        let fields = json!({"‹token›": 1});
        assert!(excuses("required", &fields) && excuses("additionalProperties", &fields));
        assert!(!excuses("required", &json!({"token": "‹token›"})));
    }
}
