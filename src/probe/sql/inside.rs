//! A question put from inside a service, over the service's own DSN: what the sidecar is told, and what it answers.
//!
//! The DSN never leaves the service: the sidecar reads it where the service's process has it, and says nothing of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::{Blind, Site},
    Question,
};

/// What the sidecar is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Errand {
    /// The variable of the service's process that holds the DSN.
    pub(super) dsn_env: String,
    /// `host:port` of this run's own database servers as services see them: the DSN may lead nowhere else.
    pub(super) servers: BTreeSet<String>,
    pub(super) question: Question,
    /// Bound on one statement, in milliseconds.
    pub(super) patience_ms: u64,
}

/// What the sidecar answers.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The observation.
    Seen(Value),
    /// Why there is none.
    Blind(String),
}

/// Send a question into a service, and bring back what was seen there.
pub(super) async fn look(
    question: &Question,
    service: &str,
    dsn_env: &str,
    site: &Site,
) -> Result<Value, Blind> {
    if site.rollback.is_some() {
        let why = format!("`{service}` has a connection of its own, which cannot see what is rolled back");
        return Err(Blind::because(why));
    }
    let errand = Errand {
        dsn_env: dsn_env.to_owned(),
        servers: servers(site),
        question: question.clone(),
        patience_ms: u64::try_from(site.sql_timeout.as_millis()).unwrap_or(u64::MAX),
    };
    let blind = |why: String| Blind::because(format!("inside `{service}`: {why}"));
    let errand = serde_json::to_vec(&errand).map_err(|error| blind(error.to_string()))?;
    // It connects, and asks within twice the bound of a statement; a third one is for coming to life.
    let said = site.ground.sidecar(service, &errand, site.sql_timeout * 3).await;
    match serde_json::from_slice(&said.map_err(Blind::because)?) {
        Ok(Reply::Seen(observation)) => Ok(observation),
        Ok(Reply::Blind(why)) => Err(blind(why)),
        Err(error) => Err(blind(format!("the sidecar does not say what it saw: {error}"))),
    }
}

fn servers(site: &Site) -> BTreeSet<String> {
    let databases = site.databases.values();
    databases
        .filter_map(|database| site.ground.address_inside(&database.service))
        .collect()
}
