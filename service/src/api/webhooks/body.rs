//! The body of a webhook, as it came: neither too large, nor too slow, nor of another length than announced.

use std::{error::Error as _, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::LengthLimitError;
use uuid::Uuid;

use crate::{api::problem::Problem, ingest::signature};

/// The largest body that is read.
const MOST_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads it, up to the bound whatever was announced: whoever sends a little too much gets an answer, not a broken pipe.
pub(super) async fn read(body: Body, correlation: Uuid) -> Result<Bytes, Problem> {
    let refused = |status, detail| Problem::refused(status, detail, correlation);
    let arrived = tokio::time::timeout(PATIENCE, to_bytes(body, MOST_BYTES)).await;
    arrived
        .map_err(|_| refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"))?
        .map_err(|error| match error.source() {
            Some(source) if source.is::<LengthLimitError>() => {
                refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB")
            }
            _ => refused(
                StatusCode::BAD_REQUEST,
                "the body is not what the headers announced",
            ),
        })
}

/// Whether the headers say that the body is JSON. Who says nothing is asked for nothing else: a body without a type is
/// read as JSON or not at all.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::CONTENT_TYPE) {
        return true;
    }
    let kind = signature::only(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_says_so_or_says_nothing() {
        for (types, json) in [
            (vec![], true),
            (vec!["application/json"], true),
            (vec!["Application/JSON; charset=utf-8"], true),
            (vec!["application/vnd.vendor+json"], true),
            (vec!["text/plain"], false),
            (vec!["text/json"], false),
            (vec!["application/x-www-form-urlencoded"], false),
            (vec!["application/jsonp"], false),
            (vec!["; application/json"], false),
            (vec![""], false),
            (vec!["application/json", "text/plain"], false),
            (vec!["application/json", "application/json"], false),
        ] {
            let mut headers = HeaderMap::new();
            for kind in &types {
                headers.append(header::CONTENT_TYPE, kind.parse().expect("a header's value"));
            }
            assert_eq!(is_json(&headers), json, "{types:?}");
        }
    }
}
