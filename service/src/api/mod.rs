//! HTTP. One file per group of routes; every error, whichever route it comes from, is the same kind of document.

pub(crate) mod auth;
mod body;
mod contract;
mod correlation;
mod llm;
pub(crate) mod problem;
mod reconciliation;
mod revenue;
mod status;
mod tasks;
mod webhooks;
mod wrapping;

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use anyhow::Context as _;
use axum::{Router, middleware, serve::ListenerExt as _};
use prometheus_client::registry::Registry;
use sqlx::PgPool;
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    auth::Gate, health::WorkerHealth, ingest::Intake, metrics::Ingestion, revenue::Revenue, settings::Secret,
    tenants::Tenants,
};

/// What the routes share.
pub(crate) struct State {
    /// The database.
    pub(crate) pool: PgPool,
    /// Whose tokens are believed.
    pub(crate) gate: Arc<Gate>,
    /// Who may send.
    pub(crate) tenants: Tenants,
    /// What opens the tenants' secrets.
    pub(crate) box_key: Secret,
    /// Where webhooks are taken in.
    pub(crate) intake: Intake,
    /// The counters of ingestion.
    pub(crate) ingestion: Ingestion,
    /// Everything that `/metrics` shows.
    pub(crate) registry: Registry,
    /// What the platforms say.
    pub(crate) revenue: Revenue,
    /// The question after the worker.
    pub(crate) worker: WorkerHealth,
}

/// The contract, as it is printed, committed and served.
pub(crate) static CONTRACT: LazyLock<String> = LazyLock::new(|| {
    let document = contract::complete(routes().into_openapi());
    // A document that was made of strings and maps is always written.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
});

/// The API.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::from(routes())
        .layer(middleware::from_fn(wrapping::wrap))
        .with_state(state)
}

/// Every route, declared and routed by one and the same line.
fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::with_openapi(contract::base())
        .merge(status::routes())
        .merge(reconciliation::routes())
        .merge(revenue::routes())
        .merge(llm::routes())
        .merge(tasks::routes())
        .merge(webhooks::routes())
}

/// Serves until `stop` ends, and then what was begun.
pub(crate) async fn serve(
    address: SocketAddr,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("`{address}` cannot be listened on"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    // A small answer must not wait for the acknowledgement of the one before it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no delay stays as it is");
        }
    });
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop).await?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The router does not hand its paths out, but it shows them, and with them the two of its own fallback.
    fn routed(router: &Router<Arc<State>>) -> BTreeSet<String> {
        let shown = format!("{router:?}");
        let quoted = shown.split('"').skip(1).step_by(2);
        quoted
            .filter(|text| text.starts_with('/') && *text != "/" && !text.contains("__private__"))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_path_that_is_routed_is_declared_and_the_other_way_round() {
        let (router, document) = routes().split_for_parts();
        let declared: BTreeSet<String> = document.paths.paths.into_keys().collect();
        assert_eq!(routed(&router), declared);
    }
}
