//! Takes a service off the networks of its run, and puts it back.

use std::sync::Arc;

use bollard::{
    models::{ContainerInspectResponse, NetworkConnectRequest, NetworkDisconnectRequest},
    query_parameters::InspectContainerOptions,
};
use futures::FutureExt as _;

use super::{
    creation::endpoint,
    engine::ask,
    ledger::Act,
    place::{Place, Unit},
    refusal::Refusal,
};
use crate::{compose::model::Service, topology::error::Cause};

/// The network of services whose compose file names none.
const DEFAULT: &str = "default";

impl Place {
    /// Take a service off every network of the run. It lives on, and nobody reaches it, nor it anybody.
    pub(super) async fn disconnect(self: &Arc<Self>, name: &str) -> Result<(), Cause> {
        let (place, (container, service)) = (Arc::clone(self), self.unit_of(name)?);
        let cut = async move {
            let client = place.engine.client().await?;
            let on = place.networks_now(&container).await?;
            for network in place.networks_of(&service).await? {
                if on.contains(&network) {
                    let request = NetworkDisconnectRequest {
                        container: container.clone(),
                        force: None,
                    };
                    let cut = ask(client.disconnect_network(&network, request));
                    let act = Act::Disconnect(network.clone());
                    place.events.ledger.asking(&container, act, cut).await?;
                }
            }
            Ok(())
        };
        Ok(self.works.see_through(cut.boxed()).await?)
    }

    /// Put a service back on every network of the run that its compose file names, under the names it had there.
    pub(super) async fn connect(self: &Arc<Self>, name: &str) -> Result<(), Cause> {
        let (place, owner) = (Arc::clone(self), name.to_owned());
        let (container, service) = self.unit_of(name)?;
        let joined = async move { place.join(&owner, &container, &service).await };
        Ok(self.works.see_through(joined.boxed()).await?)
    }

    /// Put a container on every network of its service that it is not on.
    pub(super) async fn join(&self, name: &str, container: &str, service: &Service) -> Result<(), Refusal> {
        let client = self.engine.client().await?;
        let on = self.networks_now(container).await?;
        for network in self.networks_of(service).await? {
            if !on.contains(&network) {
                let request = NetworkConnectRequest {
                    container: container.to_owned(),
                    endpoint_config: Some(endpoint(&self.aliases(name))),
                };
                ask(client.connect_network(&network, request)).await?;
            }
        }
        Ok(())
    }

    /// The networks of a service as the engine calls them, each made if it is not there yet.
    pub(super) async fn networks_of(&self, service: &Service) -> Result<Vec<String>, Refusal> {
        let mut networks = Vec::new();
        let declared = service.networks.iter().map(String::as_str);
        let default = service.networks.is_empty().then_some(DEFAULT);
        for network in declared.chain(default) {
            networks.push(self.networks.named(&self.engine, network).await?);
        }
        Ok(networks)
    }

    /// What a service is called on its networks. Whoever asks for it by name must find the living one.
    pub(super) fn aliases(&self, name: &str) -> Vec<String> {
        if self.is_guest {
            Vec::new()
        } else {
            vec![name.to_owned()]
        }
    }

    async fn networks_now(&self, container: &str) -> Result<Vec<String>, Refusal> {
        let client = self.engine.client().await?;
        let seen = ask(client.inspect_container(container, None::<InspectContainerOptions>)).await?;
        Ok(networks(&seen))
    }

    fn unit_of(&self, name: &str) -> Result<(String, Service), Cause> {
        let units = self.units();
        let unit: &Unit = units.get(name).ok_or("it was never started")?;
        Ok((unit.container.clone(), unit.definition.clone()))
    }
}

/// The networks that a container is on, as the engine calls them, in their order by name.
pub(super) fn networks(seen: &ContainerInspectResponse) -> Vec<String> {
    let on = seen
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    let mut names: Vec<String> = on.into_iter().flat_map(|on| on.keys().cloned()).collect();
    names.sort();
    names
}
