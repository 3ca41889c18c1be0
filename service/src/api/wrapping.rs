//! What every answer has in common, whoever gave it: a correlation id, and, when it is an error, the form of one.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use axum::{
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    correlation::{self, Invented},
    problem::Problem,
};

/// Gives the request an id, and its answer the common form.
pub(super) async fn wrap(mut request: Request, next: Next) -> Response {
    let correlation = correlation::given(request.headers()).unwrap_or_else(|| {
        request.extensions_mut().insert(Invented);
        Uuid::new_v4()
    });
    request
        .headers_mut()
        .insert(correlation::HEADER, correlation::value(correlation));
    let answer = unless_it_panics(next.run(request)).await.unwrap_or_else(|| {
        tracing::error!(correlation_id = %correlation, "a route panicked");
        Problem::of(StatusCode::INTERNAL_SERVER_ERROR, correlation).into_response()
    });
    let mut answer = formed(answer, correlation);
    answer
        .headers_mut()
        .insert(correlation::HEADER, correlation::value(correlation));
    answer
}

/// An error that came without a document of its own, from the router or an extractor, gets one, and keeps what its
/// headers say (`Allow`).
fn formed(answer: Response, correlation: Uuid) -> Response {
    let status = answer.status();
    if !(status.is_client_error() || status.is_server_error()) || has_document(&answer) {
        return answer;
    }
    let mut problem = Problem::of(status, correlation).into_response();
    for (name, value) in answer.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

fn has_document(answer: &Response) -> bool {
    let media_type = answer.headers().get(header::CONTENT_TYPE);
    media_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/"))
}

/// What the work comes to; none when it panicked. The process goes on either way, and the caller gets an answer.
async fn unless_it_panics<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn, routing::get};
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_route_that_panics_is_a_problem_like_any_other() {
        async fn broken() -> &'static str {
            panic!("a secret of ours")
        }
        let router = Router::new().route("/broken", get(broken)).layer(from_fn(wrap));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, router).await });
        let answer = reqwest::get(format!("http://{address}/broken"))
            .await
            .expect("it answers");
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()[header::CONTENT_TYPE].as_bytes()
            ),
            (500, b"application/problem+json".as_slice())
        );
        let problem: Value =
            serde_json::from_str(&answer.text().await.expect("a body")).expect("it is a document");
        assert_eq!(problem["code"], "UNSPECIFIED_ERROR");
        assert!(!problem.to_string().contains("a secret of ours"));
    }
}
