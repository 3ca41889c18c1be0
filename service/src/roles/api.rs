//! `api`: takes webhooks in, and says how things are.

use std::{sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use sqlx::PgPool;

use crate::{
    api::{self, State},
    auth::{Denials, Gate, Verifier},
    db,
    health::WorkerHealth,
    ingest::{Channels, Intake},
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
    let state = Arc::new(state(&settings, pool, Channels::embedded()?, registry)?);
    let (gate, ears) = (
        Arc::clone(&state.gate),
        db::ears(&settings.database, "skeldir api ears")?,
    );
    tokio::spawn(async move { gate.listen(&ears).await });
    let router = api::router(Arc::clone(&state));
    let stop = token.clone().cancelled_owned();
    let served = shutdown::bounded(
        &token,
        settings.shutdown,
        api::serve(settings.listen, router, stop),
    );
    tokio::select! {
        ended = served => ended,
        error = unknown_channel(&state.intake) => Err(error),
    }
}

/// Ends only when the database does not know a channel that this binary may give an event. A database that is not
/// there yet is asked again: until it is, no event can be written either.
async fn unknown_channel(intake: &Intake) -> anyhow::Error {
    loop {
        match intake.channels.check(&intake.pool).await {
            Ok(Ok(())) => return std::future::pending().await,
            Ok(Err(error)) => {
                tracing::error!(%error, "the database does not know every channel");
                return error;
            }
            Err(error) => tracing::warn!(error = db::words(&error), "the channels are not checked yet"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn state(settings: &Api, pool: PgPool, channels: Channels, mut registry: Registry) -> anyhow::Result<State> {
    let ingestion = Ingestion::register(&mut registry);
    let box_key = settings.secret_box_key.clone();
    Ok(State {
        revenue: Revenue::new(pool.clone(), box_key.clone(), settings.platforms.clone())?,
        gate: Arc::new(gate(&settings.tokens, pool.clone())),
        tenants: Tenants::new(pool.clone(), box_key.clone(), settings.tenant_cache),
        worker: WorkerHealth::new(pool.clone(), settings.worker_probe_timeout, settings.health_cache),
        intake: Intake {
            pool: pool.clone(),
            channels,
            recompute_delay: settings.recompute_delay,
        },
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
