//! Where the run's services and databases are, as its services see them.

use std::collections::BTreeMap;

/// Inside addresses, handed in once the ports of a run are known.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Databases of the suite, by name.
    pub databases: BTreeMap<String, DatabasePlace>,
    /// Services with a port: name → `host:port`.
    pub services: BTreeMap<String, String>,
}

/// A role on a database, and where its server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabasePlace {
    /// The service that is the database server.
    pub service: String,
    /// Host as the services see it.
    pub host: String,
    /// Port as the services see it.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// Role.
    pub user: String,
}

impl DatabasePlace {
    /// The connection string with a password. Minted passwords are URL-safe; the other parts are checked names.
    pub(crate) fn dsn(&self, password: &str) -> String {
        let Self {
            host,
            port,
            database,
            user,
            ..
        } = self;
        format!("postgres://{user}:{password}@{host}:{port}/{database}")
    }
}
