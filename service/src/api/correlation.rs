//! Correlation: one id that is found again in the answer, the log, the rows and the tasks of a request.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The client's id when it sent a UUID, else a new one.
pub(crate) fn of(headers: &HeaderMap) -> Uuid {
    headers
        .get(&HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| Uuid::try_parse(text.trim()).ok())
        .unwrap_or_else(Uuid::new_v4)
}

/// The id as a header.
pub(crate) fn value(correlation: Uuid) -> HeaderValue {
    // Hexadecimal digits and hyphens are always a header's value.
    HeaderValue::from_str(&correlation.to_string()).unwrap_or(HeaderValue::from_static(""))
}
