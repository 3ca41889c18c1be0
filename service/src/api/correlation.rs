//! Correlation: one id that is found again in the answer, the log, the rows and the tasks of a request.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// Marks a request whose id is ours, because the client sent none that could be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invented;

/// The client's id, if it sent exactly one and it is a UUID.
pub(crate) fn given(headers: &HeaderMap) -> Option<Uuid> {
    let mut values = headers.get_all(&HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Uuid::try_parse(value.to_str().ok()?.trim()).ok(),
        _ => None,
    }
}

/// The client's id when it sent a UUID, else a new one. Behind the wrapping the header always holds one.
pub(crate) fn of(headers: &HeaderMap) -> Uuid {
    given(headers).unwrap_or_else(Uuid::new_v4)
}

/// The id as a header.
pub(crate) fn value(correlation: Uuid) -> HeaderValue {
    // Hexadecimal digits and hyphens are always a header's value.
    HeaderValue::from_str(&correlation.to_string()).unwrap_or(HeaderValue::from_static(""))
}
