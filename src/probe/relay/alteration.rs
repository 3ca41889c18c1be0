//! What is done to an exchange on its way, as far as it is a matter of bytes.

use std::time::Duration;

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde_json::Value;

/// What a rule does to a request it is about, or to its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Alteration {
    /// Answer in the service's place, which is not asked.
    Reply {
        /// Status.
        status: StatusCode,
        /// Headers.
        headers: HeaderMap,
        /// The exact body.
        body: Bytes,
    },
    /// Take a part of a JSON answer out.
    Remove {
        /// A JSON pointer.
        pointer: String,
    },
    /// Put something in the place of a part of a JSON answer, or add it.
    Replace {
        /// A JSON pointer.
        pointer: String,
        /// What is put there.
        with: Value,
    },
    /// Hold the request back for so long.
    Delay(Duration),
    /// Hold the request back until the rule is taken out.
    Freeze,
}

impl Alteration {
    /// An answer, or what cannot be answered with.
    pub fn reply(status: u64, named: &[(String, String)], body: String) -> Result<Self, String> {
        let status = u16::try_from(status).ok().filter(|status| *status >= 200);
        let mut headers = HeaderMap::new();
        for (name, value) in named {
            let wrong = || format!("`{name}: {value}` is no header");
            let name: HeaderName = name.parse().map_err(|_| wrong())?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| wrong())?);
        }
        Ok(Self::Reply {
            status: status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .ok_or("`status` is no answer's")?,
            headers,
            body: Bytes::from(body),
        })
    }

    /// The body of an answer with the edit made; none when there is nothing to edit, or it changes nothing.
    pub(super) fn edit(&self, body: &[u8]) -> Option<Bytes> {
        let mut answer: Value = serde_json::from_slice(body).ok()?;
        let changed = match self {
            Self::Remove { pointer } => remove(&mut answer, pointer),
            Self::Replace { pointer, with } => replace(&mut answer, pointer, with),
            _ => false,
        };
        changed.then(|| Bytes::from(answer.to_string()))
    }

    /// Whether it is the answer that is altered.
    pub(super) fn is_edit(&self) -> bool {
        matches!(self, Self::Remove { .. } | Self::Replace { .. })
    }
}

fn remove(answer: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = parent(answer, pointer) else {
        return false;
    };
    match parent {
        // What is left keeps its order: only one thing is different.
        Value::Object(fields) => fields.shift_remove(&key).is_some(),
        Value::Array(elements) => match key.parse() {
            Ok(at) if at < elements.len() => {
                elements.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn replace(answer: &mut Value, pointer: &str, with: &Value) -> bool {
    let Some((parent, key)) = parent(answer, pointer) else {
        return false;
    };
    match parent {
        Value::Object(fields) => fields.insert(key, with.clone()).as_ref() != Some(with),
        Value::Array(elements) => {
            let element = key.parse().ok().and_then(|at: usize| elements.get_mut(at));
            element.is_some_and(|element| std::mem::replace(element, with.clone()) != *with)
        }
        _ => false,
    }
}

/// What holds the part a pointer points at, and the part's name in there.
fn parent<'a>(answer: &'a mut Value, pointer: &str) -> Option<(&'a mut Value, String)> {
    let (parent, key) = pointer.rsplit_once('/')?;
    Some((
        answer.pointer_mut(parent)?,
        key.replace("~1", "/").replace("~0", "~"),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Alteration;

    fn edited(alteration: &Alteration) -> Option<Value> {
        let body = r#"{"status":"ok","calls":[{"id":1},{"id":2}],"a/b":null}"#;
        alteration
            .edit(body.as_bytes())
            .map(|body| serde_json::from_slice(&body).expect("still JSON"))
    }

    fn removed(pointer: &str) -> Option<Value> {
        edited(&Alteration::Remove {
            pointer: pointer.to_owned(),
        })
    }

    fn replaced(pointer: &str, with: Value) -> Option<Value> {
        edited(&Alteration::Replace {
            pointer: pointer.to_owned(),
            with,
        })
    }

    #[test]
    fn one_part_of_an_answer_is_taken_out() {
        assert_eq!(
            removed("/status"),
            Some(json!({"calls": [{"id": 1}, {"id": 2}], "a/b": null}))
        );
        assert_eq!(
            removed("/calls/0"),
            Some(json!({"status": "ok", "calls": [{"id": 2}], "a/b": null}))
        );
        assert_eq!(
            removed("/a~1b"),
            Some(json!({"status": "ok", "calls": [{"id": 1}, {"id": 2}]}))
        );
    }

    #[test]
    fn one_part_of_an_answer_is_set() {
        let with = |status: &str| json!({"status": status, "calls": [{"id": 1}, {"id": 2}], "a/b": null});
        assert_eq!(replaced("/status", json!("down")), Some(with("down")));
        assert_eq!(
            replaced("/calls/1/id", json!(9)).map(|answer| answer["calls"][1]["id"].clone()),
            Some(json!(9))
        );
        assert_eq!(
            replaced("/new", json!(1)).map(|answer| answer["new"].clone()),
            Some(json!(1)),
            "what was not there is added"
        );
    }

    #[test]
    fn an_edit_that_changes_nothing_is_none() {
        assert_eq!(removed("/nothing"), None);
        assert_eq!(removed("/calls/2"), None);
        assert_eq!(removed("/nothing/below"), None);
        assert_eq!(replaced("/status", json!("ok")), None);
        assert_eq!(replaced("/status/below", json!("ok")), None);
        let pointer = "/status".to_owned();
        assert_eq!(Alteration::Remove { pointer }.edit(b"not JSON"), None);
    }
}
