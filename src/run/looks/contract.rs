//! The kind `contract`: every exchange on record so far, judged by a contract that an earlier look of the pass saw.

use std::fs;

use serde_json::Value;

use super::Made;
use crate::{
    cel::Scope,
    contract::{self, Asked, Reach},
    evidence::Record,
    gate::{model::Tree, tree::evaluate},
    observation::Names,
    pack::layout::EXCHANGES,
    probe::{Blind, Params},
};

/// Judge what was said until now. `seen` is what the pass has seen, as it stands on paper; `pass` its name.
pub(in crate::run) async fn contract(
    tree: &Tree,
    scope: &Scope<'_>,
    seen: &Names,
    pass: &str,
    record: &Record,
) -> Made {
    match evaluate(tree, scope) {
        Ok(params) => Made {
            seen: judged(&params, seen, pass, record).await,
            params,
        },
        Err(reason) => Made::blind(reason),
    }
}

async fn judged(params: &Value, seen: &Names, pass: &str, record: &Record) -> Result<Value, String> {
    let path = record.folder().join(EXCHANGES);
    let exchanges = fs::read(&path).map_err(|error| format!("`{EXCHANGES}`: {error}"))?;
    let asked = asked(params, pass, contract::lines(&exchanges)).map_err(|blind| blind.to_string())?;
    let spec = &asked.spec;
    let document = seen.get(spec).and_then(|seen| seen.get("json"));
    let document = document
        .ok_or_else(|| format!("`{spec}` saw no JSON document"))?
        .clone();
    // On a thread that may be kept busy: a load may be running beside.
    let judging = tokio::task::spawn_blocking(move || contract::observe(&asked, &document, &exchanges));
    judging
        .await
        .map_err(|error| format!("the judgement broke off: {error}"))?
}

fn asked(params: &Value, pass: &str, lines: usize) -> Result<Asked, Blind> {
    let params = Params::of(params)?;
    let reach = params.text("exchanges")?;
    let unknown = || Blind::because(format!("`exchanges` is `{reach}`, not `run` or `gate`"));
    Ok(Asked {
        spec: params.text("spec")?.to_owned(),
        service: params.text("service")?.to_owned(),
        exchanges: Reach::named(reach).ok_or_else(unknown)?,
        mutants: params.count("mutants")?.unwrap_or_default(),
        pass: pass.to_owned(),
        lines,
    })
}
