//! Errors as RFC 9457 problem documents. They say what kind of error it was, and nothing about why.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::correlation;

/// The media type of every error.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// One error answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
    correlation: Uuid,
    errors: Vec<FieldError>,
    /// How the caller would have to authenticate.
    challenge: Option<&'static str>,
}

/// An error, as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// Always `about:blank`: `code` says which kind it is
    r#type: &'static str,
    /// The status in words
    title: &'static str,
    /// The status of the answer
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong, as far as the caller may know
    detail: &'static str,
    /// `urn:skeldir:error:` and the correlation id
    instance: String,
    /// The id under which this request is found in the log
    correlation_id: Uuid,
    /// When the answer was given
    #[schema(format = DateTime)]
    timestamp: String,
    /// Which kind of error it is, for programs
    code: &'static str,
    /// What was wrong with which part of the request
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

/// One part of a request that is at fault
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldError {
    /// The part
    field: &'static str,
    /// What is wrong with it
    message: &'static str,
}

impl Problem {
    /// An error that needs no words beyond its status.
    pub(crate) fn of(status: StatusCode, correlation: Uuid) -> Self {
        Self {
            status,
            code: "UNSPECIFIED_ERROR",
            detail: match status {
                StatusCode::NOT_FOUND => "there is nothing under this path",
                StatusCode::METHOD_NOT_ALLOWED => "this path does not take this method",
                _ if status.is_server_error() => "it did not work; it is in the log under the correlation id",
                _ => "the request cannot be answered",
            },
            correlation,
            errors: Vec::new(),
            challenge: None,
        }
    }

    /// The same, of a request that nobody traces.
    pub(crate) fn plain(status: StatusCode) -> Self {
        Self::of(status, Uuid::new_v4())
    }

    /// Not authenticated, for whatever reason: a caller that guesses learns nothing from the answer.
    pub(crate) fn unauthorized(correlation: Uuid) -> Self {
        Self {
            code: "AUTH_UNAUTHORIZED",
            detail: "the request is not authenticated",
            ..Self::of(StatusCode::UNAUTHORIZED, correlation)
        }
    }

    /// Authenticated, and not allowed.
    pub(crate) fn forbidden(correlation: Uuid) -> Self {
        Self {
            code: "AUTH_FORBIDDEN",
            detail: "the token does not allow this",
            ..Self::of(StatusCode::FORBIDDEN, correlation)
        }
    }

    /// The request itself is at fault.
    pub(crate) fn refused(status: StatusCode, detail: &'static str, correlation: Uuid) -> Self {
        Self {
            code: "REQUEST_VALIDATION_FAILED",
            detail,
            ..Self::of(status, correlation)
        }
    }

    /// There is no such thing.
    pub(crate) fn not_found(detail: &'static str, correlation: Uuid) -> Self {
        Self {
            detail,
            ..Self::of(StatusCode::NOT_FOUND, correlation)
        }
    }

    /// We are at fault, for now: nothing was acknowledged, and the sender should send again.
    pub(crate) fn unavailable(correlation: Uuid) -> Self {
        Self {
            code: "SERVICE_UNAVAILABLE",
            detail: "nothing was stored; send it again",
            ..Self::of(StatusCode::SERVICE_UNAVAILABLE, correlation)
        }
    }

    /// Others are at fault, for now: the platforms that would have to be asked do not answer.
    pub(crate) fn platforms_unavailable(correlation: Uuid) -> Self {
        Self {
            code: "PLATFORMS_UNAVAILABLE",
            detail: "the platforms do not say what was earned; ask again later",
            ..Self::of(StatusCode::SERVICE_UNAVAILABLE, correlation)
        }
    }

    /// The same, naming a part of the request that is at fault.
    pub(crate) fn because(mut self, field: &'static str, message: &'static str) -> Self {
        self.errors.push(FieldError { field, message });
        self
    }

    /// The same, saying how to authenticate.
    pub(crate) fn challenging(self, scheme: &'static str) -> Self {
        Self {
            challenge: Some(scheme),
            ..self
        }
    }

    fn document(&self) -> Document {
        Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            instance: format!("urn:skeldir:error:{}", self.correlation),
            correlation_id: self.correlation,
            timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            code: self.code,
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(correlation::HEADER, correlation::value(self.correlation));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(scheme) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        response
    }
}
