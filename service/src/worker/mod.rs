//! The worker: lanes, each claiming, running and acknowledging one task of its queue at a time. Every queue has one; that
//! of the LLM tasks, which mostly wait for somebody else, has several.
//!
//! It has no socket. What it has to say it writes into a folder: its counters, and a heartbeat.

mod attempt;
mod child;
mod heartbeat;
mod hold;
mod lane;
mod schedule;
mod watch;

use std::{collections::HashMap, sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::lane::Lane;
pub(crate) use self::{
    child::{Answer, Request},
    heartbeat::is_fresh,
};
use crate::{db, llm::wire::Client, metrics::Shard, queue, settings};

/// What all lanes share.
pub(crate) struct Shared {
    pool: PgPool,
    /// Who holds a lease, for the reader of the table.
    name: String,
    settings: settings::Worker,
    providers: Client,
    shard: Shard,
}

/// Runs until the token is cancelled and every lane has ended what it began.
pub(crate) async fn run(settings: settings::Worker, token: CancellationToken) -> anyhow::Result<()> {
    let pool = db::pool(&settings.database, "skeldir worker")?;
    let shard = Shard::create(&settings.metrics_dir)?;
    let common = Arc::new(Shared {
        pool: pool.clone(),
        name: format!("worker-{}-{}", std::process::id(), shard.id()),
        settings,
        providers: Client::new()?,
        shard,
    });
    let bells: HashMap<&'static str, Arc<Notify>> = queue::QUEUES
        .into_iter()
        .map(|queue| (queue, Arc::new(Notify::new())))
        .collect();

    let mut lanes = JoinSet::new();
    for (queue, bell) in &bells {
        for _ in 0..lanes_of(queue, &common.settings) {
            lanes.spawn(Lane::new(queue, Arc::clone(bell), Arc::clone(&common)).run(token.clone()));
        }
    }
    let helpers = [
        tokio::spawn(listen(pool.clone(), bells)),
        tokio::spawn(heartbeat::beat(pool, common.settings.metrics_dir.clone())),
        tokio::spawn(schedule::keep(Arc::clone(&common))),
    ];
    let ended = lanes.join_all().await;
    for helper in helpers {
        helper.abort();
    }
    tracing::info!(lanes = ended.len(), "every lane has ended");
    Ok(())
}

/// How many tasks of a queue are done at a time.
fn lanes_of(queue: &str, settings: &settings::Worker) -> u32 {
    if queue == "llm" { settings.llm.lanes } else { 1 }
}

/// Rings the bell of a queue whenever the database says that it has something new. A bell that was missed while the
/// connection was away costs a lane its idle wait, and no task.
async fn listen(pool: PgPool, bells: HashMap<&'static str, Arc<Notify>>) {
    loop {
        if let Err(error) = relay(&pool, &bells).await {
            tracing::warn!(error = db::words(&error), "notifications are away");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn relay(pool: &PgPool, bells: &HashMap<&'static str, Arc<Notify>>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(queue::CHANNEL).await?;
    while let Some(notice) = listener.try_recv().await? {
        if let Some(bell) = bells.get(notice.payload()) {
            // One lane of it is enough: a lane that had something to do looks for more before it sleeps.
            bell.notify_one();
        }
    }
    Ok(())
}
