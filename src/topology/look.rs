//! A look at services: what the topology knows of their lives, and what the substrate sees of them now.

use std::path::PathBuf;

use chrono::SecondsFormat;

use super::{
    Topology,
    error::Result,
    goal::Goal,
    journal::heard_of,
    life::{Life, State},
    seen::{ServiceSeen, Vitals},
};
use crate::compose::model::Service;

impl Topology {
    /// Where everything a service has said stands as it was heard, its secrets with it: for whoever searches it, and
    /// never for paper.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn heard_of(&self, service: &str) -> Result<PathBuf> {
        self.line(service)?;
        Ok(heard_of(self.run.path(), service))
    }

    /// Look at one service.
    ///
    /// # Errors
    /// When there is no such service.
    pub async fn inspect(&self, service: &str) -> Result<ServiceSeen> {
        let life = self.line(service)?.borrow().clone();
        let definition = self.definition(service)?;
        let vitals = self.substrate.vitals(service).await;
        Ok(self.seen(service, life, definition, vitals))
    }

    /// Look at every service, in the order of their names.
    pub async fn inspect_all(&self) -> Vec<ServiceSeen> {
        let looks = self.lives.keys().map(|name| self.inspect(name));
        futures::future::join_all(looks)
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    fn seen(&self, name: &str, life: Life, definition: Service, vitals: Vitals) -> ServiceSeen {
        let waits = self
            .blocked_on(name)
            .map(|culprit| format!("it waits for `{culprit}`"));
        let spoken = [vitals.last_words, life.last_look, waits.unwrap_or_default()];
        let at = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        ServiceSeen {
            name: name.to_owned(),
            state: life.state,
            health: life.health,
            exit_code: life.exit_code,
            image: if vitals.image.is_empty() {
                definition.image.unwrap_or_default()
            } else {
                vitals.image
            },
            image_id: vitals.image_id,
            digest: vitals.digest,
            pid: life.pid,
            started_at: life.started_at.map(at),
            restarts: life.starts.saturating_sub(1),
            env: vitals.env.unwrap_or(definition.environment),
            sockets: vitals.sockets,
            listens: vitals.listens,
            rss_kib: vitals.rss_kib,
            cpu_pct: vitals.cpu_pct,
            fds: vitals.fds,
            mem_kib: vitals.usage.mem_kib,
            mem_limit_kib: vitals.usage.mem_limit_kib,
            pids: vitals.usage.pids,
            pids_limit: vitals.usage.pids_limit,
            throttled_periods: vitals.usage.throttled_periods,
            networks: vitals.networks,
            took_ms: life
                .took
                .map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            last_words: spoken
                .into_iter()
                .find(|words| !words.is_empty())
                .unwrap_or_default(),
        }
    }

    /// Look at every service of a scratch copy once its time is over: what is neither ready nor refused ran out of it.
    pub(super) async fn inspect_at_deadline(&self) -> Vec<ServiceSeen> {
        let mut all = self.inspect_all().await;
        for seen in &mut all {
            let is_on_its_way = match seen.state {
                State::Starting => true,
                State::Running => self.goal(&seen.name) == Goal::Completed,
                _ => false,
            };
            if is_on_its_way {
                seen.state = State::Timeout;
            }
        }
        all
    }
}
