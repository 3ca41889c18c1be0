//! The way back from a change, as data: it must survive us.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Journal, env, http, journal::Ticket, own, plant, proxy, service, sql};
use crate::{
    observation::ChangeRecord,
    probe::{Site, Target, http::Prepared},
};

/// How a change is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Undo {
    /// Start a service anew with the environment the plan gives it.
    Env {
        /// The service.
        service: String,
    },
    /// Start anew, as the plan has them, the services an override changed.
    Compose {
        /// The services.
        services: Vec<String>,
    },
    /// Bring a service back.
    Service {
        /// The service.
        service: String,
        /// `start`, `resume` or `connect`; none when there is nothing to do but look.
        action: Option<Back>,
    },
    /// Run SQL.
    Sql {
        /// Database of the suite.
        db: String,
        /// Name of the gate's own copy, when the change stands there.
        clone: Option<String>,
        /// The statements.
        sql: String,
        /// Tables the change wrote to.
        tables: Vec<String>,
    },
    /// Drop a database of ours.
    Database {
        /// Database of the suite that we reach its server by.
        db: String,
        /// The name of ours.
        database: String,
    },
    /// Send a request.
    Http {
        /// The request, to the byte.
        request: Prepared,
    },
    /// Take a rule out of the relay before a service. Both end with us, too.
    Proxy {
        /// The service.
        service: String,
        /// The rule.
        number: u64,
    },
    /// Take a line out of what stands over the log of a service. It ends with us, too.
    Plant {
        /// The service.
        service: String,
        /// The line; never its text.
        number: u64,
    },
}

/// How a service comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// Start it again.
    Start,
    /// Let it go on.
    Resume,
    /// Put it back on its networks.
    Connect,
}

impl Undo {
    /// Do it.
    pub(super) async fn run(&self, site: &Site) -> Result<(), String> {
        match self {
            Self::Env { service } => site.ground.restart(service, None).await,
            Self::Compose { services } => {
                for service in services {
                    site.ground.restart(service, None).await?;
                }
                Ok(())
            }
            Self::Service {
                service,
                action: Some(action),
            } => service::back(service, *action, site).await,
            Self::Service { action: None, .. } => Ok(()),
            Self::Sql { db, clone, sql, .. } => {
                let site = Site {
                    clone: clone.clone(),
                    ..site.clone()
                };
                let target = Target::of(db, clone.is_some(), &site).map_err(|blind| blind.to_string())?;
                sql::execute(&target, sql, &site).await
            }
            Self::Database { db, database } => own::drop_database(db, database, site).await,
            Self::Http { request } => http::back(request, site).await,
            Self::Proxy { service, number } => {
                site.relays.take_out(service, *number);
                Ok(())
            }
            Self::Plant { number, .. } => {
                site.planted.take_out(*number);
                Ok(())
            }
        }
    }

    /// Do it, look again, and cross it out.
    pub(super) async fn end(
        self,
        site: &Site,
        journal: &Journal,
        ticket: Ticket,
        record: &mut ChangeRecord,
    ) -> Result<(), String> {
        self.run(site).await?;
        record.witness.undone = match &self {
            Self::Env { service } => env::undone(service, site, record).await?,
            Self::Compose { services } => super::compose::undone(services, site, record).await?,
            Self::Service { service, action } => service::undone(service, *action, site, record).await?,
            Self::Sql {
                db, clone, tables, ..
            } => sql::undone(db, clone.as_deref(), tables, site).await?,
            Self::Database { .. } => Value::Null,
            Self::Http { .. } => http::undone(),
            Self::Proxy { service, number } => proxy::undone(service, *number, site),
            Self::Plant { service, number } => plant::undone(service, *number, site)?,
        };
        journal.crossed_out(ticket)
    }
}

/// Undo whatever a journal still holds, the last first, and go on after a failure. For every way out on which the
/// changes themselves are no longer at hand. Answers with what could not be undone.
pub async fn undo_pending(path: &Path, site: &Site) -> Vec<String> {
    let pending = match Journal::pending(path) {
        Ok(pending) => pending,
        Err(error) => return vec![format!("the undo journal cannot be read: {error}")],
    };
    let journal = match Journal::open(path) {
        Ok(journal) => journal,
        Err(error) => return vec![format!("the undo journal cannot be opened: {error}")],
    };
    let mut failed = Vec::new();
    for (ticket, undo) in pending {
        let outcome = undo.run(site).await;
        let crossed_out = outcome.and_then(|()| journal.crossed_out(ticket));
        failed.extend(crossed_out.err().map(|why| site.paper.redact(&why)));
    }
    failed
}
