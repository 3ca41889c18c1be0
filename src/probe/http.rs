//! The kind `http`: one request, sent once, and its answer.
//!
//! Nothing is retried, redirected, proxied or sent anywhere but to this machine. [`prepare`] makes the exact bytes
//! of a request and is shared with the load driver; [`look`] sends them and records the exchange.

use std::{
    error::Error as _,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::{Client, Response, redirect, retry};
use serde_json::{Map, Value, json};

use super::{Blind, Site, evaluate, metrics, params};
use crate::{cel::Scope, digest::Digest, exchange::Exchange, gate::model::Tree};

/// How long a look waits for its whole answer when the gate does not say.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A larger answer is not one an assertion reads.
const LIMIT: usize = 16 * 1024 * 1024;

/// The client of all looks. It keeps no connection: a look must see a refused connection as one, and an idle
/// connection that died would be hidden by a silent second send.
pub fn client() -> Result<Client, String> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| format!("cannot make an HTTP client: {error}"))
}

/// One request, to the byte.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A JSON document.
    Json,
    /// Characters.
    Text,
    /// Prometheus or `OpenMetrics` text.
    Metrics,
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
        Some(Value::String(text)) => params::duration(&text)?,
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

fn reach(service: &str, site: &Site) -> Result<SocketAddr, String> {
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
    pub(super) fn on_paper(&self) -> Value {
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

    fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The field `sent` of the observation: the body as JSON when it is JSON.
    fn sent(&self) -> Value {
        let mut sent = json!({ "path": self.path, "headers": self.header_names(), "bytes": self.body.len() });
        match serde_json::from_str::<Value>(&self.body) {
            Ok(json) => sent["json"] = json,
            Err(_) if !self.body.is_empty() => sent["text"] = self.body.clone().into(),
            Err(_) => {}
        }
        sent
    }
}

/// An answer, whole; or how the exchange ended without one.
struct Answer {
    status: u16,
    error: Option<String>,
    headers: Map<String, Value>,
    body: Vec<u8>,
}

impl Answer {
    fn none(error: &str) -> Self {
        Self {
            status: 0,
            error: Some(error.to_owned()),
            headers: Map::new(),
            body: Vec::new(),
        }
    }

    fn media_type(&self) -> Option<&str> {
        let value = self.headers.get("content-type")?.as_str()?;
        value.split(';').next().map(str::trim)
    }
}

/// Send a request once and say what came back. The exchange goes to the recorder.
pub(super) async fn look(prepared: &Prepared, site: &Site) -> Result<Value, Blind> {
    let request = build(prepared, site).map_err(Blind::because)?;
    let (begin_ms, begin) = (site.clock.ms(), Instant::now());
    let answer = match tokio::time::timeout(prepared.timeout, exchange(request, &site.client)).await {
        Ok(answer) => answer?,
        Err(_) => Answer::none("timeout"),
    };
    let ms = begin.elapsed().as_secs_f64() * 1000.0;
    site.paper.exchange(record(prepared, &answer, begin_ms, ms, site));
    let mut seen =
        json!({ "status": answer.status, "error": answer.error, "ms": ms, "headers": answer.headers });
    read(&answer, prepared.expect, &mut seen);
    seen["sent"] = prepared.sent();
    Ok(seen)
}

fn build(prepared: &Prepared, site: &Site) -> Result<reqwest::Request, String> {
    let method = prepared
        .method
        .parse()
        .map_err(|_| format!("`{}` is not a method", prepared.method))?;
    let mut request = site
        .client
        .request(method, &prepared.url)
        .body(prepared.body.clone());
    for (name, value) in &prepared.headers {
        request = request.header(name, value);
    }
    request
        .build()
        .map_err(|error| format!("the request cannot be made: {error}"))
}

async fn exchange(request: reqwest::Request, client: &Client) -> Result<Answer, Blind> {
    let mut response = match client.execute(request).await {
        Ok(response) => response,
        Err(error) => return Ok(Answer::none(ending(&error))),
    };
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LIMIT => {
                return Err(Blind::because(format!("the answer is larger than {LIMIT} bytes")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Ok(Answer::none(ending(&error))),
        }
    }
    Ok(Answer {
        status: response.status().as_u16(),
        error: None,
        headers: names_and_values(&response),
        body,
    })
}

/// Headers by lower-case name; the values of a repeated one are joined, as HTTP allows.
fn names_and_values(response: &Response) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = match headers.get(name.as_str()).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        headers.insert(name.as_str().to_owned(), joined.into());
    }
    headers
}

/// How an exchange ended without a whole answer: `refused`, `reset`, `unreachable`, `broken`.
fn ending(error: &reqwest::Error) -> &'static str {
    let mut cause = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return "refused",
            Some(
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof,
            ) => return "reset",
            _ => cause = inner.source(),
        }
    }
    let closed_early = format!("{error:?}").contains("IncompleteMessage");
    match (error.is_connect(), closed_early) {
        (true, _) => "unreachable",
        (_, true) => "reset",
        _ => "broken",
    }
}

/// Put the payload where assertions look for it. A body that is not what it should be is kept as text, with the
/// reason in `error`: a missing `json` breaks whatever reads it.
fn read(answer: &Answer, expect: Option<Expect>, seen: &mut Value) {
    if answer.status == 0 || answer.body.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let failed = match expect.or_else(|| by_media_type(answer)).unwrap_or(Expect::Text) {
        Expect::Text => None,
        Expect::Json => match serde_json::from_str::<Value>(&text) {
            Ok(json) => return seen["json"] = json,
            Err(error) => Some(format!("not JSON: {error}")),
        },
        Expect::Metrics => match metrics::parse(&text) {
            Ok(scrape) => {
                seen["samples"] = scrape.samples();
                seen["types"] = scrape.types();
                return;
            }
            Err(error) => Some(format!("not metrics: {error}")),
        },
    };
    seen["text"] = text.into();
    if failed.is_some() {
        seen["error"] = failed.into();
    }
}

fn by_media_type(answer: &Answer) -> Option<Expect> {
    let media = answer.media_type()?.to_ascii_lowercase();
    let whole = answer
        .headers
        .get("content-type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if media == "application/json" || media.ends_with("+json") {
        Some(Expect::Json)
    } else if media == "application/openmetrics-text" || (media == "text/plain" && whole.contains("version="))
    {
        Some(Expect::Metrics)
    } else {
        None
    }
}

fn record(prepared: &Prepared, answer: &Answer, begin_ms: u64, ms: f64, site: &Site) -> Exchange {
    let body = std::str::from_utf8(&answer.body)
        .ok()
        .filter(|_| answer.status != 0);
    Exchange {
        asked_by: site.asked_by.clone(),
        service: prepared.service.clone(),
        method: prepared.method.clone(),
        path: site.paper.redact(&prepared.path),
        request_headers: prepared.header_names().into_iter().map(str::to_owned).collect(),
        request_body_sha256: Digest::of(&prepared.body),
        request_bytes: prepared.body.len() as u64,
        status: answer.status,
        error: answer.error.clone(),
        media_type: answer.media_type().map(str::to_owned),
        body: body.map(|text| site.paper.redact(text)),
        begin_ms,
        ms,
    }
}

#[cfg(test)]
mod tests;
