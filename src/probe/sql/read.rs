//! Reading: a cursor in a transaction that cannot write.

use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, Executor as _, PgConnection, Row as _, SqlSafeStr as _,
    Statement as _,
};

use super::{
    super::{Blind, Rollback, Site},
    Answer, Database, LIMIT, Question, Target, Trouble, connect, one, rows, set_context,
};

/// Rows fetched at a time.
const CHUNK: usize = 1000;

/// Read in a transaction of its own.
pub(super) async fn run(question: &Question, connection: &mut PgConnection) -> Result<Answer, Trouble> {
    let mut transaction = connection.begin_with("begin transaction read only").await?;
    set_context(&question.context, &mut transaction).await?;
    let answer = answer(question, &mut transaction).await?;
    transaction.rollback().await?;
    Ok(answer)
}

/// Read inside a transaction that belongs to somebody else, as the role the question names, and leave no trace in
/// it: an error, the role, the settings and the cursor all end with the savepoint.
pub(super) async fn within(
    question: &Question,
    database: &Database,
    rollback: &Rollback,
    site: &Site,
) -> Result<Answer, Trouble> {
    let target = Target::of(&database.name, database.on_clone, site)?;
    stands_in(&target, rollback)?;
    if question.writes || !question.first.is_empty() {
        let why = "a look that writes, or has statements `first`, cannot stand in a transaction that is rolled back";
        return Err(Blind::because(why).into());
    }
    let mut connection = rollback.connection.lock().await;
    let mark = Mark::set(&mut connection).await?;
    let seen = as_role(question, &target.user, &mut connection).await;
    mark.back(&mut connection).await?;
    seen
}

/// What is looked at must be the very database that the sabotage stands in.
fn stands_in(target: &Target, rollback: &Rollback) -> Result<(), Blind> {
    if target.service != rollback.service || target.database != rollback.database {
        let why = format!(
            "`{}` is another database than `{}`, where the sabotage stands",
            target.database, rollback.database
        );
        return Err(Blind::because(why));
    }
    Ok(())
}

/// Read as long as it takes, many statements over one state of a database and as its role, in a transaction that cannot
/// write: the site's rolled-back one when there is one.
pub(in crate::probe) async fn at_rest<T>(
    db: &str,
    site: &Site,
    read: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let target = Target::of(db, false, site)?;
    if let Some(rollback) = &site.rollback {
        stands_in(&target, rollback)?;
        let mut connection = rollback.connection.lock().await;
        let mark = Mark::set(&mut connection).await?;
        let read = as_role_only(&target.user, &mut connection, read).await;
        mark.back(&mut connection).await?;
        return read;
    }
    let mut connection = connect(&target, site).await?;
    one(
        "begin transaction isolation level repeatable read read only",
        &mut connection,
    )
    .await?;
    let read = read(&mut connection).await;
    // A transaction that cannot write leaves nothing behind when its connection goes.
    let _farewell = connection.close().await;
    read
}

async fn as_role_only<T>(
    role: &str,
    connection: &mut PgConnection,
    read: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    one(&format!("set local role {}", identifier(role)), connection).await?;
    one("set local transaction_read_only = on", connection).await?;
    read(connection).await
}

/// A savepoint, by hand: the transaction around it need not be one that sqlx began.
pub(super) struct Mark;

impl Mark {
    pub(super) async fn set(connection: &mut PgConnection) -> Result<Self, Trouble> {
        one("savepoint closure_look", connection).await?;
        Ok(Self)
    }

    /// Everything since is as if it had not been.
    pub(super) async fn back(self, connection: &mut PgConnection) -> Result<(), Trouble> {
        one("rollback to savepoint closure_look", connection).await?;
        one("release savepoint closure_look", connection).await?;
        Ok(())
    }
}

async fn as_role(question: &Question, role: &str, connection: &mut PgConnection) -> Result<Answer, Trouble> {
    one(&format!("set local role {}", identifier(role)), connection).await?;
    set_context(&question.context, connection).await?;
    one("set local transaction_read_only = on", connection).await?;
    answer(question, connection).await
}

/// A name as an SQL identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn answer(question: &Question, connection: &mut PgConnection) -> Result<Answer, Trouble> {
    let columns = columns(&question.sql, connection).await?;
    // The line break keeps a comment at the statement's end from swallowing the bracket.
    let cursor = format!(
        "declare closure_look no scroll cursor for select row_to_json(closure_row)::text from (\n{}\n) closure_row",
        question.sql
    );
    one(&cursor, connection).await?;
    let texts = fetch(question.limit.unwrap_or(LIMIT), connection).await?;
    let rows = texts
        .iter()
        .map(|text| rows::read(text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Answer {
        sqlstate: "00000".into(),
        columns,
        count: rows.len() as u64,
        rows,
        ..Answer::default()
    })
}

/// Names of the columns a statement answers with, so that no row still has columns.
pub(super) async fn columns(sql: &str, connection: &mut PgConnection) -> Result<Vec<String>, Trouble> {
    let statement = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await?;
    let columns: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    let twice = columns
        .iter()
        .enumerate()
        .find(|(at, name)| columns[..*at].contains(name));
    match twice {
        Some((_, name)) => {
            let why = format!("two columns are called `{name}`\nhint: give each a name of its own with `as`");
            Err(Blind::because(why).into())
        }
        None => Ok(columns),
    }
}

async fn fetch(limit: usize, connection: &mut PgConnection) -> Result<Vec<String>, Trouble> {
    let mut texts: Vec<String> = Vec::new();
    while texts.len() <= limit {
        // One row more than allowed is asked for, to tell a full answer from one that was cut.
        let wanted = CHUNK.min(limit + 1 - texts.len());
        let fetch = format!("fetch {wanted} from closure_look");
        let fetched = sqlx::query(AssertSqlSafe(fetch))
            .persistent(false)
            .fetch_all(&mut *connection)
            .await?;
        let got = fetched.len();
        for row in fetched {
            texts.push(row.try_get(0)?);
        }
        if got < wanted {
            return Ok(texts);
        }
    }
    Err(Blind::because(format!(
        "more than {limit} rows\nhint: count in SQL, or raise `limit`"
    ))
    .into())
}
