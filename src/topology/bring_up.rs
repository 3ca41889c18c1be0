//! From a model to services that stand: dependencies first, independent ones at the same time, one deadline over all.

use std::{collections::BTreeSet, time::Duration};

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::timeout;

use super::{
    Topology,
    error::{Error, Result},
    goal::{Goal, Standing},
    life::{Life, State},
    seen::ServiceSeen,
};

impl Topology {
    /// Run what the services want done before the first of them starts: each distinct `prepare`, once.
    ///
    /// # Errors
    /// When one does not end with 0; the error holds its last lines, `prepare.log` all of them.
    pub async fn prepare(&self) -> Result<()> {
        self.substrate.prepare(&self.model).await
    }

    /// Bring every service up that is not up yet, and look at all of them.
    ///
    /// # Errors
    /// At once when one service can no longer come up, or falls again while others still rise; else when the
    /// deadline passes. What was started stays until it is torn down.
    pub async fn bring_up(&self, within: Duration) -> Result<Vec<ServiceSeen>> {
        self.raise(self.lives.keys().map(String::as_str).collect(), within)
            .await?;
        Ok(self.inspect_all().await)
    }

    /// Bring up these services and whatever they depend on, and leave the rest for later.
    ///
    /// # Errors
    /// As [`Topology::bring_up`]; and when there is no such service.
    pub async fn bring_up_to(&self, services: &[&str], within: Duration) -> Result<()> {
        let mut wanted = BTreeSet::new();
        for service in services {
            self.line(service)?;
            self.with_dependencies(service, &mut wanted);
        }
        self.raise(wanted, within).await
    }

