//! Connections to the run's own databases, pinned so that the same rows read the same everywhere.

use std::{net::SocketAddr, time::Duration};

use sqlx::{
    ConnectOptions as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::super::{Blind, Site};

/// One database, resolved: who connects where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The service that is the database server.
    pub service: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Name of the database.
    pub database: String,
    /// Role.
    pub user: String,
    password: String,
}

impl Target {
    /// A database of the suite, or the gate's own copy of it. Refused when it is not on this run's own cluster.
    pub fn of(db: &str, on_clone: bool, site: &Site) -> Result<Self, Blind> {
        let access = site
            .databases
            .get(db)
            .ok_or_else(|| Blind::because(format!("no database `{db}` in this suite")))?;
        if site.ground.address(&access.service) != Some(access.address) || !access.address.ip().is_loopback()
        {
            let why = format!(
                "`{db}` is at `{}`, which is not this run's own `{}`",
                access.address, access.service
            );
            return Err(Blind::because(why));
        }
        let database = match (&site.clone, on_clone) {
            (Some(clone), true) => clone.clone(),
            (None, true) => return Err(Blind::because("`on = \"clone\"` in a gate that has no clone")),
            (_, false) => access.database.clone(),
        };
        Ok(Self {
            service: access.service.clone(),
            address: access.address,
            database,
            user: access.user.clone(),
            password: access.password.clone(),
        })
    }
}

/// Open a connection to a database of the suite.
pub async fn connect(target: &Target, site: &Site) -> Result<PgConnection, Blind> {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&target.address.ip().to_string())
        .port(target.address.port())
        .username(&target.user)
        .password(&target.password)
        .database(&target.database);
    open(options, site.sql_timeout).await
}

/// Open a connection. A role's own settings, and those of a DSN, cannot move what is pinned here.
pub(super) async fn open(options: PgConnectOptions, patience: Duration) -> Result<PgConnection, Blind> {
    let timeout = patience.as_millis().to_string();
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let user = options.get_username().to_owned();
    let options = options
        .ssl_mode(PgSslMode::Disable)
        .application_name("closure")
        .statement_cache_capacity(0)
        .options([
            ("statement_timeout", timeout.as_str()),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO, MDY"),
            ("IntervalStyle", "postgres"),
            ("bytea_output", "hex"),
        ]);
    let connected = tokio::time::timeout(patience, options.connect()).await;
    let connected = connected.map_err(|_| Blind::because(format!("`{place}` does not answer")))?;
    connected.map_err(|error| Blind::because(format!("cannot connect as `{user}`: {error}")))
}
