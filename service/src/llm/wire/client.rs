//! The client: tags a question, sends it once, and reads the answer within its bounds.

use std::time::Duration;

use axum::http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;
use url::Url;

use super::{
    BOUNDARY_ID, Fault, Provider, Put, Question, Said, Wire, anthropic, openai, transport::Transport,
};
use crate::settings::Secret;

/// The largest answer that is read, in bytes: far above what a model says at once.
const MOST_BYTES: usize = 1 << 20;

/// Asks providers. It asks once: whoever wants to ask again has to say so, and pay for it.
pub(crate) struct Client {
    transport: Transport,
}

impl Client {
    /// Over http and https. Fails when the cryptography of the latter cannot be had.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let transport = Transport::new()?;
        Ok(Self { transport })
    }

    /// Asks a provider. `within` bounds all of it, from the first look at its name to the last byte of its answer.
    pub(crate) async fn ask(
        &self,
        to: &Provider,
        question: &Question<'_>,
        within: Duration,
    ) -> Result<Said, Fault> {
        let (put, said): (_, fn(&[u8]) -> _) = match to.wire {
            Wire::OpenAi => (openai::put(question, &to.api_key)?, openai::said),
            Wire::Anthropic => (anthropic::put(question, &to.api_key)?, anthropic::said),
        };
        let request = tagged(put, question, &to.url)?;
        let answered = timeout(within, self.answered(request)).await;
        said(&answered.unwrap_or(Err(Fault::TimedOut))?)
    }

    async fn answered(&self, request: Request<String>) -> Result<Vec<u8>, Fault> {
        let answer = self
            .transport
            .send(request)
            .await
            .map_err(|_| Fault::Unreachable)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => return Err(Fault::RateLimited),
            status => return Err(Fault::Refused(status)),
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect();
        let body = body.await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Fault::Unusable("its answer is too long")
            } else {
                Fault::Unreachable
            }
        })?;
        Ok(body.to_bytes().into())
    }
}

/// The request, with the boundary's tag on it.
fn tagged(put: Put, question: &Question<'_>, url: &Url) -> Result<Request<String>, Fault> {
    let mut request = Request::post(address(url, put.path)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-skeldir-boundary", BOUNDARY_ID)
        .header("x-skeldir-request-id", question.request_id.to_string())
        .header("x-skeldir-tenant", question.tenant.to_string())
        .header("idempotency-key", question.call.to_string());
    for (name, value) in put.headers {
        request = request.header(name, value);
    }
    request
        .body(put.body)
        .map_err(|_| Fault::Unusable("it cannot be asked like that"))
}

fn address(url: &Url, path: &[&str]) -> Result<Uri, Fault> {
    let unusable = Fault::Unusable("its address is none");
    let mut url = url.clone();
    url.path_segments_mut()
        .map_err(|()| unusable)?
        .pop_if_empty()
        .extend(path);
    url.as_str().parse().map_err(|_| unusable)
}

/// A key as the value of a header that is not shown.
pub(super) fn credential(scheme: &str, api_key: &Secret) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::try_from(format!("{scheme}{}", api_key.reveal()))
        .map_err(|_| Fault::Unusable("its key cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}
