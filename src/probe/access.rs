//! Reaching the databases of the run, and no others.

use std::{fmt, net::SocketAddr};

/// A role on a database, as a look reaches it from outside.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// The service that is the database server.
    pub service: String,
    /// Where this access believes the server listens; refused unless the topology says the same.
    pub address: SocketAddr,
    /// Name of the database.
    pub database: String,
    /// Role.
    pub user: String,
    /// Its password, minted for the run.
    pub password: String,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}@{}/{} ({})",
            self.user, self.address, self.database, self.service
        )
    }
}
