//! One HTTP request and its response, as the one recorder wrote it: a line of `exchanges.jsonl`.
//!
//! Nothing secret reaches paper: of a request the pack keeps method, route, header *names* and the body's sha256;
//! of a response the status, media type and the body (redacted).

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
    /// The answer's body, redacted; absent when it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// When it was sent, in milliseconds of the run's clock.
    pub begin_ms: u64,
    /// How long it took, in milliseconds.
    pub ms: f64,
}
