//! The kind `sql`: one statement, and the rows it answers with.
//!
//! A look reads through a cursor in a read-only transaction, over the extended protocol, which takes one statement
//! only: nothing a gate writes can end that transaction. `writes = true` commits instead. An SQL error is an
//! observation with its SQLSTATE; a database that cannot be reached leaves none.
//!
//! With `inside`, the same is done from within a service and over the service's own DSN: `inside` sends the question
//! there, `sidecar` is closure at the other end, and what stands between the two is the connection, nothing else.

mod connect;
mod fill;
mod inside;
mod question;
mod read;
mod rows;
mod sidecar;
#[cfg(test)]
mod tests;
mod write;

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub use connect::{Target, connect};
pub use fill::{fill, quote};
use question::{Database, Question, Whom};
pub(crate) use question::{on_clone, written};
pub(super) use read::at_rest;
pub use sidecar::answer;

use super::{Blind, Params, Site};

/// Rows of a look when the gate does not say.
const LIMIT: usize = 10_000;

/// What the database answered.
#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    /// `00000`, or the error's code.
    sqlstate: String,
    /// The error's message.
    error: Option<String>,
    /// Names of the columns, in order.
    columns: Vec<String>,
    /// One object a row; none after an error.
    rows: Vec<Map<String, Value>>,
    /// Rows, or rows affected by a statement that answers with none.
    count: u64,
    /// How long it took, in milliseconds.
    ms: f64,
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

/// `{query or file, db or inside with dsn_env, on, bind, context, first, writes, limit}` → `{sqlstate, error, columns,
/// rows, row, count, ms}`.
pub async fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let whom = Whom::read(params)?;
    let question = Question::read(params, site)?;
    match whom {
        Whom::Database(database) => Ok(ask(&question, &database, site).await?.on_paper()),
        Whom::Service { service, dsn_env } => inside::look(&question, &service, &dsn_env, site).await,
    }
}

/// Ask a database of the suite one statement that reads: its rows, or in words why there are none.
pub(crate) async fn rows_of(
    db: &str,
    statement: &str,
    site: &Site,
) -> Result<Vec<Map<String, Value>>, String> {
    let database = Database {
        name: db.to_owned(),
        on_clone: false,
    };
    let question = Question {
        sql: statement.to_owned(),
        ..Question::default()
    };
    let answer = ask(&question, &database, site)
        .await
        .map_err(|blind| blind.to_string())?;
    answer.error.map_or(Ok(answer.rows), Err)
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

/// Ask a database of the suite: inside the site's rolled-back transaction when there is one, else on a connection of
/// its own.
async fn ask(question: &Question, database: &Database, site: &Site) -> Result<Answer, Blind> {
    let begin = Instant::now();
    let outcome = if let Some(rollback) = &site.rollback {
        read::within(question, database, rollback, site).await
    } else {
        let target = Target::of(&database.name, database.on_clone, site)?;
        let asked = Box::pin(over(question, connect(&target, site)));
        patiently(asked, site.sql_timeout).await
    };
    told(outcome, begin)
}

/// Each statement has its own bound on the server; this one is for a server that is frozen.
async fn patiently(
    asked: impl Future<Output = Result<Answer, Trouble>>,
    bound: Duration,
) -> Result<Answer, Trouble> {
    match tokio::time::timeout(bound * 2, asked).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Blind::because("the database does not answer").into()),
    }
}

/// An SQL error is an answer, too.
fn told(outcome: Result<Answer, Trouble>, begin: Instant) -> Result<Answer, Blind> {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(Trouble::Sql { sqlstate, error }) => Answer {
            sqlstate,
            error: Some(error),
            ..Answer::default()
        },
        Err(Trouble::Blind(blind)) => return Err(blind),
    };
    Ok(Answer {
        ms: begin.elapsed().as_secs_f64() * 1000.0,
        ..answer
    })
}

/// Ask over a connection that is opened for this one question, by whom and as whom ever.
async fn over(
    question: &Question,
    connection: impl Future<Output = Result<PgConnection, Blind>>,
) -> Result<Answer, Trouble> {
    let mut connection = connection.await?;
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
