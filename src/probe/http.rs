//! The kind `http`: one request, sent once, and its answer.
//!
//! Nothing is retried, redirected, proxied or sent anywhere but to this machine. [`prepare`] makes the exact bytes
//! of a request and is shared with the load driver; `look` sends them and records the exchange.

mod prepare;
mod read;
#[cfg(test)]
mod tests;

use std::{error::Error as _, io, time::Instant};

use reqwest::{Client, Response, redirect, retry};
use serde_json::{Map, Value, json};

use super::{Blind, Site};
use crate::{
    digest::Digest,
    exchange::{Exchange, may_be_kept},
};

pub(crate) use prepare::own_address;
pub use prepare::{Expect, Prepared, prepare};
use read::Answer;

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

/// Send a request once and say what came back. The exchange goes to the recorder.
pub(crate) async fn look(prepared: &Prepared, site: &Site) -> Result<Value, Blind> {
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
    answer.read(prepared.expect, &mut seen);
    seen["sent"] = prepared.sent();
    Ok(seen)
}

/// The digest of the document that a service hands out, or in words why there is none.
pub(crate) async fn digest_of(request: &str, site: &Site) -> Result<Digest, String> {
    let prepared = Prepared::plain(request, site)?;
    let request = build(&prepared, site)?;
    let answer = tokio::time::timeout(prepared.timeout, exchange(request, &site.client));
    let answer = answer
        .await
        .map_err(|_| format!("{} did not answer in time", prepared.service))?
        .map_err(|blind| blind.to_string())?;
    match (answer.status, answer.error) {
        (200, _) => Ok(Digest::of(answer.body)),
        (_, Some(error)) => Err(format!("{}{}: {error}", prepared.service, prepared.path)),
        (status, None) => Err(format!("{}{} answered {status}", prepared.service, prepared.path)),
    }
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

fn record(prepared: &Prepared, answer: &Answer, begin_ms: u64, ms: f64, site: &Site) -> Exchange {
    let body = std::str::from_utf8(&answer.body)
        .ok()
        .filter(|_| answer.status != 0);
    let kept = answer.headers.iter().filter(|(name, _)| may_be_kept(name));
    let kept = kept.filter_map(|(name, value)| Some((name.clone(), site.paper.redact(value.as_str()?))));
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
        response_headers: kept.collect(),
        body: body.map(|text| site.paper.redact(text)),
        cut: false,
        begin_ms,
        ms,
    }
}
