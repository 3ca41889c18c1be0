//! The change `sql`: statements run on a live database and undone by other statements, or run in a transaction that
//! is rolled back.
//!
//! The witness is the catalogue (what exists, who owns it, who may do what) and the rows of the tables that were
//! written to. Which tables those are the database says itself: the statements are tried in a savepoint first.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;

use super::{
    Journal, Undo,
    applied::{Draft, Effect},
    catalogue, rows,
};
use crate::{
    observation::ChangeRecord,
    probe::{
        Blind, Params, Rollback, Site, Target,
        sql::{connect, fill, on_clone, written},
    },
};

/// A transaction with a sabotage in it.
pub(super) struct Open {
    pub(super) rollback: Rollback,
    /// It was begun by an earlier change of the same control: only what was done since the savepoint is ours.
    joined: bool,
    tables: Vec<String>,
}

struct Wanted {
    target: Target,
    sql: String,
    undo: Option<String>,
}

fn read(params: Params<'_>, site: &Site) -> Result<Wanted, Blind> {
    let nothing = Map::new();
    let bind = params.table("bind")?.unwrap_or(&nothing);
    let filled = |sql: String| fill(&sql, bind).map_err(Blind::because);
    let undo = match (params.get("undo"), params.get("undo_file")) {
        (None, None) => None,
        _ => Some(filled(written(params, "undo", "undo_file", site)?)?),
    };
    Ok(Wanted {
        target: Target::of(params.text("db")?, on_clone(params)?, site)?,
        sql: filled(written(params, "query", "file", site)?)?,
        undo,
    })
}

/// Make the change on the live database, in one transaction. Refused without an undoing.
pub(super) async fn live(
    params: Params<'_>,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let wanted = read(params, site)?;
    let sql = wanted
        .undo
        .ok_or_else(|| Blind::because("a live `sql` change without `undo`"))?;
    let clone = if on_clone(params)? {
        site.clone.clone()
    } else {
        None
    };
    let mut connection = connect(&wanted.target, site).await?;
    let mut transaction = connection.begin().await.map_err(broken)?;
    let tables = rows::written(&wanted.sql, &mut transaction)
        .await
        .map_err(broken)?;
    draft.record.witness.before = witness(&tables, &mut transaction).await.map_err(broken)?;
    let undo = Undo::Sql {
        db: params.text("db")?.to_owned(),
        clone,
        sql,
        tables: tables.clone(),
    };
    run(&wanted.sql, &mut transaction).await.map_err(broken)?;
    draft.record.witness.after = witness(&tables, &mut transaction).await.map_err(broken)?;
    // From here on there may be something to undo, even when the answer to the commit is lost.
    draft.undo = Some(journal.planned(undo)?);
    transaction.commit().await.map_err(broken)?;
    draft.fact("tables", tables);
    Ok(())
}

/// Make the change in a transaction of its own, or in the one that is open already, and leave it open for looks.
pub(super) async fn rolled_back(params: Params<'_>, site: &Site, draft: &mut Draft) -> Result<(), Blind> {
    let wanted = read(params, site)?;
    let (rollback, joined) = match &site.rollback {
        Some(open)
            if (&open.service, &open.database) == (&wanted.target.service, &wanted.target.database) =>
        {
            (open.clone(), true)
        }
        Some(open) => {
            return Err(Blind::because(format!(
                "the transaction is open on `{}`",
                open.database
            )));
        }
        None => (begin(&wanted.target, site).await?, false),
    };
    let connection = Arc::clone(&rollback.connection);
    let mut connection = connection.lock().await;
    if joined {
        run("savepoint closure_change", &mut connection)
            .await
            .map_err(broken)?;
    }
    // An error below must find its way back to before the savepoint, so the way is known first.
    draft.effect = Effect::Rollback(Open {
        rollback: rollback.clone(),
        joined,
        tables: Vec::new(),
    });
    let tables = rows::written(&wanted.sql, &mut connection)
        .await
        .map_err(broken)?;
    draft.record.witness.before = witness(&tables, &mut connection).await.map_err(broken)?;
    draft.fact("tables", tables.clone());
    draft.effect = Effect::Rollback(Open {
        rollback,
        joined,
        tables: tables.clone(),
    });
    run(&wanted.sql, &mut connection).await.map_err(broken)?;
    draft.record.witness.after = witness(&tables, &mut connection).await.map_err(broken)?;
    Ok(())
}

async fn begin(target: &Target, site: &Site) -> Result<Rollback, Blind> {
    let mut connection = connect(target, site).await?;
    run("begin", &mut connection).await.map_err(broken)?;
    Ok(Rollback {
        connection: Arc::new(Mutex::new(connection)),
        service: target.service.clone(),
        database: target.database.clone(),
    })
}

impl Open {
    /// Roll back, and look again at what is then there.
    pub(super) async fn end(self, record: &mut ChangeRecord) -> Result<(), String> {
        let mut connection = self.rollback.connection.lock().await;
        let back = if self.joined {
            "rollback to savepoint closure_change; release savepoint closure_change"
        } else {
            "rollback"
        };
        let seen = match run(back, &mut connection).await {
            Ok(()) => witness(&self.tables, &mut connection).await,
            Err(error) => Err(error),
        };
        record.witness.undone = seen.map_err(|error| broken(error).to_string())?;
        Ok(())
    }
}

/// Run statements in a transaction on a connection of their own.
pub(super) async fn execute(target: &Target, sql: &str, site: &Site) -> Result<(), String> {
    let mut connection = connect(target, site).await.map_err(|blind| blind.to_string())?;
    let words = |error| broken(error).to_string();
    let mut transaction = connection.begin().await.map_err(words)?;
    run(sql, &mut transaction).await.map_err(words)?;
    transaction.commit().await.map_err(words)
}

pub(super) async fn undone(
    db: &str,
    clone: Option<&str>,
    tables: &[String],
    site: &Site,
) -> Result<Value, String> {
    let site = Site {
        clone: clone.map(str::to_owned),
        ..site.clone()
    };
    let words = |blind: Blind| blind.to_string();
    let target = Target::of(db, clone.is_some(), &site).map_err(words)?;
    let mut connection = connect(&target, &site).await.map_err(words)?;
    witness(tables, &mut connection)
        .await
        .map_err(|error| broken(error).to_string())
}

async fn witness(tables: &[String], connection: &mut PgConnection) -> Result<Value, sqlx::Error> {
    Ok(
        json!({ "catalogue": catalogue::fingerprint(connection).await?, "rows": rows::count(tables, connection).await? }),
    )
}

/// Run one statement or several, in the transaction that is open.
pub(super) async fn run(sql: &str, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map(drop)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands behind `map_err`, which hands over the error"
)]
pub(super) fn broken(error: sqlx::Error) -> Blind {
    match error.as_database_error() {
        Some(database) => {
            let sqlstate = database.code().unwrap_or_default();
            Blind::because(format!("SQLSTATE {sqlstate}: {}", database.message()))
        }
        None => Blind::because(format!("the connection broke: {error}")),
    }
}
