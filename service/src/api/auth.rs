//! The door of the APIs behind a token. A handler that takes a `Principal` is behind it.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};

use super::{
    State,
    correlation::{self, Invented},
    problem::Problem,
};
pub(crate) use crate::auth::Principal;
use crate::{auth::Refusal, db};

/// First who asks, then how: whoever is not authenticated learns nothing else, not even about a header.
impl FromRequestParts<Arc<State>> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        let correlation = correlation::of(&parts.headers);
        let admitted = match bearer(&parts.headers) {
            Some(token) => state.gate.admit(token).await,
            None => Err(Refusal::Unauthorized("no token")),
        };
        let principal = admitted.map_err(|refusal| {
            let (reason, problem) = match refusal {
                Refusal::Unauthorized(reason) => (
                    reason.to_owned(),
                    Problem::unauthorized(correlation).challenging("Bearer"),
                ),
                Refusal::Forbidden => ("no scope".to_owned(), Problem::forbidden(correlation)),
                Refusal::Unavailable(error) => (db::words(&error), Problem::unavailable(correlation)),
            };
            tracing::info!(correlation_id = %correlation, path = parts.uri.path(), reason, "refused");
            problem
        })?;
        if parts.extensions.get::<Invented>().is_some() {
            return Err(Problem::refused(
                StatusCode::BAD_REQUEST,
                "every request must say how it is traced",
                correlation,
            )
            .because("X-Correlation-ID", "it must be there once, and a UUID"));
        }
        tracing::info!(
            correlation_id = %correlation,
            tenant_id = %principal.tenant,
            user_id = %principal.user,
            jti = principal.jti,
            scope = principal.scope.as_str(),
            path = parts.uri.path(),
            "admitted"
        );
        Ok(principal)
    }
}

/// The token of the one `Authorization: Bearer …` header; none when there is not exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
