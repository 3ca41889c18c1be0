//! One answer, and where assertions find what is in it.

use serde_json::{Map, Value};

use super::{super::metrics, Expect};

/// An answer, whole; or how the exchange ended without one.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) error: Option<String>,
    pub(super) headers: Map<String, Value>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn none(error: &str) -> Self {
        Self {
            status: 0,
            error: Some(error.to_owned()),
            headers: Map::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn media_type(&self) -> Option<&str> {
        let value = self.headers.get("content-type")?.as_str()?;
        value.split(';').next().map(str::trim)
    }

    /// Put the payload where assertions look for it. A body that is not what it should be is kept as text, with the
    /// reason in `error`: a missing `json` breaks whatever reads it.
    pub(super) fn read(&self, expect: Option<Expect>, seen: &mut Value) {
        if self.status == 0 || self.body.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.body);
        let failed = match expect.or_else(|| self.by_media_type()).unwrap_or(Expect::Text) {
            Expect::Text => None,
            Expect::Json => match serde_json::from_str::<Value>(&text) {
                Ok(json) => return seen["json"] = json,
                Err(error) => Some(format!("not JSON: {error}")),
            },
            Expect::Metrics => match metrics::parse(&text) {
                Ok(scrape) => {
                    seen["samples"] = scrape.samples();
                    seen["types"] = scrape.types();
                    return;
                }
                Err(error) => Some(format!("not metrics: {error}")),
            },
        };
        seen["text"] = text.into();
        if failed.is_some() {
            seen["error"] = failed.into();
        }
    }

    /// How an answer is read when the gate does not say.
    fn by_media_type(&self) -> Option<Expect> {
        let media = self.media_type()?.to_ascii_lowercase();
        let whole = self
            .headers
            .get("content-type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if media == "application/json" || media.ends_with("+json") {
            Some(Expect::Json)
        } else if media == "application/openmetrics-text"
            || (media == "text/plain" && whole.contains("version="))
        {
            Some(Expect::Metrics)
        } else {
            None
        }
    }
}
