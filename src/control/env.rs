//! The change `env`: a service started anew with another environment.
//!
//! The witness is the environment of the new process itself, as digests: values may be secrets.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::{Journal, Undo, applied::Draft};
use crate::{
    digest::Digest,
    observation::ChangeRecord,
    probe::{Blind, Change, Params, Site},
};

/// How long a service may take to come back to the state it had.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(50);

/// `{service, set, unset}`; a null under `set` takes the variable away as well.
pub(super) fn read(params: Params<'_>) -> Result<Change, Blind> {
    let mut unset = params.texts("unset")?;
    let mut set = BTreeMap::new();
    for (name, value) in params.table("set")?.into_iter().flatten() {
        match value {
            Value::Null => unset.push(name.clone()),
            Value::String(text) => drop(set.insert(name.clone(), text.clone())),
            other => drop(set.insert(name.clone(), other.to_string())),
        }
    }
    Ok(Change::Env {
        service: params.text("service")?.to_owned(),
        set,
        unset,
    })
}

pub(super) async fn make(
    params: Params<'_>,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let (change, service) = (read(params)?, params.text("service")?);
    draft.record.witness.before = witness(service, site).await?;
    draft.fact("before", facts(service, site).await?);
    let undo = Undo::Env {
        service: service.to_owned(),
    };
    draft.undo = Some(journal.planned(undo)?);
    site.ground
        .restart(service, Some(&change))
        .await
        .map_err(Blind::because)?;
    draft.fact("after", facts(service, site).await?);
    draft.record.witness.after = witness(service, site).await?;
    Ok(())
}

/// The witness once undone. The service must also be back in the state it had.
pub(super) async fn undone(service: &str, site: &Site, record: &mut ChangeRecord) -> Result<Value, String> {
    let had = record
        .facts
        .get("before")
        .map(|before| before["state"].clone())
        .unwrap_or_default();
    let now = settled(service, &had, site)
        .await
        .map_err(|blind| blind.to_string())?;
    let has = now["state"].clone();
    record.facts.insert("undone".into(), now);
    if had != has {
        return Err(format!("`{service}` is {has} now, and was {had}"));
    }
    witness(service, site).await.map_err(|blind| blind.to_string())
}

/// The facts once the service is in the state it had, or when it has had all the time it gets.
pub(super) async fn settled(service: &str, had: &Value, site: &Site) -> Result<Value, Blind> {
    let begin = Instant::now();
    loop {
        let now = facts(service, site).await?;
        if now["state"] == *had || begin.elapsed() > BACK_WITHIN {
            return Ok(now);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The environment as one digest, and each variable as its own.
async fn witness(service: &str, site: &Site) -> Result<Value, Blind> {
    let environment = site.ground.environment(service).await.map_err(Blind::because)?;
    let lines: Vec<String> = environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let variables: Map<_, _> = environment
        .iter()
        .map(|(name, value)| (name.clone(), json!(Digest::of(value))))
        .collect();
    Ok(json!({ "environment": Digest::of(lines.join("\0")), "variables": variables }))
}

/// Which process it is, and how it is.
pub(super) async fn facts(service: &str, site: &Site) -> Result<Value, Blind> {
    let seen = site.ground.inspect(service).await.map_err(Blind::because)?;
    let seen = seen
        .first()
        .ok_or_else(|| Blind::because(format!("`{service}` is not to be seen")))?;
    let facts = ["state", "exit_code", "pid", "started_at", "networks"];
    Ok(facts
        .iter()
        .map(|fact| ((*fact).to_owned(), seen[*fact].clone()))
        .collect::<Map<_, _>>()
        .into())
}
