//! A scratch copy: the services once more, beside the living ones, recorded and removed. It shows what bring-up
//! would see with other settings, and disturbs nobody.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use tokio::time::timeout;

use super::{Topology, addresses::Addresses, error::Result, goal::Standing, life::Life, seen::ServiceSeen};
use crate::compose::model::Model;

/// What is copied.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// The model of the copy, resolved with the copy's own addresses; alone, with those of the living services.
    pub model: Model,
    /// The copy's addresses: of every service in it that listens.
    pub addresses: Addresses,
    /// The services to start; none named means all.
    pub services: Vec<String>,
    /// Start only these, against whatever their settings name; else also what they depend on.
    pub alone: bool,
    /// How long they may take together.
    pub within: Duration,
}

impl Topology {
    /// Start a scratch copy, wait until each service in it is ready, refused or out of time, look at them in the
    /// order of their names, and remove the copy. A service that could not come up is what was seen, not an error.
    ///
    /// # Errors
    /// When there is no such service, or the copy cannot be made or removed.
    pub async fn scratch(&self, scratch: Scratch) -> Result<Vec<ServiceSeen>> {
        let number = self.scratches.fetch_add(1, Ordering::Relaxed) + 1;
        let label = format!("scratch-{number}");
        let substrate = self
            .substrate
            .twin(&label, scratch.addresses.clone(), scratch.alone)?;
        let mut copy = Self::on(substrate, Arc::clone(&self.run), scratch.model, scratch.addresses);
        copy.narrow(&scratch.services, scratch.alone)?;
        let climbs = copy.lives.keys().map(|name| copy.climb(name, scratch.alone));
        // Out of time is something to record, like any other end.
        let _in_time = timeout(scratch.within, join_all(climbs)).await.is_ok();
        let seen = copy.inspect_at_deadline().await;
        copy.tear_down_copy().await?;
        Ok(seen)
    }

    /// Leave only some services in a copy. What each must come to is still read from the whole model: a one-shot
    /// stays one when those who wait for it are left out.
    fn narrow(&mut self, services: &[String], alone: bool) -> Result<()> {
        let mut wanted = BTreeSet::new();
        for service in services {
            self.line(service)?;
            if alone {
                wanted.insert(service.as_str());
            } else {
                self.with_dependencies(service, &mut wanted);
            }
        }
        let wanted: BTreeSet<String> = wanted.into_iter().map(str::to_owned).collect();
        if !wanted.is_empty() {
            self.lives.retain(|name, _| wanted.contains(name));
        }
        Ok(())
    }

    /// Bring one service of a copy as far as it comes.
    async fn climb(&self, name: &str, alone: bool) -> Standing {
        if !alone && !self.await_dependencies(name).await {
            // Whoever waits for this one waits in vain as well, and need not wait for the deadline to know it.
            if let Some(line) = self.lives.get(name) {
                line.send_modify(Life::strand);
            }
            return Standing::Failed;
        }
        match self.launch(name).await {
            Ok(()) => self.await_goal(name, self.goal(name)).await,
            Err(_) => Standing::Failed,
        }
    }
}
