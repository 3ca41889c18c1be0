//! Counterfeits: what could stand in an observation instead of what was seen.

use serde_json::{Number, Value, json};

use crate::cel::Literal;

/// Everything one value is replaced by, in a fixed order, without the value itself.
///
/// A number that was seen non-negative is taken for a count or a measure and is not made negative, unless the
/// sentence itself holds a negative number: else `n >= 0` would pass for a sentence that can go red.
pub(super) fn alterations(value: &Value, literals: &[Literal]) -> Vec<Value> {
    let all = match value {
        Value::Null => vec![json!("counterfeit"), json!(0), json!(true)],
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => numbers(number, literals),
        Value::String(text) => strings(text, literals),
        Value::Array(items) => lists(items),
        Value::Object(fields) => {
            let mut fields = fields.clone();
            fields.insert("counterfeit".to_owned(), json!(1));
            vec![Value::Object(fields)]
        }
    };
    let mut distinct: Vec<Value> = Vec::with_capacity(all.len());
    for altered in all {
        if altered != *value && !distinct.contains(&altered) {
            distinct.push(altered);
        }
    }
    distinct
}

/// What a whole column is replaced by, each of its places by the same: a frozen gauge, a counter that never moved.
pub(super) fn frozen(first: &Value) -> Vec<Value> {
    let blank = match first {
        Value::Null | Value::Object(_) => return Vec::new(),
        Value::Bool(flag) => return vec![json!(!flag), json!(flag)],
        Value::Number(number) if number.is_f64() => json!(0.0),
        Value::Number(_) => json!(0),
        Value::String(_) => json!(""),
        Value::Array(_) => json!([]),
    };
    vec![blank, first.clone()]
}

fn strings(text: &str, literals: &[Literal]) -> Vec<Value> {
    let mut all = vec![json!(""), json!(format!("{text}~"))];
    all.extend(
        literals
            .iter()
            .filter(|literal| matches!(literal, Literal::Text(_)))
            .map(Literal::json),
    );
    all
}

fn lists(items: &[Value]) -> Vec<Value> {
    let mut more = items.to_vec();
    more.push(alien(items.last()));
    let mut all = vec![Value::Array(more)];
    if let ([_, but_first @ ..], [but_last @ .., _]) = (items, items) {
        let repeated = items.iter().chain(items.first()).cloned().collect();
        all.extend([json!(but_first), json!(but_last), Value::Array(repeated)]);
    }
    all
}

/// An element nobody put there, of the kind of its neighbour.
fn alien(neighbour: Option<&Value>) -> Value {
    match neighbour {
        Some(Value::Number(number)) => shifted(number, 1.0),
        Some(Value::Object(_)) => json!({}),
        Some(Value::Array(_)) => json!([]),
        Some(Value::Bool(flag)) => json!(!flag),
        Some(Value::String(_) | Value::Null) | None => json!("counterfeit"),
    }
}

fn numbers(number: &Number, literals: &[Literal]) -> Vec<Value> {
    let seen = number.as_f64().unwrap_or(0.0);
    let written: Vec<f64> = literals.iter().filter_map(written).collect();
    let negative_is_natural = seen < 0.0 || written.iter().any(|n| *n < 0.0);
    let mut all = vec![shifted(number, 1.0), shifted(number, -1.0)];
    let made = [
        0.0,
        1.0,
        -1.0,
        -seen,
        2.0 * seen + 1.0,
        10.0 * seen + 1.0,
        1000.0 * seen + 1.0,
        1e12,
        -1e12,
    ];
    let around = written.iter().flat_map(|n| [n - 1.0, *n, n + 1.0]);
    all.extend(made.into_iter().chain(around).filter_map(|n| like(number, n)));
    all.retain(|altered| negative_is_natural || altered.as_f64().is_some_and(|n| n >= 0.0));
    all
}

fn written(literal: &Literal) -> Option<f64> {
    match literal {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a counterfeit near the literal is as good"
        )]
        Literal::Int(n) => Some(*n as f64),
        Literal::Double(n) => Some(*n),
        Literal::Text(_) => None,
    }
}

/// A number moved by a whole step; a large integer keeps every digit.
fn shifted(number: &Number, by: f64) -> Value {
    match number.as_i64() {
        Some(n) if by > 0.0 => json!(n.saturating_add(1)),
        Some(n) => json!(n.saturating_sub(1)),
        None => number
            .as_f64()
            .and_then(|n| like(number, n + by))
            .unwrap_or(json!(0)),
    }
}

/// The largest number, either way, that is made whole.
const LARGEST: f64 = 9e18;

/// A number of the same type as the model: a whole one stays whole. None for what JSON or `int` cannot hold.
pub(super) fn like(model: &Number, n: f64) -> Option<Value> {
    if model.is_f64() {
        return Number::from_f64(n).map(Value::Number);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to lie inside the range of an i64"
    )]
    (n.abs() <= LARGEST).then(|| json!(n.round() as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{alterations, frozen};
    use crate::cel::Literal;

    #[test]
    fn integers_stay_integers_and_the_literals_are_approached() {
        let all = alterations(&json!(5), &[Literal::Int(20), Literal::Text("x".into())]);
        for expected in [4, 6, 0, 1, 11, 51, 5001, 19, 20, 21] {
            assert!(all.contains(&json!(expected)), "{expected} in {all:?}");
        }
        assert!(all.iter().all(serde_json::Value::is_i64), "{all:?}");
        assert!(!all.contains(&json!(5)));
    }

    #[test]
    fn a_count_is_not_made_negative_unless_the_sentence_is() {
        let negative = |all: Vec<serde_json::Value>| all.iter().any(|n| n.as_f64().is_some_and(|n| n < 0.0));
        assert!(!negative(alterations(&json!(0), &[Literal::Int(0)])));
        assert!(negative(alterations(&json!(0), &[Literal::Int(-3)])));
        assert!(negative(alterations(&json!(-2.5), &[])));
    }

    #[test]
    fn a_list_gets_longer_shorter_and_repeats_itself() {
        let all = alterations(&json!(["a", "b"]), &[]);
        assert_eq!(
            all,
            [
                json!(["a", "b", "counterfeit"]),
                json!(["b"]),
                json!(["a"]),
                json!(["a", "b", "a"])
            ]
        );
        assert_eq!(alterations(&json!([]), &[]), [json!(["counterfeit"])]);
    }

    #[test]
    fn strings_take_the_words_of_the_sentence() {
        let all = alterations(
            &json!("ok"),
            &[Literal::Text("ok".into()), Literal::Text("dead".into())],
        );
        assert_eq!(all, [json!(""), json!("ok~"), json!("dead")]);
    }

    #[test]
    fn a_column_freezes_at_nothing_and_at_its_first_value() {
        assert_eq!(frozen(&json!(7)), [json!(0), json!(7)]);
        assert_eq!(frozen(&json!(1.5)), [json!(0.0), json!(1.5)]);
        assert!(frozen(&json!({})).is_empty());
    }
}
