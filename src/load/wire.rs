//! One HTTP client without opinions: no retry, no redirect, no proxy, and to this host only.
//!
//! This is hyper's client and not reqwest on top of it, because `reqwest::retry::never()` does not reach the layer
//! below: a request that meets a dead idle connection is put on a new one without a word, and nothing in reqwest
//! switches that off.

use std::{error::Error, future::Future, io, net::IpAddr, pin::Pin};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{HeaderName, HeaderValue},
    rt::Executor,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::driver::Limits;
use crate::account::Trouble;

/// A request in words, made before the first send.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedRequest {
    /// `POST`, `GET` …
    pub method: String,
    /// Absolute, `http://`, with a loopback address in it: a name could be anybody's.
    pub url: String,
    /// Headers in order; a name may come twice.
    pub headers: Vec<(String, String)>,
    /// The exact bytes of the body.
    pub body: Bytes,
}

/// The client of one load.
pub(super) type Wire = Client<HttpConnector, Full<Bytes>>;

/// A client that reports every broken connection instead of mending it.
pub(super) fn client(limits: &Limits) -> Wire {
    client_on(TokioExecutor::new(), limits)
}

/// The same, with its connections on an executor of the caller's.
fn client_on<E>(executor: E, limits: &Limits) -> Wire
where
    E: Executor<Pin<Box<dyn Future<Output = ()> + Send>>> + Clone + Send + Sync + 'static,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(limits.connect_timeout));
    Client::builder(executor)
        .retry_canceled_requests(false)
        .pool_idle_timeout(None)
        .build(connector)
}

/// The request as the client takes it, or what is wrong with it.
pub(super) fn ready(prepared: &PreparedRequest) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::new(Full::new(prepared.body.clone()));
    *request.method_mut() = method(&prepared.method)?;
    *request.uri_mut() = loopback(&prepared.url)?;
    *request.headers_mut() = headers(&prepared.headers)?;
    Ok(request)
}

fn method(text: &str) -> Result<Method, String> {
    text.parse().map_err(|_| format!("`{text}` is no method"))
}

fn loopback(text: &str) -> Result<Uri, String> {
    let uri: Uri = text
        .parse()
        .map_err(|error| format!("`{text}` is no address: {error}"))?;
    // IPv6 stands in brackets; a name does not parse as an address and is not looked up.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match (uri.scheme_str(), here) {
        (Some("http"), true) => Ok(uri),
        (Some("http"), false) => Err(format!(
            "`{text}` is not on this host\nhint: load is sent to 127.0.0.1 only"
        )),
        _ => Err(format!("`{text}` does not begin with `http://`")),
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let parsed: HeaderName = name.parse().map_err(|_| format!("`{name}` is no header name"))?;
        // The value may be a secret: it is not repeated in the message.
        let value =
            HeaderValue::from_str(value).map_err(|_| format!("the value of header `{name}` is not ASCII"))?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// What a failed exchange suffered from: the first cause in the chain that says.
pub(super) fn trouble(error: &(dyn Error + 'static)) -> Trouble {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        let io = inner.downcast_ref::<io::Error>().and_then(|io| of_io(io.kind()));
        let http = inner.downcast_ref::<hyper::Error>().and_then(of_hyper);
        if let Some(found) = io.or(http) {
            return found;
        }
        cause = inner.source();
    }
    Trouble::Other
}

/// The connection ended before the answer did, or before the request could even begin.
fn of_hyper(error: &hyper::Error) -> Option<Trouble> {
    let cut_off = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    cut_off.then_some(Trouble::Reset)
}

fn of_io(kind: io::ErrorKind) -> Option<Trouble> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(Trouble::Refused),
        io::ErrorKind::TimedOut => Some(Trouble::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Trouble::Reset),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
