//! What is done to services that stand, one error for each act, and the end of them all.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    GRACE, Topology,
    error::{Error, Leftover, Result},
    goal::Standing,
    life::{Life, State},
    seen::ServiceSeen,
    substrate::Signal,
};
use crate::compose::model::Service;

/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(5);

impl Topology {
    /// Start a service that does not live, with its current definition, and wait until it is ready.
    ///
    /// # Errors
    /// When it lives already, cannot be started, ends or becomes unhealthy, or is not ready within the deadline.
    pub async fn start(&self, service: &str, within: Duration) -> Result<ServiceSeen> {
        if !self.line(service)?.borrow().is_over() {
            return Err(Error::act("start", service, "it lives"));
        }
        self.launch_again(service).await?;
        match timeout(within, self.await_goal(service, self.goal(service))).await {
            Ok(Standing::Failed) => Err(self.not_up(service).await),
            Ok(_) => self.inspect(service).await,
            Err(_) => Err(Error::Timeout {
                within,
                last_seen: self.unready(&[service].into()).await,
            }),
        }
    }

    /// Ask a service to end, wait `grace` (or what its compose file grants, or 10 s), then end it without asking.
    ///
    /// # Errors
    /// When it does not live, or survives even that.
    pub async fn stop(&self, service: &str, grace: Option<Duration>) -> Result<ServiceSeen> {
        let declared = self.definition(service)?.stop_grace_period;
        let grace = grace.or(declared).unwrap_or(GRACE);
        self.end(service, "stop", Signal::Stop, grace).await
    }

    /// End a service without asking, with every process it has.
    ///
    /// # Errors
    /// When it does not live, or survives.
    pub async fn kill(&self, service: &str) -> Result<ServiceSeen> {
        self.end(service, "kill", Signal::Kill, Duration::ZERO).await
    }

    /// Hold every process of a service in the middle of things.
    ///
    /// # Errors
    /// When it does not live.
    pub async fn pause(&self, service: &str) -> Result<ServiceSeen> {
        let line = self.line(service)?;
        // Before the signal: a look that fails because of it must find the service paused already.
        line.send_modify(Life::pause);
        let held = self.signal("pause", service, Signal::Pause).await;
        held.inspect_err(|_| line.send_modify(Life::unpause))?;
        self.inspect(service).await
    }

    /// Let a paused service go on.
    ///
    /// # Errors
    /// When it does not live.
    pub async fn unpause(&self, service: &str) -> Result<ServiceSeen> {
        self.signal("unpause", service, Signal::Unpause).await?;
        self.line(service)?.send_modify(Life::unpause);
        self.inspect(service).await
    }

    /// Take a service off every network of its run, in both directions: it lives on, and reaches nobody. Containers
    /// only. Undone by [`Topology::connect`], or by starting it again.
    ///
    /// # Errors
    /// When it does not live, or is a process of this host.
    pub async fn disconnect(&self, service: &str) -> Result<ServiceSeen> {
        self.alive("disconnect", service)?;
        let cut = self.substrate.disconnect(service).await;
        cut.map_err(|cause| Error::act("disconnect", service, cause))?;
        self.inspect(service).await
    }

    /// Put a service back on every network of its run, under the names it had there. One that was never taken off
    /// them stays as it is.
    ///
    /// # Errors
    /// When it does not live, or is a process of this host.
    pub async fn connect(&self, service: &str) -> Result<ServiceSeen> {
        self.alive("connect", service)?;
        let joined = self.substrate.connect(service).await;
        joined.map_err(|cause| Error::act("connect", service, cause))?;
        self.inspect(service).await
    }

    /// Stop a service if it lives, and start it with another definition; it keeps that one until told otherwise.
    /// Undone by restarting with the definition it had before: [`Topology::definition`].
    ///
    /// # Errors
    /// As [`Topology::stop`] and [`Topology::start`].
    pub async fn restart_with(
        &self,
        service: &str,
        definition: Service,
        within: Duration,
    ) -> Result<ServiceSeen> {
        if !self.line(service)?.borrow().is_over() {
            self.stop(service, None).await?;
        }
        self.current().insert(service.to_owned(), definition);
        self.start(service, within).await
    }

