//! The migrations this binary knows, and the record of those that were applied.

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection};

/// One file of `migrations/`.
struct Migration {
    version: i32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../migrations/", $name, ".sql")),
        }
    };
}

const KNOWN: &[Migration] = &[
    migration!(1, "0001_tenant_context"),
    migration!(2, "0002_tenants"),
    migration!(3, "0003_events"),
    migration!(4, "0004_queue"),
    migration!(5, "0005_attribution"),
    migration!(6, "0006_ingest"),
    migration!(7, "0007_money"),
    migration!(8, "0008_matviews"),
    migration!(9, "0009_auth"),
    migration!(10, "0010_revenue"),
    migration!(11, "0011_drills"),
    migration!(12, "0012_upkeep"),
    migration!(13, "0013_llm_books"),
    migration!(14, "0014_llm_tasks"),
    migration!(15, "0015_bayesian"),
    migration!(16, "0016_idle_queue"),
];

/// Any number will do, as long as no other program of this database uses it.
const LOCK: i64 = 0x736b_656c_6469;

/// `known` is how many migrations the binary that applied a row knew: the record is whole when there are as many rows.
const RECORD: &str = "
    create table if not exists schema_migrations (
      version int primary key,
      name text not null,
      checksum text not null,
      known int not null,
      installed_by name not null default current_user,
      installed_at timestamptz not null default clock_timestamp()
    )";

/// Applies what is missing, each migration in a transaction of its own with its row in the record.
/// Returns the names of those applied now.
///
/// Fails on a database that is not UTF-8, for a role that could do more than own and migrate, and when an applied
/// migration is not what this binary has under its number.
pub(crate) async fn apply(connection: &mut PgConnection) -> anyhow::Result<Vec<&'static str>> {
    refuse_unfit(connection).await?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(RECORD).execute(&mut *connection).await?;
    let mut applied = Vec::new();
    for migration in KNOWN {
        if !is_applied(connection, migration).await? {
            install(connection, migration)
                .await
                .with_context(|| format!("migration `{}`", migration.name))?;
            applied.push(migration.name);
        }
    }
    sqlx::query("select pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await?;
    Ok(applied)
}

async fn refuse_unfit(connection: &mut PgConnection) -> anyhow::Result<()> {
    let (encoding, too_powerful, role) = sqlx::query_as::<_, (String, bool, String)>(
        "select current_setting('server_encoding'), rolsuper or rolcreaterole or rolbypassrls, rolname::text
           from pg_roles where rolname = current_user",
    )
    .fetch_one(connection)
    .await
    .context("the database cannot be reached")?;
    if encoding != "UTF8" {
        bail!("the database's encoding is `{encoding}`, not `UTF8`");
    }
    if too_powerful {
        bail!(
            "`{role}` is a superuser, or may create roles or bypass row security: migrations run as an owner only"
        );
    }
    Ok(())
}

async fn is_applied(connection: &mut PgConnection, migration: &Migration) -> anyhow::Result<bool> {
    let checksum =
        sqlx::query_scalar::<_, String>("select checksum from schema_migrations where version = $1")
            .bind(migration.version)
            .fetch_optional(connection)
            .await?;
    match checksum {
        Some(checksum) if checksum != checksum_of(migration) => {
            bail!("migration `{}` was applied with another text", migration.name)
        }
        found => Ok(found.is_some()),
    }
}

async fn install(connection: &mut PgConnection, migration: &Migration) -> anyhow::Result<()> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
    sqlx::query("insert into schema_migrations (version, name, checksum, known) values ($1, $2, $3, $4)")
        .bind(migration.version)
        .bind(migration.name)
        .bind(checksum_of(migration))
        .bind(i32::try_from(KNOWN.len())?)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

fn checksum_of(migration: &Migration) -> String {
    hex::encode(Sha256::digest(migration.sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_known_under_its_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        files.sort();
        let known: Vec<String> = KNOWN
            .iter()
            .map(|migration| format!("{}.sql", migration.name))
            .collect();
        assert_eq!(files, known);
        for migration in KNOWN {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }
}
