//! One request made from what a gate wrote, to the byte.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::Site;
use crate::{
    cel::Scope,
    gate::{self, model::Tree, tree::evaluate},
};

/// How long a look waits for its whole answer when the gate does not say.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One request, to the byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// `POST`, `GET` …
    pub method: String,
    /// Service of the suite.
    pub service: String,
    /// Path and query.
    pub path: String,
    /// Where it is sent: a loopback address.
    pub url: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The exact body; empty when there is none.
    pub body: String,
    /// How the answer is read; by its media type when none.
    pub expect: Option<Expect>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// A JSON document.
    Json,
    /// Characters.
    Text,
    /// Prometheus or `OpenMetrics` text.
    Metrics,
}

impl Prepared {
    /// A request without a header or a body of its own.
    pub(super) fn plain(request: &str, site: &Site) -> Result<Self, String> {
        let (method, service, path) = split(request)?;
        Ok(Self {
            url: format!("http://{}{path}", reach(&service, site)?),
            method,
            service,
            path,
            headers: Vec::new(),
            body: String::new(),
            expect: None,
            timeout: TIMEOUT,
        })
    }
}

/// Evaluate the parameters of an `http` look: the body first, then the headers with `body` in scope.
pub fn prepare(tree: &Tree, scope: &Scope<'_>, site: &Site) -> Result<Prepared, String> {
    let part = |key: &str| tree.get(key).map(|part| evaluate(part, scope)).transpose();
    let request = part("request")?.ok_or("`request` is missing")?;
    let (method, service, path) = split(request.as_str().unwrap_or_default())?;
    let (json, body) = (part("json")?, part("body")?);
    let is_json = json.is_some();
    let body = match (json, body) {
        (Some(_), Some(_)) => return Err("`json` and `body` cannot both be sent".into()),
        (Some(json), None) => json.to_string(),
        (None, Some(Value::String(body))) => body,
        (None, Some(other)) => return Err(format!("`body` is `{other}`, not a text")),
        (None, None) => String::new(),
    };
    let timeout = match part("timeout")? {
        Some(Value::String(text)) => gate::duration(&text)?,
        Some(other) => return Err(format!("`timeout` is `{other}`, not a duration")),
        None => TIMEOUT,
    };
    Ok(Prepared {
        url: format!("http://{}{path}", reach(&service, site)?),
        headers: headers(tree.get("headers"), is_json, &body, scope)?,
        expect: part("expect")?.map(|expect| expectation(&expect)).transpose()?,
        method,
        service,
        path,
        body,
        timeout,
    })
}

/// `METHOD service /path`, and nothing else.
fn split(request: &str) -> Result<(String, String, String), String> {
    let wrong = || format!("`{request}` is not a request\nhint: write `GET service /path`");
    let mut parts = request.splitn(3, ' ');
    let (Some(method), Some(service), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let method_is_good = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
    let path_is_good = path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control());
    if method_is_good && !service.is_empty() && path_is_good {
        Ok((method.to_owned(), service.to_owned(), path.to_owned()))
    } else {
        Err(wrong())
    }
}

/// Where a service is asked: at its own port, or at the relay that stands before it.
fn reach(service: &str, site: &Site) -> Result<SocketAddr, String> {
    let address = own_address(service, site)?;
    Ok(site.relays.address(service).unwrap_or(address))
}

/// Where a service itself listens, on this machine.
pub(crate) fn own_address(service: &str, site: &Site) -> Result<SocketAddr, String> {
    let address = site
        .ground
        .address(service)
        .ok_or_else(|| format!("service `{service}` has no address"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!(
            "`{service}` is at `{address}`, which is not this machine; nothing is sent there"
        ))
    }
}

fn headers(
    tree: Option<&Tree>,
    is_json: bool,
    body: &str,
    scope: &Scope<'_>,
) -> Result<Vec<(String, String)>, String> {
    let mut with_body = scope.child();
    with_body.bind("body", &Value::from(body));
    let written = tree.map_or_else(|| Ok(json!({})), |tree| evaluate(tree, &with_body))?;
    let written = written.as_object().ok_or("`headers` is not a table")?;
    let mut headers = Vec::new();
    if is_json
        && !written
            .keys()
            .any(|name| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in written {
        match value {
            Value::Null => {}
            Value::String(text) => headers.push((name.to_ascii_lowercase(), text.clone())),
            Value::Number(_) | Value::Bool(_) => headers.push((name.to_ascii_lowercase(), value.to_string())),
            _ => return Err(format!("header `{name}` is `{value}`, not a text")),
        }
    }
    Ok(headers)
}

fn expectation(value: &Value) -> Result<Expect, String> {
    match value.as_str() {
        Some("json") => Ok(Expect::Json),
        Some("text") => Ok(Expect::Text),
        Some("metrics") => Ok(Expect::Metrics),
        _ => Err(format!(
            "`expect` is `{value}`\nhint: it may be `json`, `text` or `metrics`"
        )),
    }
}

impl Prepared {
    /// What goes to paper: everything but the values of headers. Not redacted yet.
    pub(crate) fn on_paper(&self) -> Value {
        let Self {
            method,
            service,
            path,
            ..
        } = self;
        json!({
            "request": format!("{method} {service} {path}"),
            "headers": self.header_names(),
            "body": self.body,
            "timeout_ms": u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
        })
    }

    pub(super) fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The field `sent` of the observation: the body as JSON when it is JSON.
    pub(super) fn sent(&self) -> Value {
        let mut sent = json!({ "path": self.path, "headers": self.header_names(), "bytes": self.body.len() });
        match serde_json::from_str::<Value>(&self.body) {
            Ok(json) => sent["json"] = json,
            Err(_) if !self.body.is_empty() => sent["text"] = self.body.clone().into(),
            Err(_) => {}
        }
        sent
    }
}
