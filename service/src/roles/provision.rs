//! `provision`: the one role that is given the superuser. It makes what only a superuser can make, and can be run
//! again at any time with the same end.

use anyhow::{Context as _, bail};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    db,
    settings::{Dsn, Provision, Secret},
};

/// Any connection to the server will do to make a database; this one is always there.
const MAINTENANCE_DATABASE: &str = "postgres";

/// Postgres: there is no such database.
const INVALID_CATALOG_NAME: &str = "3D000";

/// Roles without their passwords. The attributes are said again for a role that is there, so that a role which was
/// given too much loses it here. `matview_owner` is the one role that sees all tenants; nobody can log in as it, and
/// no role that can is a member.
const ROLES: &str = "
    do $$
    declare
      wanted text;
    begin
      foreach wanted in array array['migration_owner', 'app_user', 'app_rw', 'app_ro', 'matview_owner'] loop
        if not exists (select from pg_roles where rolname = wanted) then
          execute format('create role %I', wanted);
        end if;
      end loop;
    end
    $$;
    alter role migration_owner login nosuperuser nocreatedb nocreaterole nobypassrls noreplication;
    alter role app_user login nosuperuser nocreatedb nocreaterole nobypassrls noreplication;
    alter role app_rw nologin nosuperuser nocreatedb nocreaterole nobypassrls noreplication;
    alter role app_ro nologin nosuperuser nocreatedb nocreaterole nobypassrls noreplication;
    alter role matview_owner nologin nosuperuser nocreatedb nocreaterole bypassrls noreplication;
    grant app_rw, app_ro to app_user;";

/// Where the materialized views live, and the two things that only their owner can do: to make one, and to refresh it.
/// Their queries see every tenant, so they belong to `matview_owner`; and because nobody is a member of it, the owner of
/// everything else does these two things through functions of its own, and nothing besides. A refresh compares by way of
/// a temporary table.
const MATVIEWS: &str = "
    create schema if not exists matviews authorization matview_owner;
    grant usage on schema matviews to migration_owner;

    create or replace function matviews.make(p_name name, p_key text, p_query text) returns void
      language plpgsql security definer set search_path = public, pg_temp
      as $$
      begin
        execute format('create materialized view matviews.%I as %s', p_name, p_query);
        execute format('create unique index on matviews.%I (%s)', p_name, p_key);
        execute format('grant select on matviews.%I to migration_owner', p_name);
      end
      $$;
    alter function matviews.make(name, text, text) owner to matview_owner;
    revoke all on function matviews.make(name, text, text) from public;
    grant execute on function matviews.make(name, text, text) to migration_owner;

    create or replace function matviews.refresh(p_name name) returns void
      language plpgsql security definer set search_path = public, pg_temp
      as $$
      begin
        execute format('refresh materialized view concurrently matviews.%I', p_name);
      end
      $$;
    alter function matviews.refresh(name) owner to matview_owner;
    revoke all on function matviews.refresh(name) from public;
    grant execute on function matviews.refresh(name) to migration_owner;";

/// Makes roles, database, ownership and extension.
pub(crate) async fn run(settings: Provision) -> anyhow::Result<()> {
    let mut connection = connect_or_create(&settings.dsn).await?;
    // Should a statement with a password in it fail, the server's log must not quote it.
    sqlx::raw_sql("set log_min_error_statement = 'panic'")
        .execute(&mut connection)
        .await?;
    sqlx::raw_sql(ROLES)
        .execute(&mut connection)
        .await
        .context("the roles")?;
    for (role, password) in [
        ("migration_owner", &settings.migration_owner_password),
        ("app_user", &settings.app_user_password),
    ] {
        set_password(&mut connection, role, password).await?;
    }
    own(&mut connection, settings.dsn.database())
        .await
        .context("the database's ownership")?;
    connection.close().await?;
    tracing::info!(database = settings.dsn.database(), "provisioned");
    Ok(())
}

/// A connection to the named database, which is made first when it is not there.
async fn connect_or_create(dsn: &Dsn) -> anyhow::Result<PgConnection> {
    match connect(dsn).await {
        Err(error) if db::is_code(&error, INVALID_CATALOG_NAME) => {
            let mut maintenance = connect(&dsn.with_database(MAINTENANCE_DATABASE)).await?;
            let template = "create database %I encoding 'UTF8' template template0";
            let create = quoted(&mut maintenance, template, &[dsn.database()]).await?;
            sqlx::raw_sql(AssertSqlSafe(create))
                .execute(&mut maintenance)
                .await?;
            maintenance.close().await?;
            Ok(connect(dsn).await?)
        }
        Err(error) => bail!("the server cannot be reached: {}", db::words(&error)),
        Ok(connection) => Ok(connection),
    }
}

async fn connect(dsn: &Dsn) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(&dsn.options("skeldir provision")?).await
}

async fn set_password(connection: &mut PgConnection, role: &str, password: &Secret) -> anyhow::Result<()> {
    let alter = quoted(
        connection,
        "alter role %I password %L",
        &[role, password.reveal()],
    )
    .await?;
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(alter)).execute(connection).await {
        bail!("the password of `{role}`: {}", db::words(&error));
    }
    Ok(())
}

/// The database and its schema belong to the migrations' owner, all but the materialized views. Nobody has anything in
/// them by being nobody in particular: not even temporary tables.
async fn own(connection: &mut PgConnection, database: &str) -> anyhow::Result<()> {
    for statement in [
        "alter database %I owner to migration_owner",
        "revoke all on database %I from public",
        "grant connect on database %I to app_user",
        "grant temporary on database %I to matview_owner",
    ] {
        let statement = quoted(connection, statement, &[database]).await?;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::raw_sql("alter schema public owner to migration_owner; create extension if not exists pgcrypto")
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(MATVIEWS).execute(connection).await?;
    Ok(())
}

/// A statement with its names and values quoted by the server itself: these statements take no parameters.
async fn quoted(
    connection: &mut PgConnection,
    template: &str,
    values: &[&str],
) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select format($1, variadic $2::text[])")
        .bind(template)
        .bind(values)
        .fetch_one(connection)
        .await
}
