//! The networks of one copy of the services.

use std::sync::Arc;

use bollard::models::NetworkCreateRequest;

use super::{
    engine::{Engine, ask},
    names::Names,
    refusal::Refusal,
};

/// The networks of one copy, each made when the first service stands on it.
pub(super) struct Networks {
    names: Names,
    made: tokio::sync::Mutex<Vec<String>>,
}

impl Networks {
    pub(super) fn new(names: Names) -> Arc<Self> {
        Arc::new(Self {
            names,
            made: tokio::sync::Mutex::default(),
        })
    }

    /// A network as the compose file calls it; one that is not of these as the engine does.
    pub(super) fn declared(&self, network: &str) -> String {
        network
            .strip_prefix(&self.names.of(""))
            .unwrap_or(network)
            .to_owned()
    }

    /// A network of the compose file as the engine calls it. An engine makes two of one name when it is asked twice.
    pub(super) async fn named(&self, engine: &Engine, network: &str) -> Result<String, Refusal> {
        let name = self.names.of(network);
        let mut made = self.made.lock().await;
        if !made.contains(&name) {
            let request = NetworkCreateRequest {
                name: name.clone(),
                driver: Some("bridge".to_owned()),
                labels: Some(self.names.labels()),
                ..NetworkCreateRequest::default()
            };
            ask(engine.client().await?.create_network(request)).await?;
            made.push(name.clone());
        }
        Ok(name)
    }
}
