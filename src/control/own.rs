//! Databases that a gate has to itself: copies of a snapshot, which is a copy of one of the suite's databases from
//! before anybody used it. Each is planned to be dropped before it is made, like every other change.
//!
//! An engine copies what is in a database. Who may connect to it, and the settings it gives to roles, belong to the
//! database itself, and are copied here.

use sqlx::{PgConnection, Row as _};

use super::{
    Journal, Undo,
    journal::Ticket,
    sql::{broken, run},
};
use crate::{
    gate::model::Snapshot,
    probe::{Blind, Site, Target, sql::connect},
};

/// What a database is given beside what is in it: `$1` is its name, `$2` that of the one that is to be given the same.
const GRANTS: &str = "
select format('grant %s on database %I to %s%s', privilege_type, $2::text,
              case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
              case when is_grantable then ' with grant option' else '' end) as granted
  from pg_database, aclexplode(datacl) where datname = $1";
const SETTINGS: &str = "
select quote_ident(rolname) as role, split_part(entry, '=', 1) as name, substr(entry, strpos(entry, '=') + 1) as value
  from pg_db_role_setting join pg_database d on d.oid = setdatabase left join pg_roles r on r.oid = setrole,
       unnest(setconfig) as entry
 where datname = $1 order by 1, 2";
const OWNER: &str = "
select quote_ident(pg_get_userbyid(datdba)) as owner, datacl is not null as is_granted from pg_database where datname = $1";

/// What Postgres cuts longer names to.
const LONGEST: usize = 63;

/// A database that one gate has to itself.
pub struct Own {
    /// Its name.
    pub database: String,
    undo: Undo,
    ticket: Ticket,
}

/// Take a snapshot, while nobody but us is connected to what it is taken of.
pub async fn snapshot(name: &str, of: &Snapshot, site: &Site, journal: &Journal) -> Result<(), Blind> {
    let source = Target::of(&of.db, false, site)?.database;
    let taken = copy(&of.db, &source, &taken_of(name), site, journal).await?;
    let mut connection = connect(&Target::of(&of.db, false, site)?, site).await?;
    // Nobody changes it by mistake, and whoever copies it finds nobody connected.
    let closed = format!(
        "alter database {} allow_connections false",
        quoted(&taken.database)
    );
    run(&closed, &mut connection).await.map_err(broken)
}

/// Make a gate's own database of a snapshot that was taken.
pub async fn own(
    gate: &str,
    name: &str,
    of: &Snapshot,
    site: &Site,
    journal: &Journal,
) -> Result<Own, Blind> {
    copy(
        &of.db,
        &taken_of(name),
        &format!("closure_clone_{gate}"),
        site,
        journal,
    )
    .await
}

impl Own {
    /// Drop it, with whatever connections are left to it.
    pub async fn end(self, site: &Site, journal: &Journal) -> Result<(), String> {
        let _middle = journal.middle().await;
        self.undo.run(site).await?;
        journal.crossed_out(self.ticket)
    }
}

/// Drop a database of ours, if it is there.
pub(super) async fn drop_database(db: &str, database: &str, site: &Site) -> Result<(), String> {
    let words = |blind: Blind| blind.to_string();
    let target = Target::of(db, false, site).map_err(words)?;
    let mut connection = connect(&target, site).await.map_err(words)?;
    let statement = format!("drop database if exists {} with (force)", quoted(database));
    run(&statement, &mut connection)
        .await
        .map_err(|error| broken(error).to_string())
}

fn taken_of(snapshot: &str) -> String {
    format!("closure_snapshot_{snapshot}")
}

async fn copy(db: &str, from: &str, to: &str, site: &Site, journal: &Journal) -> Result<Own, Blind> {
    if to.len() > LONGEST {
        return Err(Blind::because(format!(
            "the database `{to}` would have a name of more than {LONGEST} bytes\nhint: give the gate or the snapshot a \
             shorter one"
        )));
    }
    let _middle = journal.middle().await;
    let target = Target::of(db, false, site)?;
    let mut connection = connect(&target, site).await?;
    let (undo, ticket) = journal.planned(Undo::Database {
        db: db.to_owned(),
        database: to.to_owned(),
    })?;
    made(&target.database, from, to, &mut connection)
        .await
        .map_err(broken)?;
    Ok(Own {
        database: to.to_owned(),
        undo,
        ticket,
    })
}

/// `like` is the suite's database, of which `from` has what is in it.
async fn made(like: &str, from: &str, to: &str, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let of = sqlx::query(OWNER).bind(like).fetch_one(&mut *connection).await?;
    let (owner, is_granted): (String, bool) = (of.try_get("owner")?, of.try_get("is_granted")?);
    let grants = sqlx::query(GRANTS)
        .bind(like)
        .bind(to)
        .fetch_all(&mut *connection)
        .await?;
    let to = quoted(to);
    let create = format!("create database {to} template {} owner {owner}", quoted(from));
    run(&create, connection).await?;
    if is_granted {
        run(
            &format!("revoke all on database {to} from public, {owner}"),
            connection,
        )
        .await?;
    }
    for grant in grants {
        run(grant.try_get("granted")?, connection).await?;
    }
    for setting in sqlx::query(SETTINGS)
        .bind(like)
        .fetch_all(&mut *connection)
        .await?
    {
        let (name, value): (String, String) = (setting.try_get("name")?, setting.try_get("value")?);
        let role: Option<String> = setting.try_get("role")?;
        sqlx::query("select set_config($1, $2, false)")
            .bind(&name)
            .bind(&value)
            .execute(&mut *connection)
            .await?;
        // A list stays a list when it is taken from where it is in force.
        let name = quoted(&name);
        let whose = role.map_or_else(String::new, |role| format!("role {role} in "));
        run(
            &format!("alter {whose}database {to} set {name} from current"),
            connection,
        )
        .await?;
        run(&format!("reset {name}"), connection).await?;
    }
    Ok(())
}

/// A name as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
