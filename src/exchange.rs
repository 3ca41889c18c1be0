//! One HTTP request and its response, as the one recorder wrote it: a line of `exchanges.jsonl`.
//!
//! Nothing secret reaches paper: of a request the pack keeps method, route, header *names* and the body's sha256;
//! of a response the status, media type, headers and the body (redacted). Headers that hand out credentials are left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One request and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Gate, pass and probe that asked: `EG8.5/pass/storm`.
    pub asked_by: String,
    /// Service of the suite.
    pub service: String,
    /// `POST`, `GET` …
    pub method: String,
    /// Path and query, redacted.
    pub path: String,
    /// Names of the headers that were sent, in lower case, sorted.
    pub request_headers: Vec<String>,
    /// SHA-256 of the body that was sent.
    pub request_body_sha256: Digest,
    /// Bytes of the body that was sent.
    pub request_bytes: u64,
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// `refused`, `reset`, `timeout` … when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Media type of the answer, without parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Headers of the answer by their names in lower case, redacted; of those that may be kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_headers: BTreeMap<String, String>,
    /// The answer's body, redacted; absent when it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body was longer than is kept of one, and was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// When it was sent, in milliseconds of the run's clock.
    pub begin_ms: u64,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// Headers of answers that never reach paper: what they say is a credential.
const CREDENTIALS: &[&str] = &[
    "authentication-info",
    "authorization",
    "proxy-authentication-info",
    "set-cookie",
    "set-cookie2",
];

/// Whether a header of an answer, named in lower case, may be kept.
pub fn may_be_kept(header: &str) -> bool {
    !CREDENTIALS.contains(&header)
}
