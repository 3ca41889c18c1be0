//! The change `compose`, and whatever else stands only under a scratch copy: the resolved model is the witness.

use serde_json::{Value, json};

use super::{
    Journal, Undo,
    applied::{Draft, Effect},
    env::facts,
};
use crate::{
    digest::Digest,
    observation::ChangeRecord,
    probe::{Blind, Change, Params, Site},
};

/// `{override}`: a file with a fragment of compose YAML.
pub(super) fn read(params: Params<'_>, site: &Site) -> Result<Change, Blind> {
    let fragment = site
        .files
        .text(params.text("override")?)
        .map_err(Blind::because)?
        .to_owned();
    Ok(Change::Compose { fragment })
}

/// Let a change stand under the `startup` looks of a pass. Nothing that runs is touched.
pub(super) fn stand(change: Change, site: &Site, draft: &mut Draft) -> Result<(), Blind> {
    draft.record.witness.before = witness(&site.scratch, site).map_err(Blind::because)?;
    let mut with = site.scratch.clone();
    with.push(change.clone());
    draft.record.witness.after = witness(&with, site).map_err(Blind::because)?;
    draft.effect = Effect::Scratch(change);
    Ok(())
}

/// The same model again, without the change.
pub(super) fn lift(change: &Change, site: &Site, record: &mut ChangeRecord) -> Result<(), String> {
    let without: Vec<_> = site
        .scratch
        .iter()
        .filter(|other| *other != change)
        .cloned()
        .collect();
    record.witness.undone = witness(&without, site)?;
    Ok(())
}

fn witness(changes: &[Change], site: &Site) -> Result<Value, String> {
    let model = site.ground.model(changes)?;
    Ok(json!({ "model": Digest::of(model.to_string()) }))
}

/// Recreate the running services an override changes.
pub(super) async fn make(
    change: Change,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let (planned, changed) = (model(&[], site)?, model(std::slice::from_ref(&change), site)?);
    let services = differing(&planned, &changed);
    draft.record.witness.before = running(&planned, &services, site).await?;
    draft.fact("services", services.clone());
    let undo = Undo::Compose {
        services: services.clone(),
    };
    draft.undo = Some(journal.planned(undo)?);
    for service in &services {
        site.ground
            .restart(service, Some(&change))
            .await
            .map_err(Blind::because)?;
    }
    draft.record.witness.after = running(&changed, &services, site).await?;
    Ok(())
}

pub(super) async fn undone(
    services: &[String],
    site: &Site,
    record: &mut ChangeRecord,
) -> Result<Value, String> {
    record.facts.insert("services".into(), json!(services));
    let seen = match model(&[], site) {
        Ok(planned) => running(&planned, services, site).await,
        Err(blind) => Err(blind),
    };
    seen.map_err(|blind| blind.to_string())
}

/// The resolved model, which there must be.
fn model(changes: &[Change], site: &Site) -> Result<Value, Blind> {
    let answer = site.ground.model(changes).map_err(Blind::because)?;
    match answer["refused"].as_str() {
        Some(complaints) => Err(Blind::because(complaints)),
        None => Ok(answer["model"].clone()),
    }
}

fn differing(planned: &Value, changed: &Value) -> Vec<String> {
    let differs = |(name, service): &(&String, &Value)| planned["services"][*name] != **service;
    changed["services"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(differs)
        .map(|(name, _)| name.clone())
        .collect()
}

/// What should run, as a digest, and the state of what does.
async fn running(model: &Value, services: &[String], site: &Site) -> Result<Value, Blind> {
    let mut states = serde_json::Map::new();
    for service in services {
        states.insert(service.clone(), facts(service, site).await?["state"].clone());
    }
    Ok(json!({ "model": Digest::of(model.to_string()), "states": states }))
}
