//! The change `plant`: a line in the log of a service that the service never said.
//!
//! It stands over the log and not in it: whoever searches logs sees it, the file and the record do not hold it. The
//! witness reads the log back where the line was planted. What was planted may be a secret, and reaches no paper.

use std::fs;

use serde_json::{Value, json};

use super::{Journal, Undo, applied::Draft};
use crate::probe::{Blind, Params, Site};

/// What stands on paper in place of the text.
const MASK: &str = "‹planted›";

/// `{log, text}`.
pub(super) fn make(
    params: Params<'_>,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let (service, text) = (params.text("log")?, params.text("text")?);
    if text.is_empty() {
        return Err(Blind::because("`text` is empty: nothing would be planted"));
    }
    let log = site.ground.log(service).map_err(Blind::because)?;
    let written = fs::metadata(&log).map_err(|error| unread(service, &error))?.len();
    let number = site.planted.ready(service, written, text);
    draft.record.witness.before = witness(service, number, site).map_err(Blind::because)?;
    draft.fact("at", written);
    draft.fact("bytes", text.len() as u64);
    let undo = Undo::Plant {
        service: service.to_owned(),
        number,
    };
    draft.undo = Some(journal.planned(undo)?);
    site.planted.put_in(number);
    draft.record.witness.after = witness(service, number, site).map_err(Blind::because)?;
    Ok(())
}

/// Whatever the parameters say, their text is not for paper; also when something goes wrong before it is read.
pub(super) fn masked(params: &Value) -> Value {
    let mut masked = params.clone();
    if let Some(text) = masked.get_mut("text") {
        *text = MASK.into();
    }
    masked
}

/// The witness once it was dropped: the log is read back once more.
pub(super) fn undone(service: &str, number: u64, site: &Site) -> Result<Value, String> {
    witness(service, number, site)
}

fn witness(service: &str, number: u64, site: &Site) -> Result<Value, String> {
    let log = site.ground.log(service)?;
    let read_back = site.planted.reads_back(number, &log);
    let read_back = read_back.map_err(|error| unread(service, &error).to_string())?;
    Ok(json!({ "read_back": read_back }))
}

fn unread(service: &str, error: &std::io::Error) -> Blind {
    Blind::because(format!("the log of `{service}` cannot be read: {error}"))
}
