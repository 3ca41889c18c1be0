//! The change `http`: one request that makes it, and one that undoes it.
//!
//! Whether it is in force only the service knows, and it says so by a status of 2xx. Both requests go straight to the
//! service, past every proxy, and on paper like all others.

use serde_json::{Value, json};

use super::{Journal, Undo, applied::Draft};
use crate::{
    cel::Scope,
    gate::model::Tree,
    probe::{
        Blind, Relays, Site,
        http::{self, Prepared},
    },
};

/// `{request, headers, json or body, timeout, undo}`, with a request of the same parts under `undo`.
///
/// Not evaluated yet: headers are made from the exact body.
pub(super) async fn make(
    params: &Tree,
    scope: &Scope<'_>,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let direct = Site {
        relays: Relays::default(),
        ..site.clone()
    };
    let undo = params
        .get("undo")
        .ok_or_else(|| Blind::because("a change `http` without `undo`"))?;
    let request = http::prepare(params, scope, &direct).map_err(Blind::because)?;
    let undo =
        http::prepare(undo, scope, &direct).map_err(|error| Blind::because(format!("undo: {error}")))?;
    let mut on_paper = request.on_paper();
    on_paper["undo"] = undo.on_paper();
    draft.record.params = site.paper.redact_json(&on_paper);
    draft.record.witness.before = witness(false);
    let undo = Undo::Http { request: undo };
    // From here on there may be something to undo, even when the answer is lost.
    draft.undo = Some(journal.planned(undo)?);
    let status = send(&request, site).await.map_err(Blind::because)?;
    draft.fact("status", status);
    draft.record.witness.after = witness(is_good(status));
    Ok(())
}

/// Send the request that undoes a change; that it was refused is no undoing.
pub(super) async fn back(request: &Prepared, site: &Site) -> Result<(), String> {
    let status = send(request, site).await?;
    if is_good(status) {
        Ok(())
    } else {
        Err(format!("{} was answered with {status}", words(request)))
    }
}

/// The witness once undone: the service has said so.
pub(super) fn undone() -> Value {
    witness(false)
}

async fn send(request: &Prepared, site: &Site) -> Result<u64, String> {
    let seen = http::look(request, site)
        .await
        .map_err(|blind| blind.to_string())?;
    match seen["status"].as_u64().unwrap_or_default() {
        0 => Err(format!(
            "{}: {}",
            words(request),
            seen["error"].as_str().unwrap_or("no answer")
        )),
        status => Ok(status),
    }
}

fn witness(in_force: bool) -> Value {
    json!({ "in_force": in_force })
}

fn is_good(status: u64) -> bool {
    (200..300).contains(&status)
}

fn words(request: &Prepared) -> String {
    format!("`{} {} {}`", request.method, request.service, request.path)
}
