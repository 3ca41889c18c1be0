//! HTTP. One file per group of routes; every error, whichever route it comes from, is the same kind of document.

mod correlation;
pub(crate) mod problem;
mod status;
mod webhooks;

use std::{future::Future, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{Router, http::StatusCode, routing::get, serve::ListenerExt as _};
use prometheus_client::registry::Registry;
use sqlx::PgPool;
use tokio::net::TcpListener;

use self::problem::Problem;
use crate::{health::WorkerHealth, ingest::Intake, metrics::Ingestion, settings::Secret, tenants::Tenants};

/// What the routes share.
pub(crate) struct State {
    /// The database.
    pub(crate) pool: PgPool,
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
    /// The question after the worker.
    pub(crate) worker: WorkerHealth,
}

/// The routes of the API.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .nest("/api/webhooks", webhooks::routes())
        .route("/health", get(status::live))
        .route("/health/live", get(status::live))
        .route("/health/ready", get(status::ready))
        .route("/health/worker", get(status::worker))
        .route("/metrics", get(status::metrics))
        .fallback(|| async { Problem::plain(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { Problem::plain(StatusCode::METHOD_NOT_ALLOWED) })
        .with_state(state)
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