    /// Stop a service if it lives, and start it as it was.
    ///
    /// # Errors
    /// As [`Topology::restart_with`].
    pub async fn restart(&self, service: &str, within: Duration) -> Result<ServiceSeen> {
        let definition = self.definition(service)?;
        self.restart_with(service, definition, within).await
    }

    /// End everything, dependents before what they depend on, remove it, and prove that nothing is left. With `keep`
    /// the run's folder stays. A second call has nothing to do.
    ///
    /// # Errors
    /// When a process, a port, a folder or something of an engine is still there.
    pub async fn tear_down(&self, keep: bool) -> Result<()> {
        self.stop_all().await;
        let mut left = self.substrate.remove(keep).await;
        // The folder says where the rest is: whoever cleans later must find it.
        let is_needed = left.iter().any(|one| matches!(one, Leftover::Engine(_)));
        left.extend(self.run.close(keep || is_needed));
        nothing(left)
    }

    /// Leave the services up when this run's process ends. They belong to nobody then: `clean` takes them down. Answers
    /// with what cannot go on without us, one sentence each.
    pub fn leave(&self) -> Vec<String> {
        let unable = self.substrate.disown();
        self.run.disown();
        unable
    }

    /// The end of a scratch copy: the run goes on.
    pub(super) async fn tear_down_copy(&self) -> Result<()> {
        for name in self.lives.keys() {
            // Nobody will ever read what a scratch copy was in the middle of writing.
            let _ended_already = self.kill(name).await;
        }
        nothing(self.substrate.remove(false).await)
    }

    async fn stop_all(&self) {
        let mut names: Vec<(usize, &str)> = self
            .lives
            .keys()
            .map(|name| (self.depth(name, 0), name.as_str()))
            .collect();
        names.sort_unstable();
        for wave in names.chunk_by(|a, b| a.0 == b.0).rev() {
            let stops = wave.iter().map(|(_, name)| self.stop(name, None));
            // Whoever could not be stopped is swept away with the rest.
            let _stopped = futures::future::join_all(stops).await;
        }
    }

    /// How many services stand below this one. A circle cannot be here, the compose reader refuses it; the bound
    /// only keeps a wrong model from costing us the teardown.
    fn depth(&self, name: &str, below: usize) -> usize {
        let Some(service) = self
            .model
            .services
            .get(name)
            .filter(|_| below <= self.lives.len())
        else {
            return below;
        };
        service
            .depends_on
            .keys()
            .map(|dependency| self.depth(dependency, below + 1))
            .max()
            .unwrap_or(below)
    }

    async fn end(
        &self,
        service: &str,
        act: &'static str,
        signal: Signal,
        grace: Duration,
    ) -> Result<ServiceSeen> {
        let line = self.line(service)?;
        line.send_modify(Life::ask_to_end);
        self.signal(act, service, signal).await?;
        if !self.is_over_within(service, grace).await? {
            // Between the last moment of grace and the kill it may have ended by itself, which is as good.
            let _ended_already = self.signal(act, service, Signal::Kill).await;
            if !self.is_over_within(service, DYING).await? {
                return Err(Error::act(act, service, "it survived being killed"));
            }
        }
        self.inspect(service).await
    }

    async fn is_over_within(&self, service: &str, patience: Duration) -> Result<bool> {
        let mut life = self.line(service)?.subscribe();
        let is_over = life.wait_for(|life| matches!(life.state, State::Completed | State::Exited));
        Ok(timeout(patience, is_over).await.is_ok())
    }

    async fn signal(&self, act: &'static str, service: &str, signal: Signal) -> Result<()> {
        self.alive(act, service)?;
        self.substrate
            .signal(service, signal)
            .await
            .map_err(|cause| Error::act(act, service, cause))
    }

    /// An error unless the service lives.
    pub(super) fn alive(&self, act: &'static str, service: &str) -> Result<()> {
        if self.line(service)?.borrow().is_over() {
            return Err(Error::act(act, service, "it does not live"));
        }
        Ok(())
    }
}

fn nothing(left: Vec<Leftover>) -> Result<()> {
    if left.is_empty() {
        Ok(())
    } else {
        Err(Error::Left(left))
    }
}
