//! One answer against the contract: is it declared, and is it what is declared.

use serde_json::Value;

use super::{
    hidden,
    media::MediaType,
    schemas::{Fault, Schemas},
    spec::{Addressee, Content, Header, Response, Spec},
};
use crate::exchange::Exchange;

/// What an answer is an instance of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    /// `GET /api/tasks/{id}`.
    pub(super) operation: String,
    /// 0 for a declared range of statuses, and for the default.
    pub(super) status: u16,
    /// As declared, without parameters; empty where no body is declared, or none was said to be one.
    pub(super) media: String,
}

/// What came of judging one answer.
pub(super) struct Verdict {
    pub(super) cell: Cell,
    /// What of it the contract does not know: `path`, `method`, `status` or `media`.
    pub(super) undeclared: Option<&'static str>,
    pub(super) faults: Vec<Wrong>,
    pub(super) excused: usize,
    /// Why its body was not judged.
    pub(super) skipped: Option<&'static str>,
    /// Where the schema of its body stands, and the body, when it is JSON and all there.
    pub(super) body: Option<(String, Value)>,
}

/// One thing wrong with an answer.
pub(super) struct Wrong {
    /// `body`, or the name of a header.
    pub(super) part: String,
    pub(super) fault: Fault,
}

/// Judge one answer.
pub(super) fn judge(
    spec: &Spec<'_>,
    exchange: &Exchange,
    schemas: &mut Schemas<'_>,
) -> Result<Verdict, String> {
    let said = exchange.media_type.as_deref().map(MediaType::parse);
    let essence = said.as_ref().map(|said| said.essence.clone()).unwrap_or_default();
    let verdict = |operation: &str, status: u16, media: &str, undeclared| Verdict {
        cell: Cell {
            operation: operation.to_owned(),
            status,
            media: media.to_owned(),
        },
        undeclared,
        faults: Vec::new(),
        excused: 0,
        skipped: None,
        body: None,
    };
    let operation = match spec.addressee(&exchange.method, &exchange.path) {
        Addressee::Operation(operation) => operation,
        Addressee::Method(name) => return Ok(verdict(&name, exchange.status, &essence, Some("method"))),
        Addressee::Nobody(name) => return Ok(verdict(&name, exchange.status, &essence, Some("path"))),
    };
    let Some(response) = operation.response(exchange.status) else {
        return Ok(verdict(
            &operation.name,
            exchange.status,
            &essence,
            Some("status"),
        ));
    };
    let form = response.form(&essence);
    if form.is_none() && !response.content.is_empty() {
        let undeclared = Some("media");
        return Ok(verdict(&operation.name, exchange.status, &essence, undeclared));
    }
    let media = form.map_or("", |form| form.media.essence.as_str());
    let mut verdict = verdict(&operation.name, response.status(), media, None);
    verdict.headers(spec, response, exchange, schemas)?;
    match form {
        Some(form) => verdict.body(form, exchange, schemas)?,
        None if exchange.body.as_deref().is_some_and(|body| !body.is_empty()) => {
            verdict.wrong("body", "content", "", "there is a body, and none is declared");
        }
        None => {}
    }
    Ok(verdict)
}

impl Verdict {
    fn wrong(&mut self, part: &str, keyword: &str, place: &str, message: impl Into<String>) {
        self.faults.push(Wrong {
            part: part.to_owned(),
            fault: Fault {
                keyword: keyword.to_owned(),
                place: place.to_owned(),
                message: message.into(),
            },
        });
    }

    /// What a schema says of a part of the answer.
    fn held_against(
        &mut self,
        part: &str,
        schema: &str,
        value: &Value,
        schemas: &mut Schemas<'_>,
    ) -> Result<(), String> {
        let said = schemas.say(schema, value)?;
        self.excused += said.excused;
        self.faults.extend(said.faults.into_iter().map(|fault| Wrong {
            part: part.to_owned(),
            fault,
        }));
        Ok(())
    }

    fn headers(
        &mut self,
        spec: &Spec<'_>,
        response: &Response,
        exchange: &Exchange,
        schemas: &mut Schemas<'_>,
    ) -> Result<(), String> {
        // What `Content-Type` may be is said by `content`, and by nothing else.
        let named = response
            .headers
            .iter()
            .filter(|header| header.name != "content-type");
        for Header {
            name,
            required,
            schema,
        } in named
        {
            match (exchange.response_headers.get(name), schema) {
                (Some(text), Some(schema)) => {
                    let value = read_as(spec, schema, text);
                    self.held_against(name, schema, &value, schemas)?;
                }
                (None, _) if *required => self.wrong(name, "required", "", "the header is not there"),
                _ => {}
            }
        }
        Ok(())
    }

    fn body(&mut self, form: &Content, exchange: &Exchange, schemas: &mut Schemas<'_>) -> Result<(), String> {
        let said = exchange
            .response_headers
            .get("content-type")
            .or(exchange.media_type.as_ref());
        let said = MediaType::parse(said.map_or("", String::as_str));
        for missing in form.media.missing_from(&said) {
            self.wrong("content-type", "content", "", format!("it lacks `{missing}`"));
        }
        if exchange.method == "HEAD" {
            return Ok(());
        }
        let text = match &exchange.body {
            Some(text) if !exchange.cut => text,
            _ => {
                self.skipped = Some(if exchange.cut {
                    "its body is longer than is kept"
                } else {
                    "its body is no text"
                });
                return Ok(());
            }
        };
        if !said.is_json() {
            let value = Value::String(text.clone());
            return match &form.schema {
                Some(schema) => self.held_against("body", schema, &value, schemas),
                None => Ok(()),
            };
        }
        match serde_json::from_str::<Value>(text) {
            Err(error) => self.wrong("body", "json", "", format!("it is not JSON: {error}")),
            Ok(value) => {
                if let Some(schema) = &form.schema {
                    self.held_against("body", schema, &value, schemas)?;
                }
                if self.faults.is_empty() && !hidden::in_value(&value) {
                    self.body = Some((form.schema.clone().unwrap_or_default(), value));
                }
            }
        }
        Ok(())
    }
}

/// A header's text as the value that its schema speaks of.
fn read_as(spec: &Spec<'_>, schema: &str, text: &str) -> Value {
    let stands = spec.at(schema);
    let referred = stands
        .and_then(|schema| schema.get("$ref"))
        .and_then(Value::as_str);
    let schema = referred.and_then(|reference| spec.referred(reference)).or(stands);
    let types = schema.and_then(|schema| schema.get("type"));
    let plain = |name: &str| match types {
        Some(Value::Array(names)) => names.iter().any(|one| one == name),
        Some(one) => one == name,
        None => false,
    };
    match serde_json::from_str::<Value>(text) {
        Ok(number @ Value::Number(_)) if plain("integer") || plain("number") => number,
        Ok(flag @ Value::Bool(_)) if plain("boolean") => flag,
        _ => Value::String(text.to_owned()),
    }
}
