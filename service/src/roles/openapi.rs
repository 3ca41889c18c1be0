//! `openapi`: prints the contract.

use std::io::Write as _;

use crate::api;

/// Prints it, as it is committed and as `/openapi.json` serves it.
pub(crate) fn run() -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(api::CONTRACT.as_bytes())?)
}
