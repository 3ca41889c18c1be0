//! JSON into CEL's own values and back, without losing an integer on the way.

use std::{collections::HashMap, sync::Arc};

use cel::{
    ExecutionError,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
        value::Val,
    },
};
use serde_json::{Map, Number, Value};

use super::EvalError;

/// A JSON value as CEL sees it: whole numbers are `int`, the others `double`.
pub(super) fn to_cel(value: &Value) -> Box<dyn Val> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => number_to_cel(number),
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(to_cel).collect::<Vec<_>>())),
        Value::Object(fields) => {
            let entries = fields
                .iter()
                .map(|(key, value)| (CelMapKey::from(key.clone()), to_cel(value)));
            Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
        }
    }
}

fn number_to_cel(number: &Number) -> Box<dyn Val> {
    if let Some(n) = number.as_i64() {
        Box::new(CelInt::from(n))
    } else if let Some(n) = number.as_u64() {
        Box::new(CelUInt::from(n))
    } else {
        Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN)))
    }
}

/// A CEL value as JSON, keys sorted. Fails for what JSON has no word for: bytes, types, optionals, `NaN`, and maps
/// whose keys are not strings.
pub(super) fn to_json(value: &(dyn Val + '_)) -> Result<Value, EvalError> {
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*flag.inner()));
    }
    if let Some(n) = value.downcast_ref::<CelInt>() {
        return Ok((*n.inner()).into());
    }
    if let Some(n) = value.downcast_ref::<CelUInt>() {
        return Ok((*n.inner()).into());
    }
    if let Some(n) = value.downcast_ref::<CelDouble>() {
        let number = Number::from_f64(*n.inner());
        return number
            .map(Value::Number)
            .ok_or_else(|| EvalError::new(format!("`{}` is not a JSON number", n.inner())));
    }
    if let Some(text) = value.downcast_ref::<CelString>() {
        return Ok(Value::String(text.inner().to_owned()));
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        let items = list.inner().iter().map(|item| to_json(item.as_ref()));
        return items.collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        return map_to_json(map);
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    Err(EvalError::new(format!(
        "a value of type {} has no place in JSON",
        value.get_type().name()
    )))
}

fn map_to_json(map: &CelMap<'_>) -> Result<Value, EvalError> {
    let mut entries = Vec::with_capacity(map.inner().len());
    for (key, value) in map.inner() {
        let CelMapKey::String(key) = key else {
            return Err(EvalError::new(
                "a map with keys that are not strings has no place in JSON",
            ));
        };
        entries.push((key.inner().to_owned(), to_json(value.as_ref())?));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Value::Object(entries.into_iter().collect::<Map<_, _>>()))
}

/// An evaluation error in words that are the same in every run: the crate prints hash maps, whose order is not.
pub(super) fn in_words(error: &ExecutionError) -> EvalError {
    let message = match error {
        ExecutionError::NoSuchKey(key) => format!("no such key `{key}`"),
        ExecutionError::UndeclaredReference(name) => format!("nothing is called `{name}`"),
        ExecutionError::NoSuchOverload(overload) => {
            let types = overload.argument_types().join(", ");
            format!("`{}` does not take ({types})", spoken(overload.function()))
        }
        ExecutionError::FunctionError { function, message } => format!("`{function}`: {message}"),
        ExecutionError::IndexOutOfBounds(at) => format!("index {} is out of bounds", short(at)),
        ExecutionError::ValuesNotComparable(a, b) => {
            format!(
                "a value of type {} cannot be compared with one of type {}",
                kind(a),
                kind(b)
            )
        }
        ExecutionError::UnsupportedBinaryOperator(operator, a, b) => {
            format!("`{operator}` does not take a {} and a {}", kind(a), kind(b))
        }
        ExecutionError::UnexpectedType { want, .. } => format!("a value is not of type {want}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("{actual} arguments where {expected} are taken")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(operator, ..) => format!("`{operator}` overflows"),
        ExecutionError::DuplicateKey(key) => format!("the key {} stands twice in a map", short(key)),
        ExecutionError::UnsupportedIndex(at, of) => {
            format!("a {} has no index of type {}", kind(of), kind(at))
        }
        ExecutionError::UnsupportedKeyType(key) => format!("a {} cannot be the key of a map", kind(key)),
        _ => "it cannot be evaluated".to_owned(),
    };
    EvalError::new(message)
}

/// `_>=_` as `>=`.
fn spoken(function: &str) -> &str {
    function.trim_matches(|c| c == '_' || c == '@')
}

fn short(value: &cel::Value) -> String {
    match value {
        cel::Value::Int(n) => n.to_string(),
        cel::Value::UInt(n) => n.to_string(),
        cel::Value::String(text) => format!("`{}`", Arc::clone(text)),
        other => format!("of type {}", kind(other)),
    }
}

fn kind(value: &cel::Value) -> String {
    value.type_of().to_string()
}
