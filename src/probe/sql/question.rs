//! One question to one database, as a gate asks it.

use serde_json::{Map, Value};

use super::{
    super::{Blind, Params, Site},
    fill,
};

/// One question to one database.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Name of the database in the suite.
    pub db: String,
    /// Ask the gate's own copy instead.
    pub on_clone: bool,
    /// The statement, its `:name`s filled in.
    pub sql: String,
    /// Settings local to the transaction.
    pub context: Vec<(String, String)>,
    /// Statements before it, each in a transaction of its own, on the same connection.
    pub first: Vec<String>,
    /// Run it for real.
    pub writes: bool,
    /// The most rows it may answer with; 10,000 when none.
    pub limit: Option<usize>,
}

impl Question {
    pub(crate) fn read(params: Params<'_>, site: &Site) -> Result<Self, Blind> {
        if params.get("inside").is_some() {
            return Err(Blind::because(
                "`inside` is not built yet: there is no way into a service's namespaces",
            ));
        }
        let empty = Map::new();
        let bind = params.table("bind")?.unwrap_or(&empty);
        let written = written(params, "query", "file", site)?;
        let setting = |(name, value): (&String, &Value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name.clone(), text.clone())),
            other => Some((name.clone(), other.to_string())),
        };
        Ok(Self {
            db: params.text("db")?.to_owned(),
            on_clone: on_clone(params)?,
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
