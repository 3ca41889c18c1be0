//! The running topology as looks and changes know it: services by name, scratch copies, models under a change.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::fill::{self, Seed};
use crate::{
    compose::{Complaints, Fragment, Source, model::Model},
    digest::Digest,
    gate::model::Suite,
    probe::{Action, Change, Executed, Ground, Scratch},
    topology::{self, Addresses, RunFolder, ServiceSeen, State, Topology},
};

/// How long a service may take to be ready again after an act.
const READY_AGAIN: Duration = Duration::from_mins(1);

/// The topology with everything that made it, so that it can be made again under a change.
pub(super) struct Stand {
    pub(super) topology: Topology,
    pub(super) run: Arc<RunFolder>,
    pub(super) suite: Arc<Suite>,
    pub(super) source: Source,
    pub(super) seed: Seed,
    /// Variables of an `--env-file`, and the image named in the shell.
    pub(super) given: BTreeMap<String, String>,
    pub(super) addresses: Addresses,
    /// Compose fragments in force on the living services.
    pub(super) overlays: Mutex<Vec<String>>,
}

impl Stand {
    /// The variables of the compose file for one set of addresses.
    fn variables(&self, addresses: &Addresses) -> Result<BTreeMap<String, String>, String> {
        let mint = self.seed.mint(fill::places(&self.suite, addresses));
        fill::variables(&self.suite, &fill::world(&self.suite, &mint, "env"), &self.given)
    }

    /// The model under changes. What the compose file itself refuses comes back as its complaints.
    fn changed(
        &self,
        changes: &[Change],
        addresses: &Addresses,
    ) -> Result<Result<Changed, Complaints>, String> {
        let mut variables = self.variables(addresses)?;
        let mut source = self.source.clone();
        let overlays = self
            .overlays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let fragments = changes.iter().filter_map(|change| match change {
            Change::Compose { fragment } => Some(fragment.clone()),
            Change::Env { .. } | Change::Variables { .. } => None,
        });
        for text in overlays.into_iter().chain(fragments) {
            let overlaid = Fragment::from_bytes("override", text.as_bytes())
                .and_then(|fragment| source.overlay(&fragment));
            match overlaid {
                Ok(overlaid) => source = overlaid,
                Err(complaints) => return Ok(Err(complaints)),
            }
        }
        for change in changes {
            if let Change::Variables { set, unset } = change {
                variables.extend(set.clone());
                for name in unset {
                    variables.remove(name);
                }
            }
        }
        let mut model = match source.resolve(&variables) {
            Ok(model) => model,
            Err(complaints) => return Ok(Err(complaints)),
        };
        for change in changes {
            if let Change::Env { service, set, unset } = change {
                let service = model
                    .services
                    .get_mut(service)
                    .ok_or_else(|| format!("no service `{service}`"))?;
                service.environment.extend(set.clone());
                for name in unset {
                    service.environment.remove(name);
                }
            }
        }
        Ok(Ok(Changed {
            digest: source.digest(),
            model,
        }))
    }

    /// Addresses of a scratch copy: of all services, or, alone, of those that are started beside the living ones.
    fn copy_addresses(&self, services: &[String]) -> Result<Addresses, String> {
        let mut ports = ports(&self.suite);
        if !services.is_empty() {
            ports.retain(|service, _| services.contains(service));
        }
        Addresses::pick(&self.run, &ports).map_err(|error| error.to_string())
    }

    async fn scratch(&self, scratch: &Scratch) -> Result<Value, String> {
        let copy = self.copy_addresses(if scratch.alone { &scratch.services } else { &[] })?;
        let seen_from = if scratch.alone { &self.addresses } else { &copy };
        let model = match self.changed(&scratch.changes, seen_from)? {
            Ok(changed) => changed.model,
            Err(complaints) => {
                return Ok(
                    json!({"refused_by": "compose", "message": complaints.to_string(), "services": []}),
                );
            }
        };
        let copied = topology::Scratch {
            model,
            addresses: copy,
            services: scratch.services.clone(),
            alone: scratch.alone,
            within: scratch.within,
        };
        let seen = self
            .topology
            .scratch(copied)
            .await
            .map_err(|error| chain(&error))?;
        let refused = seen.iter().find(|service| service.state == State::Exited);
        Ok(json!({
            "refused_by": refused.map(|service| &service.name),
            "message": refused.map_or("", |service| service.last_words.as_str()),
            "services": seen,
        }))
    }

