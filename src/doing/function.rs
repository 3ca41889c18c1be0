//! The functions a text may call, as the World of the `cel` room takes them.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::{Mint, sign};
use crate::cel::{Native, World};

/// One function: its name, how many arguments it takes, and what it does with them.
#[derive(Clone)]
pub struct Function {
    /// Name in CEL.
    pub name: &'static str,
    /// How many arguments; checked by the world before `call`.
    pub arity: usize,
    /// What it does. Its errors are lower-case fragments.
    pub call: Native,
}

impl Mint {
    /// Teach a world every doing function, for the texts of one pass.
    pub fn teach(self: &Arc<Self>, world: &mut World, pass: &str) {
        for function in self.functions(pass) {
            world.native(function.name, function.arity, function.call);
        }
    }

    /// Every doing function, for the texts of one pass (`EG8.5/pass`, `EG8.5/lost_row/red`).
    pub fn functions(self: &Arc<Self>, pass: &str) -> Vec<Function> {
        let mut all = self.identities(pass);
        all.extend(self.secrets());
        all.extend(self.tokens());
        all.extend(clocks());
        all.extend(signatures());
        all
    }

    /// `uuid(l)`, `fresh(l)`, `pick(l, list)`.
    fn identities(self: &Arc<Self>, pass: &str) -> Vec<Function> {
        let (same, new, draw, pass) = (self.clone(), self.clone(), self.clone(), pass.to_owned());
        vec![
            native("uuid", 1, move |given| Ok(same.uuid(text(given, 0)?).into())),
            native("fresh", 1, move |given| {
                Ok(new.fresh(&pass, text(given, 0)?).into())
            }),
            native("pick", 2, move |given| {
                let list = given
                    .get(1)
                    .and_then(Value::as_array)
                    .ok_or("`pick` draws from a list")?;
                let at = draw
                    .draw(text(given, 0)?, list.len())
                    .ok_or("`pick` cannot draw from an empty list")?;
                Ok(list[at].clone())
            }),
        ]
    }

    /// `mint(l)`, `secret(n)`, `canary(n)`, `dsn(db)`, `dsn_password(db)`, `url(service)`.
    fn secrets(self: &Arc<Self>) -> Vec<Function> {
        let mut all: Vec<Function> = ["mint", "secret", "canary"]
            .into_iter()
            .map(|purpose| {
                let mint = self.clone();
                native(purpose, 1, move |given| {
                    Ok(mint.secret(purpose, text(given, 0)?).into())
                })
            })
            .collect();
        let (dsn, password, url) = (self.clone(), self.clone(), self.clone());
        all.push(native("dsn", 1, move |given| {
            dsn.dsn(text(given, 0)?).map(Value::from)
        }));
        all.push(native("dsn_password", 1, move |given| {
            password.password(text(given, 0)?).map(Value::from)
        }));
        all.push(native("url", 1, move |given| {
            url.url(text(given, 0)?).map(Value::from)
        }));
        all
    }
}

impl Mint {
    /// `public_ring(key)`, `jwt(claims, key)`, `jwt_with(header, claims, key)`.
    fn tokens(self: &Arc<Self>) -> Vec<Function> {
        let (ring, good, forged) = (self.clone(), self.clone(), self.clone());
        vec![
            native("public_ring", 1, move |given| {
                ring.public_ring(text(given, 0)?).map(Value::from)
            }),
            native("jwt", 2, move |given| {
                good.token(None, argument(given, 0)?, text(given, 1)?)
                    .map(Value::from)
            }),
            native("jwt_with", 3, move |given| {
                forged
                    .token(Some(argument(given, 0)?), argument(given, 1)?, text(given, 2)?)
                    .map(Value::from)
            }),
        ]
    }
}

/// `now()`: whole seconds since 1970; `rfc3339(t)`: such seconds as `2026-11-20T13:04:00Z`.
fn clocks() -> Vec<Function> {
    vec![
        native("now", 0, |_| Ok(Utc::now().timestamp().into())),
        native("rfc3339", 1, |given| {
            let seconds = given
                .first()
                .and_then(Value::as_i64)
                .ok_or("`rfc3339` takes whole seconds")?;
            let time = DateTime::from_timestamp(seconds, 0)
                .ok_or("`rfc3339` takes seconds of a year it can write")?;
            Ok(time.to_rfc3339_opts(SecondsFormat::Secs, true).into())
        }),
    ]
}