    async fn raise(&self, services: BTreeSet<&str>, within: Duration) -> Result<()> {
        let rising: FuturesUnordered<_> = services.iter().map(|name| self.raise_one(name)).collect();
        match timeout(within, self.see_up(rising)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Timeout {
                within,
                last_seen: self.unready(&services).await,
            }),
        }
    }

    /// Wait until all have risen, and notice when one that had risen falls meanwhile.
    async fn see_up<'a>(
        &'a self,
        mut rising: FuturesUnordered<impl Future<Output = Result<&'a str>>>,
    ) -> Result<()> {
        let mut falling = FuturesUnordered::new();
        while !rising.is_empty() {
            tokio::select! {
                Some(risen) = rising.next() => falling.push(self.fall(risen?)),
                Some(fallen) = falling.next() => return Err(fallen),
            }
        }
        Ok(())
    }

    async fn raise_one<'a>(&'a self, name: &'a str) -> Result<&'a str> {
        if !self.await_dependencies(name).await {
            // The one that failed speaks for itself.
            return std::future::pending().await;
        }
        self.launch(name).await?;
        match self.await_goal(name, self.goal(name)).await {
            Standing::Failed => Err(self.not_up(name).await),
            _ => Ok(name),
        }
    }

    /// Start a service unless it was started before.
    pub(super) async fn launch(&self, name: &str) -> Result<()> {
        let line = self.line(name)?;
        if line.borrow().state != State::NotStarted {
            return Ok(());
        }
        self.launch_again(name).await
    }

    /// Start a service with its current definition.
    pub(super) async fn launch_again(&self, name: &str) -> Result<()> {
        let (line, definition) = (self.line(name)?, self.definition(name)?);
        let started = self.substrate.start(name, &definition, line.clone()).await;
        started
            .map_err(|cause| Error::act("start", name, cause))
            .inspect_err(|error| {
                line.send_modify(|life| life.refuse(error.whole()));
            })
    }

    /// True once every dependency came to what its condition asks; false once one never can.
    pub(super) async fn await_dependencies(&self, name: &str) -> bool {
        let Some(service) = self.model.services.get(name) else {
            return false;
        };
        for (dependency, &condition) in &service.depends_on {
            let goal = self.goal_under(condition, dependency);
            if self.await_goal(dependency, goal).await == Standing::Failed {
                return false;
            }
        }
        true
    }

    pub(super) async fn await_goal(&self, name: &str, goal: Goal) -> Standing {
        let Some(line) = self.lives.get(name) else {
            return Standing::Failed;
        };
        let mut changes = line.subscribe();
        match changes
            .wait_for(|life| goal.standing(life) != Standing::Rising)
            .await
        {
            Ok(now) => goal.standing(&now),
            Err(_) => Standing::Failed,
        }
    }

    /// Waits until a service that had risen is no longer what it should be.
    async fn fall(&self, name: &str) -> Error {
        let goal = self.goal(name);
        if let Some(line) = self.lives.get(name) {
            let has_fallen = |life: &Life| goal.standing(life) == Standing::Failed;
            // The sender lives as long as we do, so waiting can only end with a fall.
            let _fallen = line.subscribe().wait_for(has_fallen).await.is_ok();
        }
        self.not_up(name).await
    }

    /// Why a service, and what waits for it, can never be up.
    pub(super) async fn not_up(&self, name: &str) -> Error {
        let what = self
            .lives
            .get(name)
            .map(|line| line.borrow().in_words())
            .unwrap_or_default();
        let last_words = self
            .inspect(name)
            .await
            .map(|seen| seen.last_words)
            .unwrap_or_default();
        Error::NotUp {
            service: name.to_owned(),
            what,
            waiting: self.waiting_for(name),
            last_words,
        }
    }

    /// Of each service that is not ready, what was last seen of it, in a line or two.
    pub(super) async fn unready(&self, services: &BTreeSet<&str>) -> Vec<String> {
        let mut seen = Vec::new();
        for &name in services {
            let Some(life) = self.lives.get(name).map(|line| line.borrow().clone()) else {
                continue;
            };
            if self.goal(name).standing(&life) != Standing::Ready {
                seen.push(self.last_seen(name, &life).await);
            }
        }
        seen
    }

    async fn last_seen(&self, name: &str, life: &Life) -> String {
        if let Some(culprit) = self.blocked_on(name) {
            return format!("`{name}` {}: it waits for `{culprit}`", life.in_words());
        }
        let health = if life.last_look.is_empty() {
            String::new()
        } else {
            format!("; {}", life.last_look)
        };
        let words = self.substrate.vitals(name).await.last_words;
        let words = if words.is_empty() {
            "; it said nothing".to_owned()
        } else {
            format!("; last words:\n{words}")
        };
        format!("`{name}` {}{health}{words}", life.in_words())
    }

    /// The first dependency that is not what a service waits for, when it was not started yet.
    pub(super) fn blocked_on(&self, name: &str) -> Option<&str> {
        if self.lives.get(name)?.borrow().state != State::NotStarted {
            return None;
        }
        let dependencies = self.model.services.get(name)?.depends_on.iter();
        let mut unmet = dependencies.filter(|(dependency, condition)| {
            let goal = self.goal_under(**condition, dependency);
            self.lives
                .get(*dependency)
                .is_none_or(|line| goal.standing(&line.borrow()) != Standing::Ready)
        });
        unmet.next().map(|(dependency, _)| dependency.as_str())
    }

    fn waiting_for(&self, name: &str) -> Vec<String> {
        let waits = |other: &String| {
            let is_waiting = self
                .lives
                .get(other)
                .is_some_and(|line| line.borrow().state == State::NotStarted);
            is_waiting && self.model.services[other].depends_on.contains_key(name)
        };
        self.model
            .services
            .keys()
            .filter(|other| waits(other))
            .cloned()
            .collect()
    }

    pub(super) fn with_dependencies<'a>(&'a self, name: &str, into: &mut BTreeSet<&'a str>) {
        let Some((name, service)) = self.model.services.get_key_value(name) else {
            return;
        };
        if into.insert(name) {
            service
                .depends_on
                .keys()
                .for_each(|dependency| self.with_dependencies(dependency, into));
        }
    }
}
