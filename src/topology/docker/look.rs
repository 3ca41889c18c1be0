//! Looks at a service: at its container as the engine knows it, at its processes as this host does, and from inside.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bollard::query_parameters::InspectContainerOptions;
use futures::FutureExt as _;
use tokio::{sync::oneshot, time::timeout};

use super::{
    engine::ask,
    inside::Look,
    links::networks,
    place::{Leader, Place},
    refusal::Refusal,
    stats::usage,
};
use crate::topology::{
    census::Census,
    error::Cause,
    seen::{Usage, Vitals},
    substrate::Executed,
    vitals::{account, measure},
};

/// How long an engine may take over a look.
const GLANCE: Duration = Duration::from_secs(5);

/// A container as the engine knows it now; nothing when the engine is silent.
#[derive(Default)]
struct Known {
    image: Option<String>,
    /// What it was made with: its image's, and what the compose file adds.
    environment: Option<BTreeMap<String, String>>,
    networks: Option<Vec<String>>,
    usage: Usage,
}

impl Place {
    /// What can be seen of a service now.
    pub(super) async fn look(&self, name: &str) -> Vitals {
        if !self.units().contains_key(name) {
            return Vitals::default();
        }
        // An engine that is silent must not keep us from what this host can see by itself.
        let known = timeout(GLANCE, self.known(name)).await;
        let known = known.ok().and_then(Result::ok).unwrap_or_default();
        let mut units = self.units();
        let Some(unit) = units.get_mut(name) else {
            return Vitals::default();
        };
        let family = match unit.leader {
            Leader::Seen(leader) => Census::take().family(leader),
            Leader::Gone | Leader::Hidden => Vec::new(),
        };
        let measured = measure(&family);
        let (cpu_pct, sample) = unit.sample.step(&measured);
        unit.sample = sample;
        let is_seen = unit.leader != Leader::Hidden;
        Vitals {
            image: unit.image.reference.clone(),
            image_id: known.image.unwrap_or_else(|| unit.image.id.clone()),
            digest: unit.image.digest.clone(),
            env: known.environment,
            sockets: measured.sockets,
            listens: measured.listens,
            rss_kib: is_seen.then_some(measured.rss_kib),
            cpu_pct: is_seen.then_some(cpu_pct),
            fds: measured.fds.filter(|_| is_seen),
            usage: known.usage,
            networks: known.networks,
            last_words: unit.journal.last_words(),
        }
    }

    /// Whatever container has the service's name now: if somebody put another in its place, that one.
    async fn known(&self, name: &str) -> Result<Known, Refusal> {
        let client = self.engine.client().await?;
        let called = self.names.of(name);
        let seen = ask(client.inspect_container(&called, None::<InspectContainerOptions>));
        let (seen, read) = tokio::join!(seen, self.stats(name));
        let seen = seen?;
        let limit = seen.host_config.as_ref().and_then(|host| host.memory);
        // Without a reading the rest is worth knowing.
        let usage = read.map_or_else(|_| Usage::default(), |read| usage(&read, limit.unwrap_or(0) > 0));
        let networks = networks(&seen)
            .iter()
            .map(|network| self.networks.declared(network))
            .collect();
        let variables = seen.config.and_then(|config| config.env).unwrap_or_default();
        let pairs = variables.iter().filter_map(|variable| variable.split_once('='));
        Ok(Known {
            image: seen.image,
            networks: Some(networks),
            usage,
            environment: Some(
                pairs
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            ),
        })
    }

    pub(super) async fn look_inside(
        &self,
        name: &str,
        argv: &[String],
        input: &[u8],
        within: Duration,
    ) -> Result<Executed, Cause> {
        let (container, user) = {
            let units = self.units();
            let unit = units.get(name).ok_or("it was never started")?;
            // The account its process runs under now: an image may begin as root and go on as somebody else.
            let now = match unit.leader {
                Leader::Seen(leader) => account(leader),
                Leader::Gone | Leader::Hidden => None,
            };
            let declared = || unit.definition.user.clone();
            (unit.container.clone(), now.or_else(declared))
        };
        let look = Look {
            engine: Arc::clone(&self.engine),
            names: self.names.clone(),
            image: self.images.sidecar(&self.site.closure).await?,
            service: name.to_owned(),
            container,
            user,
            argv: argv.to_vec(),
            input: input.to_vec(),
        };
        let (wanted, given_up) = oneshot::channel();
        let seen = self.works.see_through(look.take(within, given_up).boxed()).await;
        drop(wanted);
        Ok(seen?)
    }
}
