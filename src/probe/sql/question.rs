//! What is asked, and of whom.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    super::{Blind, Params, Site},
    fill,
};

/// Whom a question is put to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// A database of the suite, as the suite reaches it.
    Database(Database),
    /// The database a service reaches over a DSN of its own: asked from inside it.
    Service { service: String, dsn_env: String },
}

/// A database of the suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    /// Its name in the suite.
    pub(super) name: String,
    /// Ask the gate's own copy instead.
    pub(super) on_clone: bool,
}

/// One question. It can be told to somebody who asks it elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// The statement, its `:name`s filled in.
    pub(super) sql: String,
    /// Settings local to the transaction.
    pub(super) context: Vec<(String, String)>,
    /// Statements before it, each in a transaction of its own, on the same connection.
    pub(super) first: Vec<String>,
    /// Run it for real.
    pub(super) writes: bool,
    /// The most rows it may answer with; 10,000 when none.
    pub(super) limit: Option<usize>,
}

impl Whom {
    pub(super) fn read(params: Params<'_>) -> Result<Self, Blind> {
        let on_clone = on_clone(params)?;
        match params.maybe_text("inside")? {
            None => Ok(Self::Database(Database {
                name: params.text("db")?.to_owned(),
                on_clone,
            })),
            Some(_) if on_clone => Err(Blind::because(
                "`on = \"clone\"` has no say in where a service's own DSN leads",
            )),
            Some(service) => Ok(Self::Service {
                service: service.to_owned(),
                dsn_env: params.text("dsn_env")?.to_owned(),
            }),
        }
    }
}

impl Question {
    pub(super) fn read(params: Params<'_>, site: &Site) -> Result<Self, Blind> {
        let empty = Map::new();
        let bind = params.table("bind")?.unwrap_or(&empty);
        let written = written(params, "query", "file", site)?;
        let setting = |(name, value): (&String, &Value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name.clone(), text.clone())),
            other => Some((name.clone(), other.to_string())),
        };
        Ok(Self {
            sql: fill(&written, bind).map_err(Blind::because)?,
            context: params
                .table("context")?
                .into_iter()
                .flatten()
                .filter_map(setting)
                .collect(),
            first: params.texts("first")?,
            writes: params.flag("writes")?,
            limit: params.count("limit")?,
        })
    }
}

/// The SQL a gate wrote: in place, or in a file of its own.
pub(crate) fn written(params: Params<'_>, inline: &str, file: &str, site: &Site) -> Result<String, Blind> {
    match (params.maybe_text(inline)?, params.maybe_text(file)?) {
        (Some(sql), None) => Ok(sql.to_owned()),
        (None, Some(name)) => site.files.text(name).map(str::to_owned).map_err(Blind::because),
        (Some(_), Some(_)) => Err(Blind::because(format!(
            "`{inline}` and `{file}` cannot both be asked"
        ))),
        (None, None) => Err(Blind::because(format!("`{inline}` or `{file}` is missing"))),
    }
}

pub(crate) fn on_clone(params: Params<'_>) -> Result<bool, Blind> {
    match params.maybe_text("on")? {
        None => Ok(false),
        Some("clone") => Ok(true),
        Some(other) => Err(Blind::because(format!(
            "`on` is `{other}`\nhint: it may be `clone`"
        ))),
    }
}
