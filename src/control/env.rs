//! The change `env`: a service started anew with another environment.
//!
//! The witness is the environment of the new process itself, as digests: values may be secrets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Journal, Undo, applied::Draft};
use crate::{
    digest::Digest,
    observation::ChangeRecord,
    probe::{Blind, Change, Params, Site},
};

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
    let ticket = journal
        .plan(&undo)
        .map_err(|error| Blind::because(format!("no undo on disk: {error}")))?;
    draft.undo = Some((undo, ticket));
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
    let now = facts(service, site).await.map_err(|blind| blind.to_string())?;
    let had = record.facts.get("before").map(|before| before["state"].clone());
    let has = now["state"].clone();
    record.facts.insert("undone".into(), now);
    if had.as_ref().is_some_and(|had| *had != has) {
        return Err(format!(
            "`{service}` is {has} again, and was {}",
            had.unwrap_or_default()
        ));
    }
    witness(service, site).await.map_err(|blind| blind.to_string())
}

/// The environment as one digest, and each variable as its own.
async fn witness(service: &str, site: &Site) -> Result<Value, Blind> {
    let environment = site.ground.environment(service).await.map_err(Blind::because)?;
    let lines: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
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
    let facts = ["state", "exit_code", "pid", "started_at"];
    Ok(facts
        .iter()
        .map(|fact| ((*fact).to_owned(), seen[*fact].clone()))
        .collect::<Map<_, _>>()
        .into())
}
