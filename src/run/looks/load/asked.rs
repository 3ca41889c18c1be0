//! What paper keeps of the requests of a load.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    digest::Digest,
    exchange::{Exchange, may_be_kept},
    load::{Answer, Drive},
    probe::{Site, http},
};

/// What paper keeps of a request: no header's value, and of the body its digest.
pub(super) struct Asked {
    method: String,
    service: String,
    path: String,
    headers: Vec<String>,
    body: Digest,
    bytes: u64,
}

impl Asked {
    pub(super) fn of(request: &http::Prepared) -> Self {
        let mut headers: Vec<String> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        headers.sort();
        Self {
            method: request.method.clone(),
            service: request.service.clone(),
            path: request.path.clone(),
            headers,
            body: Digest::of(&request.body),
            bytes: request.body.len() as u64,
        }
    }
}

/// All HTTP passes one recorder, that of loads too.
pub(super) fn record_exchanges(site: &Site, asked: &[Asked], driven: &Drive, begin_ms: u64) {
    for ((asked, row), answer) in asked.iter().zip(&driven.rows).zip(&driven.answers) {
        let Some(sent_us) = row.sent_us else { continue };
        let lasted = row.done_us.unwrap_or(sent_us).saturating_sub(sent_us);
        site.paper.exchange(Exchange {
            asked_by: site.asked_by.clone(),
            service: asked.service.clone(),
            method: asked.method.clone(),
            path: site.paper.redact(&asked.path),
            request_headers: asked.headers.clone(),
            request_body_sha256: asked.body.clone(),
            request_bytes: asked.bytes,
            status: row.status,
            error: row
                .error
                .and_then(|trouble| json!(trouble).as_str().map(str::to_owned)),
            media_type: answer.as_ref().and_then(|answer| answer.media_type.clone()),
            response_headers: answer
                .as_ref()
                .map(|answer| headers(answer, site))
                .unwrap_or_default(),
            body: answer
                .as_ref()
                .and_then(|answer| Some(site.paper.redact(std::str::from_utf8(&answer.body).ok()?))),
            cut: answer.as_ref().is_some_and(|answer| answer.cut),
            begin_ms: begin_ms + sent_us / 1000,
            ms: crate::account::ms(lasted),
        });
    }
}

/// The headers that may be kept; the values of a repeated one are joined, as HTTP allows.
fn headers(answer: &Answer, site: &Site) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for name in answer.headers.keys().filter(|name| may_be_kept(name.as_str())) {
        let values = answer.headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        kept.insert(name.as_str().to_owned(), site.paper.redact(&values.join(", ")));
    }
    kept
}
