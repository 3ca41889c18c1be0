//! Looks at the running topology: one file a kind, and the visible list of them.
//!
//! A look evaluates its parameters, does one thing, and answers with what it saw. What went wrong on the other side
//! (a refused connection, an SQL error, a service that exits) is an observation like any other; only a look that
//! could not be made at all is [`Blind`]. Looks are never repeated here: `until` belongs to the conductor.

mod access;
mod exec;
mod file;
mod ground;
pub mod http;
mod metrics;
mod params;
mod planted;
mod relay;
mod scan;
mod service;
mod site;
pub mod sql;
mod startup;
#[cfg(test)]
pub(crate) mod testing;

use serde_json::Value;

pub use access::Access;
pub use ground::{Action, Change, Executed, Ground, Scratch};
pub use params::Params;
pub use planted::Planted;
pub use relay::{Alteration, Counts, Held, Pattern, Relays, Rule};
pub use site::{Clock, Files, Paper, Rollback, Site};
pub use sql::Target;

use crate::{
    cel::Scope,
    gate::{model::Tree, tree::evaluate},
};

/// A kind of probe, and who makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in a gate.
    pub name: &'static str,
    /// Who makes it.
    pub made_by: MadeBy,
}

/// Who makes a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeBy {
    /// [`look`]: one question, one answer.
    Look,
    /// The conductor: it spans other looks, or reads what they left behind.
    Conductor,
}

/// Every kind of probe, in the order of the grammar.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "http",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "sql",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "service",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "startup",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "file",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "scan",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "exec",
        made_by: MadeBy::Look,
    },
    Kind {
        name: "load",
        made_by: MadeBy::Conductor,
    },
    Kind {
        name: "conserve",
        made_by: MadeBy::Conductor,
    },
    Kind {
        name: "contract",
        made_by: MadeBy::Conductor,
    },
    Kind {
        name: "pack",
        made_by: MadeBy::Conductor,
    },
    Kind {
        name: "change",
        made_by: MadeBy::Conductor,
    },
];

/// Why a look could not be made; it leaves no observation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Blind(String);

impl Blind {
    /// A look that could not be made, and why: a lower-case fragment.
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// One look, made or not.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The observation, an object with its `t_ms`, exactly as seen: secrets are not yet redacted, because later
    /// texts may need them. Redact it before it goes to paper or to the judge.
    pub seen: Result<Value, Blind>,
    /// Parameters as executed, redacted.
    pub params: Value,
    /// Begin, in milliseconds of the run's clock.
    pub begin_ms: u64,
    /// End, in milliseconds of the run's clock.
    pub end_ms: u64,
}

/// Make one look of a kind that [`KINDS`] says is made here.
pub async fn look(kind: &str, params: &Tree, scope: &Scope<'_>, site: &Site) -> Taken {
    let begin_ms = site.clock.ms();
    let (params, seen) = if kind == "http" {
        match http::prepare(params, scope, site) {
            Ok(prepared) => (prepared.on_paper(), http::look(&prepared, site).await),
            Err(error) => (Value::Null, Err(Blind::because(error))),
        }
    } else {
        match evaluate(params, scope) {
            Ok(params) => {
                let seen = by_kind(kind, &params, site).await;
                (params, seen)
            }
            Err(error) => (Value::Null, Err(Blind::because(error))),
        }
    };
    let seen = seen.map(|mut observation| {
        if let Some(fields) = observation.as_object_mut() {
            fields.insert("t_ms".into(), begin_ms.into());
        }
        observation
    });
    Taken {
        seen,
        params: site.paper.redact_json(&params),
        begin_ms,
        end_ms: site.clock.ms(),
    }
}

async fn by_kind(kind: &str, params: &Value, site: &Site) -> Result<Value, Blind> {
    let params = Params::of(params)?;
    match kind {
        "sql" => sql::look(params, site).await,
        "service" => service::look(params, site).await,
        "startup" => startup::look(params, site).await,
        "file" => file::look(params, site),
        "exec" => exec::look(params, site).await,
        "scan" => scan::look(params, site).await,
        _ => Err(Blind::because(format!("`{kind}` is not a look"))),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        sync::Arc,
    };

    use serde_json::{Value, json};

    use super::{KINDS, MadeBy, look, testing};
    use crate::{cel::World, gate::tree::literal};

    async fn see(kind: &str, params: Value) -> Result<Value, String> {
        let ground = testing::Still::default();
        ground.runs("api", &[]);
        let site = testing::site(
            Arc::new(ground),
            Arc::new(testing::Kept::default()),
            BTreeMap::new(),
        );
        let world = World::pure();
        let tree = literal(&params).expect("no expression");
        look(kind, &tree, &world.scope(), &site)
            .await
            .seen
            .map_err(|blind| blind.to_string())
    }

    #[tokio::test]
    async fn every_kind_in_the_list_is_made_by_whom_the_list_says() {
        for kind in KINDS {
            let blind = see(kind.name, json!({})).await.err().unwrap_or_default();
            let unknown = blind == format!("`{}` is not a look", kind.name);
            assert_eq!(
                unknown,
                kind.made_by == MadeBy::Conductor,
                "{}: {blind}",
                kind.name
            );
        }
    }

    #[test]
    fn the_reader_accepts_exactly_the_kinds_in_the_list() {
        let read: BTreeSet<_> = crate::gate::kinds::KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(KINDS.iter().map(|kind| kind.name).collect::<BTreeSet<_>>(), read);
    }

    #[tokio::test]
    async fn services_files_and_startups_are_seen() {
        let service = see("service", json!({"service": "api"})).await.expect("seen");
        assert_eq!(service["services"][0]["state"], "healthy");
        assert!(service["t_ms"].is_u64());
        assert_eq!(
            see("service", json!({"service": "nobody"})).await,
            Err("no service `nobody`".into())
        );
        let file = see("file", json!({"path": "Cargo.toml"})).await.expect("seen");
        assert_eq!(file["json"]["package"]["name"], "closure");
        let startup = see(
            "startup",
            json!({"services": ["api"], "alone": true, "unset": ["api.A"]}),
        )
        .await
        .expect("seen");
        assert_eq!(
            (&startup["services"], &startup["changes"]),
            (&json!(["api"]), &json!(1))
        );
    }
}
