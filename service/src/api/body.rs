//! Small JSON bodies: read within a bound, refused with what is wrong and where.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{correlation, problem::Problem};

/// The largest body of a request that only asks for something.
const MOST_BYTES: usize = 16 * 1024;

/// The largest body with a prompt in it.
const MOST_PROMPTED_BYTES: usize = 256 * 1024;

/// A JSON object, or nothing at all (no body, or `null`), which says the same as an empty object.
pub(super) struct Asked<T>(pub(super) T);

/// A JSON object that must be there, and may be long.
pub(super) struct Prompted<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let too_long = "the body is larger than 16 KiB";
        let asked = Received::read(request, MOST_BYTES, too_long).await?;
        if asked.body.is_empty() {
            return Ok(Self(T::default()));
        }
        let asked: Option<T> = asked.object()?;
        Ok(Self(asked.unwrap_or_default()))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Prompted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let too_long = "the body is larger than 256 KiB";
        let asked = Received::read(request, MOST_PROMPTED_BYTES, too_long).await?;
        asked.object().map(Self)
    }
}

/// A body that was read, and what its headers said of it.
struct Received {
    body: Bytes,
    is_json: bool,
    correlation: Uuid,
}

impl Received {
    async fn read(request: Request, most: usize, too_long: &'static str) -> Result<Self, Problem> {
        let correlation = correlation::of(request.headers());
        let is_json = is_json(request.headers());
        let body = axum::body::to_bytes(request.into_body(), most).await;
        Ok(Self {
            body: body.map_err(|_| Problem::refused(StatusCode::PAYLOAD_TOO_LARGE, too_long, correlation))?,
            is_json,
            correlation,
        })
    }

    fn object<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let refused = |status, detail| Problem::refused(status, detail, self.correlation);
        if !self.is_json {
            let detail = "the body is not said to be `application/json`";
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        serde_json::from_slice(&self.body).map_err(|_| {
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