    async fn act_on(&self, service: &str, action: Action) -> topology::Result<ServiceSeen> {
        match action {
            Action::Stop => self.topology.stop(service, None).await,
            Action::Kill => self.topology.kill(service).await,
            Action::Pause => self.topology.pause(service).await,
            Action::Resume => self.topology.unpause(service).await,
            Action::Start => self.topology.start(service, READY_AGAIN).await,
            Action::Restart => self.topology.restart(service, READY_AGAIN).await,
            Action::Disconnect => self.topology.disconnect(service).await,
            Action::Connect => self.topology.connect(service).await,
        }
    }

    /// Start a service anew; that it does not become ready is for looks to see, not an error of the act.
    async fn restart_as(&self, service: &str, change: Option<&Change>) -> Result<(), String> {
        let asked: Vec<Change> = change.into_iter().cloned().collect();
        let changed = self
            .changed(&asked, &self.addresses)?
            .map_err(|complaints| complaints.to_string())?;
        let definition = changed
            .model
            .services
            .get(service)
            .ok_or_else(|| format!("no service `{service}`"))?;
        match self
            .topology
            .restart_with(service, definition.clone(), READY_AGAIN)
            .await
        {
            Ok(_) | Err(topology::Error::NotUp { .. } | topology::Error::Timeout { .. }) => Ok(()),
            Err(error) => Err(chain(&error)),
        }
    }
}

/// A model under changes, and the digest of the file it was resolved from.
struct Changed {
    digest: Digest,
    model: Model,
}

impl Ground for Stand {
    fn address(&self, service: &str) -> Option<SocketAddr> {
        let port = self.suite.services.get(service)?.port?;
        self.addresses.outside(service, port)?.parse().ok()
    }

    fn address_inside(&self, service: &str) -> Option<String> {
        let port = self.suite.services.get(service)?.port?;
        self.addresses.inside(service, port)
    }

    fn inspect<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Vec<Value>, String>> {
        Box::pin(async move {
            let seen = match service {
                "*" => self.topology.inspect_all().await,
                one => vec![self.topology.inspect(one).await.map_err(|error| chain(&error))?],
            };
            Ok(seen.iter().map(|service| json!(service)).collect())
        })
    }

    fn log(&self, service: &str) -> Result<PathBuf, String> {
        self.topology.heard_of(service).map_err(|error| chain(&error))
    }

    fn environment<'a>(
        &'a self,
        service: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        Box::pin(async move {
            Ok(self
                .topology
                .inspect(service)
                .await
                .map_err(|error| chain(&error))?
                .env)
        })
    }

    fn sidecar<'a>(
        &'a self,
        service: &'a str,
        errand: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let argv = ["sidecar".to_owned()];
            let said = self.topology.inside(service, &argv, errand, within).await;
            let said = said.map_err(|error| chain(&error))?;
            match said.exit_code {
                0 => Ok(said.stdout),
                code => Err(format!(
                    "failed to look inside `{service}`: the sidecar exited with {code}: {}",
                    said.stderr.trim()
                )),
            }
        })
    }

    fn exec<'a>(
        &'a self,
        service: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, String>> {
        Box::pin(async move {
            let ended = self.topology.exec(service, argv, input, within).await;
            let ended = ended.map_err(|error| chain(&error))?;
            Ok(Executed {
                exit: ended.exit_code,
                stdout: ended.stdout,
                stderr: ended.stderr,
            })
        })
    }

    fn act<'a>(&'a self, service: &'a str, action: Action) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            self.act_on(service, action)
                .await
                .map(drop)
                .map_err(|error| chain(&error))
        })
    }

    fn restart<'a>(
        &'a self,
        service: &'a str,
        change: Option<&'a Change>,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(self.restart_as(service, change))
    }

    fn startup<'a>(&'a self, scratch: &'a Scratch) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(self.scratch(scratch))
    }

    fn model(&self, changes: &[Change]) -> Result<Value, String> {
        match self.changed(changes, &self.addresses)? {
            Ok(Changed { digest, model }) => Ok(json!({"source_sha256": digest, "model": model})),
            Err(complaints) => Ok(json!({"refused": complaints.to_string()})),
        }
    }
}

/// The container ports of the suite's services.
pub(super) fn ports(suite: &Suite) -> BTreeMap<String, Vec<u16>> {
    suite
        .services
        .iter()
        .filter_map(|(name, service)| Some((name.clone(), vec![service.port?])))
        .collect()
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}
