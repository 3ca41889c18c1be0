//! Writing: one transaction, committed.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{super::Blind, Answer, LIMIT, Question, Trouble, one, read, rows, set_context};

/// What the server says to several statements in one.
const SEVERAL: &str = "cannot insert multiple commands into a prepared statement";

/// Run a statement, or several that answer with nothing, and commit.
pub(super) async fn run(question: &Question, connection: &mut PgConnection) -> Result<Answer, Trouble> {
    let mut transaction = connection.begin().await?;
    set_context(&question.context, &mut transaction).await?;
    let answer = execute(question, &mut transaction).await?;
    transaction.commit().await?;
    Ok(answer)
}

/// Run it inside the transaction that is open.
pub(super) async fn execute(question: &Question, connection: &mut PgConnection) -> Result<Answer, Trouble> {
    let done = |count| Answer {
        sqlstate: "00000".into(),
        count,
        ..Answer::default()
    };
    let mark = read::Mark::set(connection).await?;
    let columns = read::columns(&question.sql, connection).await;
    mark.back(connection).await?;
    match columns {
        Ok(columns) if columns.is_empty() => Ok(done(one(&question.sql, connection).await?)),
        Ok(columns) => with_rows(question, columns, connection).await,
        Err(Trouble::Sql { error, .. }) if error == SEVERAL => {
            let all = sqlx::raw_sql(AssertSqlSafe(question.sql.as_str()))
                .execute(&mut *connection)
                .await?;
            Ok(done(all.rows_affected()))
        }
        Err(trouble) => Err(trouble),
    }
}

/// `insert … returning` and `select f()` alike are wrapped, so that rows are read as those of a look are.
async fn with_rows(
    question: &Question,
    columns: Vec<String>,
    connection: &mut PgConnection,
) -> Result<Answer, Trouble> {
    let wrapped = format!(
        "with closure_row as (\n{}\n) select row_to_json(closure_row)::text from closure_row",
        question.sql
    );
    let fetched = sqlx::query(AssertSqlSafe(wrapped))
        .persistent(false)
        .fetch_all(&mut *connection)
        .await;
    let fetched = fetched.map_err(|error| hinted(Trouble::from(error)))?;
    let limit = question.limit.unwrap_or(LIMIT);
    if fetched.len() > limit {
        return Err(Blind::because(format!("more than {limit} rows")).into());
    }
    let read = |row: &sqlx::postgres::PgRow| rows::read(row.try_get(0)?);
    let rows = fetched.iter().map(read).collect::<Result<Vec<_>, Trouble>>()?;
    Ok(Answer {
        sqlstate: "00000".into(),
        columns,
        count: rows.len() as u64,
        rows,
        ..Answer::default()
    })
}

fn hinted(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Sql { error, .. } if error.contains("must be at the top level") => {
            let hint = "hint: leave `returning` away and read in a look of its own";
            Blind::because(format!(
                "rows of a statement that writes in its own `with` cannot be read\n{hint}"
            ))
            .into()
        }
        other => other,
    }
}
