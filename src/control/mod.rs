//! Changes to what runs: each with the proof that it landed, and an undoing that is on disk before it is made.
//!
//! Every kind writes its witness so that one rule judges all of them: landed when `after` differs from `before`,
//! undone when `undone` equals `before`. What differs for its own reasons (process ids, times) goes to the facts.

mod applied;
mod catalogue;
mod compose;
mod env;
mod http;
mod journal;
mod own;
mod plant;
mod probe;
mod proxy;
mod rows;
mod service;
mod sql;
#[cfg(test)]
mod tests;
mod undo;

use serde_json::Value;

pub use applied::Applied;
pub use journal::Journal;
pub use own::{Own, own, snapshot};
pub use probe::Override;
pub use undo::{Undo, undo_pending};

use applied::Draft;

use crate::{
    cel::Scope,
    gate::{
        model::{Change, Place, Tree},
        tree::evaluate,
    },
    probe::{Blind, Params, Site},
};

/// Every kind of change, in the order of the grammar.
pub const KINDS: &[&str] = &[
    "env", "service", "compose", "sql", "http", "proxy", "probe", "plant",
];

/// Make a change. What goes wrong is told in its record; whatever was made has its undoing in the journal.
pub async fn make(change: &Change, scope: &Scope<'_>, site: &Site, journal: &Journal) -> Applied {
    let _middle = journal.middle().await;
    let made_ms = site.clock.ms();
    let mut draft = Draft::new(change);
    let outcome = match (change.kind.as_str(), change.place) {
        // Its headers see its body, so it evaluates itself.
        ("http", Place::Live) => http::make(&change.params, scope, site, journal, &mut draft).await,
        _ => match evaluate(&change.params, scope) {
            Ok(params) => {
                let paper = if change.kind == "plant" {
                    plant::masked(&params)
                } else {
                    params.clone()
                };
                draft.record.params = site.paper.redact_json(&paper);
                by_kind(change, &params, site, journal, &mut draft).await
            }
            Err(error) => Err(Blind::because(error)),
        },
    };
    if let Err(blind) = outcome {
        draft.record.error = Some(site.paper.redact(&blind.to_string()));
    }
    draft.applied(made_ms, site.clock.ms())
}

async fn by_kind(
    change: &Change,
    params: &Value,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let read = Params::of(params)?;
    match (change.kind.as_str(), change.place) {
        ("env", Place::Live) => env::make(read, site, journal, draft).await,
        ("env", Place::Scratch) => compose::stand(env::read(read)?, site, draft),
        ("compose", Place::Scratch) => compose::stand(compose::read(read, site)?, site, draft),
        ("compose", Place::Live) => compose::make(compose::read(read, site)?, site, journal, draft).await,
        ("service", Place::Live) => service::make(read, site, journal, draft).await,
        ("sql", Place::Live) => sql::live(read, site, journal, draft).await,
        ("sql", Place::Rollback) => sql::rolled_back(read, site, draft).await,
        ("proxy", Place::Live) => proxy::make(read, site, journal, draft),
        ("probe", Place::Live) => probe::make(read, draft),
        ("plant", Place::Live) => plant::make(read, site, journal, draft),
        (kind, place) if KINDS.contains(&kind) => Err(Blind::because(format!(
            "a change `{kind}` cannot be made in place `{}`",
            word(place)
        ))),
        (kind, _) => Err(Blind::because(format!("`{kind}` is not a change"))),
    }
}

/// The word of a place, as a gate writes it.
pub(crate) fn word(place: Place) -> &'static str {
    match place {
        Place::Live => "live",
        Place::Rollback => "rollback",
        Place::Scratch => "scratch",
    }
}

/// The changes under `make` of a probe of kind `change`: one table or a list of them, each with its `kind`.
pub fn read(make: &Tree) -> Result<Vec<Change>, String> {
    let one = |tree: &Tree| {
        let kind = tree
            .get("kind")
            .and_then(Tree::literal)
            .ok_or("a change without `kind`")?;
        let place = match tree.get("place").and_then(Tree::literal) {
            Some("rollback") => Place::Rollback,
            Some("scratch") => Place::Scratch,
            _ => Place::Live,
        };
        Ok(Change {
            kind: kind.to_owned(),
            place,
            params: tree.clone(),
        })
    };
    match make {
        Tree::List(all) => all.iter().map(one).collect(),
        single => one(single).map(|change| vec![change]),
    }
}
