//! The change `service`: a service stopped, killed, frozen, restarted or taken off its networks as a whole.

use serde_json::{Value, json};

use super::{
    Journal, Undo,
    applied::Draft,
    env::{facts, settled},
    undo::Back,
};
use crate::{
    observation::ChangeRecord,
    probe::{Action, Blind, Params, Site},
};

/// `{service, action}`, with `stop`, `kill`, `pause`, `restart` or `disconnect`.
pub(super) async fn make(
    params: Params<'_>,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let service = params.text("service")?;
    let (action, back) = match params.text("action")? {
        "stop" => (Action::Stop, Some(Back::Start)),
        "kill" => (Action::Kill, Some(Back::Start)),
        "pause" => (Action::Pause, Some(Back::Resume)),
        "restart" => (Action::Restart, None),
        "disconnect" => (Action::Disconnect, Some(Back::Connect)),
        other => {
            let hint = "hint: it may be `stop`, `kill`, `pause`, `restart` or `disconnect`";
            return Err(Blind::because(format!("`action` is `{other}`\n{hint}")));
        }
    };
    let before = facts(service, site).await?;
    if is_over(&before) {
        return Err(Blind::because(format!("`{service}` does not live")));
    }
    if action == Action::Disconnect && before["networks"].is_null() {
        return Err(Blind::because(format!(
            "the networks of `{service}` cannot be seen: a process of this host has none of its own\nhint: use \
             `--substrate docker`"
        )));
    }
    draft.record.witness.before = witness(back, &before, &before);
    draft.fact("before", before.clone());
    let undo = Undo::Service {
        service: service.to_owned(),
        action: back,
    };
    draft.undo = Some(journal.planned(undo)?);
    site.ground.act(service, action).await.map_err(Blind::because)?;
    let after = facts(service, site).await?;
    draft.record.witness.after = witness(back, &before, &after);
    draft.fact("exit_code", after["exit_code"].clone());
    draft.fact("answers", answers(service, site).await);
    draft.fact("after", after);
    Ok(())
}

/// Its state, and whether it is still the process we knew: a restart shows in nothing else. Of a service that is taken
/// off its networks, which ones it is on: how it bears that is not the change.
fn witness(back: Option<Back>, known: &Value, seen: &Value) -> Value {
    if back == Some(Back::Connect) {
        return json!({ "networks": seen["networks"] });
    }
    let same = known["pid"] == seen["pid"] && known["started_at"] == seen["started_at"];
    json!({ "state": seen["state"], "process": if same { "as known" } else { "another" } })
}

/// The witness once undone: the process that came back is the one we know from now on.
pub(super) async fn undone(
    service: &str,
    action: Option<Back>,
    site: &Site,
    record: &mut ChangeRecord,
) -> Result<Value, String> {
    let before = record.facts.get("before");
    let had = before.map(|before| before["state"].clone()).unwrap_or_default();
    let now = settled(service, &had, site)
        .await
        .map_err(|blind| blind.to_string())?;
    let (witness, has) = (witness(action, &now, &now), now["state"].clone());
    record.facts.insert("undone".into(), now);
    if action == Some(Back::Connect) && had != has {
        return Err(format!("`{service}` is {has} now, and was {had}"));
    }
    Ok(witness)
}

/// Bring a service back, unless it is back already: an undoing may be run twice, or after a change that failed.
pub(super) async fn back(service: &str, action: Back, site: &Site) -> Result<(), String> {
    let now = facts(service, site).await.map_err(|blind| blind.to_string())?;
    match action {
        Back::Start if is_over(&now) => site.ground.act(service, Action::Start).await,
        Back::Resume if now["state"] == "paused" => site.ground.act(service, Action::Resume).await,
        Back::Connect => site.ground.act(service, Action::Connect).await,
        Back::Start | Back::Resume => Ok(()),
    }
}

fn is_over(facts: &Value) -> bool {
    matches!(
        facts["state"].as_str(),
        Some("exited" | "completed" | "not_started")
    )
}

/// Whether anybody answers at its port; null when it has none.
async fn answers(service: &str, site: &Site) -> Option<bool> {
    let address = site.ground.address(service)?;
    let patience = std::time::Duration::from_millis(500);
    let connected = tokio::time::timeout(patience, tokio::net::TcpStream::connect(address)).await;
    Some(connected.is_ok_and(|outcome| outcome.is_ok()))
}
