//! JSON that says one thing. A body that names a key twice says two, and whoever reads it picks one: what was examined
//! would not be what another reader of the same bytes sees. So it is refused like any other body that is not JSON.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The value of these bytes; none when they are not JSON, or say anything twice.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Single>(bytes)
        .ok()
        .map(|single| single.0)
}

struct Single(Value);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON without a repeated key")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Single(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Single(value))) = fields.next_entry::<String, Single>()? {
            if map.insert(key, value).is_some() {
                return Err(de::Error::custom("a repeated key"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_names_a_key_twice_is_not_read_however_deep() {
        for body in [
            r#"{"a":1,"a":1}"#,
            r#"{"data":[{"receipt_email":"ann@example.org","receipt_email":null}]}"#,
            r#"{"email":1,"\u0065mail":null}"#,
        ] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "{}x", "\u{feff}{}", "NaN", "1e999", deep.as_str()] {
            assert_eq!(read(body.as_bytes()), None);
        }
        assert_eq!(read(b"\"\xff\""), None);
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_everybody_reads_it(text in r#"\{"[a-z]{1,3}":(-?[0-9]{1,18}|true|null|"[a-z\\\\/"]{0,4}"|\[[0-9]\.5,\{\}\])\}"#) {
            prop_assert_eq!(read(text.as_bytes()), serde_json::from_str(&text).ok());
        }
    }
}
