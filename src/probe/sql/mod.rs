//! The kind `sql`: one statement, and the rows it answers with.
//!
//! A look reads through a cursor in a read-only transaction, over the extended protocol, which takes one statement
//! only: nothing a gate writes can end that transaction. `writes = true` commits instead. An SQL error is an
//! observation with its SQLSTATE; a database that cannot be reached leaves none.

mod connect;
mod fill;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;

use std::time::Instant;

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub use connect::{Target, connect};
pub use fill::{fill, quote};

use super::{Blind, Params, Site};

/// Rows of a look when the gate does not say.
const LIMIT: usize = 10_000;

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

/// What the database answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// `00000`, or the error's code.
    pub sqlstate: String,
    /// The error's message.
    pub error: Option<String>,
    /// Names of the columns, in order.
    pub columns: Vec<String>,
    /// One object a row; none after an error.
    pub rows: Vec<Map<String, Value>>,
    /// Rows, or rows affected by a statement that answers with none.
    pub count: u64,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// An SQL error, which is something seen; or no way to see.
#[derive(Debug)]
pub(super) enum Trouble {
    Sql { sqlstate: String, error: String },
    Blind(Blind),
}

impl From<Blind> for Trouble {
    fn from(blind: Blind) -> Self {
        Self::Blind(blind)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Self::Blind(Blind::because(format!("the connection broke: {error}")));
        };
        let sqlstate = database.code().unwrap_or_default().into_owned();
        // Class 08 and the shutdown codes tell about the way to the database, not about the statement.
        if sqlstate.starts_with("08") || matches!(sqlstate.as_str(), "57P01" | "57P02" | "57P03") {
            return Self::Blind(Blind::because(format!(
                "the connection broke: {}",
                database.message()
            )));
        }
        Self::Sql {
            sqlstate,
            error: database.message().to_owned(),
        }
    }
}

/// `{query or file, db, on, bind, context, first, writes, limit}` → the observation of [`Answer`].
pub async fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let question = Question::read(params, site)?;
    let answer = ask(&question, site).await?;
    Ok(answer.on_paper())
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

impl Answer {
    fn on_paper(&self) -> Value {
        let Self {
            sqlstate,
            error,
            columns,
            rows,
            count,
            ms,
        } = self;
        let mut seen =
            json!({ "sqlstate": sqlstate, "error": error, "columns": columns, "count": count, "ms": ms });
        if error.is_none() {
            seen["rows"] = rows.iter().cloned().map(Value::Object).collect();
            if let [row] = rows.as_slice() {
                seen["row"] = Value::Object(row.clone());
            }
        }
        seen
    }
}

/// Ask one question: inside the site's rolled-back transaction when there is one, else on a connection of its own.
pub async fn ask(question: &Question, site: &Site) -> Result<Answer, Blind> {
    let begin = Instant::now();
    let outcome = match &site.rollback {
        Some(rollback) => read::within(question, rollback, site).await,
        None => alone(question, site).await,
    };
    let answer = match outcome {
        Ok(answer) => Ok(answer),
        Err(Trouble::Sql { sqlstate, error }) => Ok(Answer {
            sqlstate,
            error: Some(error),
            ..Answer::default()
        }),
        Err(Trouble::Blind(blind)) => Err(blind),
    };
    answer.map(|answer| Answer {
        ms: begin.elapsed().as_secs_f64() * 1000.0,
        ..answer
    })
}

async fn alone(question: &Question, site: &Site) -> Result<Answer, Trouble> {
    let mut connection = connect(&Target::of(&question.db, question.on_clone, site)?, site).await?;
    for (at, statement) in question.first.iter().enumerate() {
        before(statement, &mut connection)
            .await
            .map_err(|trouble| trouble.in_statement(at))?;
    }
    // After an error the connection is dropped, and the server ends the transaction by itself.
    let answer = if question.writes {
        write::run(question, &mut connection).await?
    } else {
        read::run(question, &mut connection).await?
    };
    // Everything that counts has been answered; a connection that cannot say goodbye changes nothing.
    let _farewell = connection.close().await;
    Ok(answer)
}

async fn before(statement: &str, connection: &mut PgConnection) -> Result<(), Trouble> {
    let mut transaction = connection.begin().await?;
    one(statement, &mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Execute exactly one statement: the extended protocol refuses more. Answers with the rows affected.
pub(super) async fn one(statement: &str, connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
    Ok(query.execute(connection).await?.rows_affected())
}

/// Settings of a look, local to its transaction.
async fn set_context(context: &[(String, String)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for (name, value) in context {
        let set = sqlx::query("select set_config($1, $2, true)")
            .bind(name)
            .bind(value);
        set.execute(&mut *connection).await?;
    }
    Ok(())
}

impl Trouble {
    fn in_statement(self, at: usize) -> Self {
        match self {
            Self::Sql { sqlstate, error } => Self::Sql {
                sqlstate,
                error: format!("first[{at}]: {error}"),
            },
            blind @ Self::Blind(_) => blind,
        }
    }
}
