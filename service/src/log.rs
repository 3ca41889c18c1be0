//! The log: one JSON object per line on stdout. No secret and no body is ever handed to it.

use std::io::Write as _;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

use crate::settings::{Environment, SettingError, table};

/// Starts logging, at the level that `RUST_LOG` names.
pub(crate) fn start(environment: &mut Environment) -> Result<(), SettingError> {
    let filter = environment.read(&table::RUST_LOG, |text| {
        EnvFilter::try_new(text).map_err(|error| format!("`{text}` is not a filter ({error})"))
    })?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stdout)
        .init();
    Ok(())
}

/// The first line of a role: what it was told, without secrets. Written as an object, so that whoever asks for an
/// effective limit reads it and does not parse a text inside a text.
pub(crate) fn started(role: &str, settings: &serde_json::Map<String, Value>) {
    let line = json!({
        "timestamp": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
        "level": "INFO",
        "message": "started",
        "role": role,
        "version": env!("CARGO_PKG_VERSION"),
        "settings": settings,
    });
    // A closed stdout is no reason not to serve.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
