//! `api`: takes webhooks in, and says how things are.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use sqlx::PgPool;

use crate::{
    api::{self, State},
    auth::{Denials, Gate, Verifier},
    db,
    health::WorkerHealth,
    metrics::{Broker, Ingestion},
    revenue::Revenue,
    settings::{Api, Tokens},
    shutdown,
    tenants::Tenants,
};

/// Serves until a signal.
pub(crate) async fn run(settings: Api) -> anyhow::Result<()> {
    let token = shutdown::on_signal()?;
    let pool = db::pool(&settings.database, "skeldir api")?;
    let mut registry = Registry::default();
    let broker = Broker::register(&mut registry);
    tokio::spawn(broker.refresh(pool.clone(), settings.broker_stats_refresh));
    let state = Arc::new(state(&settings, pool, registry)?);
    let (gate, ears) = (
        Arc::clone(&state.gate),
        db::ears(&settings.database, "skeldir api ears")?,
    );
    tokio::spawn(async move { gate.listen(&ears).await });
    let stop = token.clone().cancelled_owned();
    shutdown::bounded(
        &token,
        settings.shutdown,
        api::serve(settings.listen, api::router(state), stop),
    )
    .await
}

fn state(settings: &Api, pool: PgPool, mut registry: Registry) -> anyhow::Result<State> {
    let ingestion = Ingestion::register(&mut registry);
    let box_key = settings.secret_box_key.clone();
    Ok(State {
        revenue: Revenue::new(pool.clone(), box_key.clone(), settings.platforms.clone())?,
        gate: Arc::new(gate(&settings.tokens, pool.clone())),
        tenants: Tenants::new(pool.clone(), box_key.clone(), settings.tenant_cache),
        worker: WorkerHealth::new(pool.clone(), settings.worker_probe_timeout, settings.health_cache),
        recompute_delay: settings.recompute_delay,
        box_key,
        ingestion,
        registry,
        pool,
    })
}

fn gate(tokens: &Tokens, pool: PgPool) -> Gate {
    Gate::new(
        Verifier::new(tokens.ring.clone(), &tokens.issuer, &tokens.audience),
        Denials::new(pool, tokens.denials_cache),
    )
}
