//! Errors as RFC 9457 problem documents. They say what kind of error it was, and nothing about why.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use uuid::Uuid;

use super::correlation;

/// One error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
    correlation: Uuid,
}

impl Problem {
    /// Not authenticated, for whatever reason: a caller that guesses learns nothing from the answer.
    pub(crate) fn unauthorized(correlation: Uuid) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "AUTH_UNAUTHORIZED",
            detail: "the request is not authenticated",
            correlation,
        }
    }

    /// The request itself is at fault.
    pub(crate) fn refused(status: StatusCode, detail: &'static str, correlation: Uuid) -> Self {
        Self {
            status,
            code: "REQUEST_VALIDATION_FAILED",
            detail,
            correlation,
        }
    }

    /// We are at fault, for now: nothing was acknowledged, and the sender should send again.
    pub(crate) fn unavailable(correlation: Uuid) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "SERVICE_UNAVAILABLE",
            detail: "nothing was stored; send it again",
            correlation,
        }
    }

    /// An error that needs no words beyond its status.
    pub(crate) fn plain(status: StatusCode) -> Self {
        let correlation = Uuid::new_v4();
        Self {
            status,
            code: "UNSPECIFIED_ERROR",
            detail: "there is nothing here for this request",
            correlation,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": format!("urn:skeldir:error:{}", self.correlation),
            "correlation_id": self.correlation,
            "code": self.code,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(correlation::HEADER, correlation::value(self.correlation));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}
