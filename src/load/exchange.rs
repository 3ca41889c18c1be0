//! One request on its way and what came back, timed by the span's clock.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, header::CONTENT_TYPE};
use tokio::time::timeout;

use super::{
    driver::Limits,
    pacer::SpanClock,
    wire::{self, Wire},
};
use crate::account::{RequestRow, Trouble};

/// Of an answer that is kept, so many bytes of the body.
const KEPT_BYTES: usize = 64 * 1024;

/// What came back, when answers are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Media type without parameters, when the answer names one.
    pub media_type: Option<String>,
    /// All headers, as they came.
    pub headers: HeaderMap,
    /// The body, cut after 64 KiB.
    pub body: Bytes,
    /// There was more of it.
    pub cut: bool,
}

/// What became of one request.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) index: usize,
    sent_us: u64,
    done_us: u64,
    status: u16,
    error: Option<Trouble>,
    bytes: u64,
    pub(super) answer: Option<Answer>,
}

/// One request that is about to leave.
pub(super) struct Departure {
    pub(super) index: usize,
    pub(super) request: Request<Full<Bytes>>,
    pub(super) client: Wire,
    pub(super) clock: SpanClock,
    pub(super) timeout: Duration,
    pub(super) keep_answer: bool,
}

impl Departure {
    pub(super) fn new(
        index: usize,
        request: Request<Full<Bytes>>,
        client: &Wire,
        clock: SpanClock,
        limits: &Limits,
    ) -> Self {
        Self {
            index,
            request,
            client: client.clone(),
            clock,
            timeout: limits.timeout,
            keep_answer: limits.keep_answers,
        }
    }

    /// Send it, once, and read its answer to the end.
    pub(super) async fn exchange(self) -> Outcome {
        let mut outcome = Outcome {
            index: self.index,
            sent_us: self.clock.elapsed_us(),
            ..Outcome::default()
        };
        let coming = async {
            match self.client.request(self.request).await {
                Ok(response) => outcome.read(response, self.keep_answer).await,
                Err(error) => outcome.error = Some(wire::trouble(&error)),
            }
        };
        if timeout(self.timeout, coming).await.is_err() {
            outcome.error = Some(Trouble::Timeout);
        }
        outcome.done_us = self.clock.elapsed_us();
        outcome
    }
}

impl Outcome {
    async fn read(&mut self, mut response: Response<Incoming>, keep: bool) {
        self.status = response.status().as_u16();
        let media_type = media_type(&response);
        let mut body = BytesMut::new();
        while let Some(frame) = response.body_mut().frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => {
                    self.bytes += data.len() as u64;
                    let room = if keep { KEPT_BYTES - body.len() } else { 0 };
                    body.extend_from_slice(&data[..data.len().min(room)]);
                }
                // Trailers are no part of the body.
                Ok(Err(_)) => {}
                Err(error) => {
                    self.error = Some(wire::trouble(&error));
                    break;
                }
            }
        }
        self.answer = keep.then(|| Answer {
            media_type,
            headers: std::mem::take(response.headers_mut()),
            cut: self.bytes > body.len() as u64,
            body: body.freeze(),
        });
    }

    /// Write the outcome over the row that was waiting for it.
    pub(super) fn write(&self, row: &mut RequestRow) {
        row.sent_us = Some(self.sent_us);
        row.done_us = Some(self.done_us);
        row.status = self.status;
        row.error = self.error;
        row.bytes = self.bytes;
    }
}

fn media_type(response: &Response<Incoming>) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let bare = value.split(';').next()?.trim();
    Some(bare.to_ascii_lowercase())
}