/// `hmac_hex(key, message)`, `hmac_b64(key, message)`, `flip(text)`, `base64(text)`, and `gzip(text)`, which answers
/// with the base64 of the compressed bytes, because a text of the grammar cannot hold bytes.
fn signatures() -> Vec<Function> {
    vec![
        native("hmac_hex", 2, |given| {
            Ok(hex::encode(sign::hmac(text(given, 0)?.as_bytes(), text(given, 1)?.as_bytes())).into())
        }),
        native("hmac_b64", 2, |given| {
            Ok(sign::base64(&sign::hmac(
                text(given, 0)?.as_bytes(),
                text(given, 1)?.as_bytes(),
            ))
            .into())
        }),
        native("flip", 1, |given| {
            let flipped = sign::flip(text(given, 0)?).ok_or("`flip` cannot change an empty text")?;
            Ok(flipped.into())
        }),
        native("base64", 1, |given| {
            Ok(sign::base64(text(given, 0)?.as_bytes()).into())
        }),
        native("gzip", 1, |given| {
            let zipped = sign::gzip(text(given, 0)?).map_err(|error| format!("cannot compress: {error}"))?;
            Ok(sign::base64(&zipped).into())
        }),
    ]
}

fn native(
    name: &'static str,
    arity: usize,
    call: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
) -> Function {
    Function {
        name,
        arity,
        call: Arc::new(call),
    }
}

fn argument(given: &[Value], at: usize) -> Result<&Value, String> {
    given
        .get(at)
        .ok_or_else(|| format!("argument {} is missing", at + 1))
}

fn text(given: &[Value], at: usize) -> Result<&str, String> {
    let value = argument(given, at)?;
    value
        .as_str()
        .ok_or_else(|| format!("argument {} is `{value}`, not a text", at + 1))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{super::Keys, Mint};
    use crate::cel::{DOING, Text, World};

    fn call(name: &str, given: &[Value]) -> Result<Value, String> {
        let mint = Arc::new(Mint::new(
            Uuid::from_u128(1),
            [9; 32],
            Keys::default(),
            Arc::new(|_, _| {}),
        ));
        let all = mint.functions("G/pass");
        let native = all
            .iter()
            .find(|native| native.name == name)
            .expect("a known function");
        assert_eq!(native.arity, given.len());
        (native.call)(given)
    }

    #[test]
    fn every_function_of_the_language_is_there() {
        let mint = Arc::new(Mint::new(
            Uuid::from_u128(1),
            [9; 32],
            Keys::default(),
            Arc::new(|_, _| {}),
        ));
        let known: BTreeSet<_> = mint
            .functions("G/pass")
            .iter()
            .map(|one| (one.name, one.arity))
            .collect();
        assert_eq!(known, DOING.iter().copied().collect());
    }

    #[test]
    fn a_world_that_was_taught_speaks() {
        let mint = Arc::new(Mint::new(
            Uuid::from_u128(1),
            [9; 32],
            Keys::default(),
            Arc::new(|_, _| {}),
        ));
        let mut world = World::pure();
        mint.teach(&mut world, "G/pass");
        let text = Text::parse("v1=${hmac_hex(mint('hook'), string(now()) + '.body')}").expect("a good text");
        let said = world.scope().text(&text).expect("it can be evaluated");
        assert_eq!(said.as_str().map(str::len), Some(3 + 64));
    }

    #[test]
    fn a_pick_is_an_element_and_an_empty_list_is_an_error() {
        let drawn = call("pick", &[json!("off"), json!(["a", "b"])]).expect("a list to draw from");
        assert!(drawn == "a" || drawn == "b");
        assert!(
            call("pick", &[json!("off"), json!([])])
                .expect_err("nothing to draw")
                .contains("empty list")
        );
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(
            call("rfc3339", &[json!(0)]).expect("a time"),
            "1970-01-01T00:00:00Z"
        );
        assert!(call("rfc3339", &[json!(i64::MAX)]).is_err());
        assert!(
            call("now", &[])
                .expect("a clock")
                .as_i64()
                .expect("whole seconds")
                > 1_700_000_000
        );
    }

    #[test]
    fn a_wrong_argument_is_named_and_never_panics() {
        assert_eq!(
            call("mint", &[json!(3)]).expect_err("not a text"),
            "argument 1 is `3`, not a text"
        );
    }
}
