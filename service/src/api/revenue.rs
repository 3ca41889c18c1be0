//! Realtime revenue: what the platforms say, with how old it is, and whether anything changed.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    State,
    auth::Principal,
    contract::{BehindToken, also_at},
    correlation,
    problem::Problem,
};
use crate::revenue::{Answer, Total, Unavailable};

/// The routes: the path of old, and the same under its version.
pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default().routes(also_at(&["/api/v1/revenue/realtime"], routes!(realtime)))
}

/// What a tenant earned in the last 24 hours, as its platforms say it
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RealtimeRevenue {
    tenant_id: Uuid,
    /// Always false: what platforms say of themselves is not verified; reconciliation is
    verified: bool,
    /// When they were asked
    as_of: DateTime<Utc>,
    /// One per currency; zero dollars when there is nothing
    totals: Vec<Total>,
    /// The platforms that were asked; none when no account is connected
    sources: Vec<String>,
}

/// Realtime revenue
#[utoipa::path(
    get,
    path = "/api/attribution/revenue/realtime",
    tag = "attribution",
    security(("bearer" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "What the caller has already")),
    responses(
        (status = OK, body = RealtimeRevenue, description = "What was earned"),
        (status = NOT_MODIFIED, description = "What the caller has still holds"),
        BehindToken
    )
)]
async fn realtime(principal: Principal, headers: HeaderMap, Shared(state): Shared<Arc<State>>) -> Response {
    let tenant = principal.tenant;
    let known = match state.revenue.of(tenant).await {
        Ok(known) => known,
        Err(Unavailable { retry_after }) => {
            let mut response = Problem::platforms_unavailable(correlation::of(&headers)).into_response();
            let seconds = HeaderValue::from(whole_seconds(retry_after).max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return response;
        }
    };
    let tag = known.answer.tag();
    let left = state.revenue.keep().saturating_sub(known.age);
    let about: [(HeaderName, String); 3] = [
        (header::AGE, known.age.as_secs().to_string()),
        (
            header::CACHE_CONTROL,
            format!("private, max-age={}", left.as_secs()),
        ),
        (header::ETAG, tag.clone()),
    ];
    if has(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let Answer {
        as_of,
        totals,
        sources,
    } = known.answer;
    let body = RealtimeRevenue {
        tenant_id: tenant,
        verified: false,
        as_of,
        totals,
        sources,
    };
    (about, Json(body)).into_response()
}

/// Whether the client says that it has what this tag stands for. Tags are compared without their weakness.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || bare(known) == bare(tag))
}

/// Rounded up: whoever asks again too early is told no again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_whether_weak_or_not() {
        for (sent, found) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(sent));
            assert_eq!(has(&headers, "W/\"a\""), found, "{sent}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_a_second() {
        let seconds = [0, 1, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms)));
        assert_eq!(seconds, [0, 1, 1, 2]);
    }
}
