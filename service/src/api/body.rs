//! Small JSON bodies: read within a bound, refused with what is wrong and where.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

use super::{correlation, problem::Problem};

/// The largest body of a request that only asks for something.
const MOST_BYTES: usize = 16 * 1024;

/// A JSON object, or nothing at all (no body, or `null`), which says the same as an empty object.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let correlation = correlation::of(request.headers());
        let refused = |status, detail| Problem::refused(status, detail, correlation);
        let is_json = is_json(request.headers());
        let body = axum::body::to_bytes(request.into_body(), MOST_BYTES)
            .await
            .map_err(|_| refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 16 KiB"))?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            let detail = "the body is not said to be `application/json`";
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let asked: Result<Option<T>, _> = serde_json::from_slice(&body);
        asked.map(|asked| Self(asked.unwrap_or_default())).map_err(|_| {
            refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body is not what this path takes",
            )
            .because(
                "body",
                "it must be a JSON object with the documented fields and no others",
            )
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    media_type
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
}
