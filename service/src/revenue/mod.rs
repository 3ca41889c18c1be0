//! Realtime revenue: what the platforms say a tenant earned in the last day, as they say it. Nothing of it is verified.
//!
//! They are asked once for all who ask at the same time, through whichever process: the answer stands in one row per
//! tenant, and only the holder of an advisory lock may fetch a new one. A failure stands there too, for a while.

mod answer;
mod cache;
mod stripe;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::Utc;
use sqlx::{PgConnection, PgPool};
use tokio::{
    sync::{Mutex as Gate, Semaphore},
    time::{sleep, timeout},
};
use uuid::Uuid;

pub(crate) use self::answer::{Answer, Known, Total};
use self::{answer::add_up, stripe::Fault};
use crate::{
    db, queue,
    settings::{Platforms, Secret},
};

/// How often the row is looked at while another process fetches.
const POLL: Duration = Duration::from_millis(25);

/// Tenants fetched for at once by one process. Each holds a connection, and the pool is there for ingestion first.
const FETCHES: usize = 4;

/// How much longer than the platforms a caller waits for its turn.
const GRACE: Duration = Duration::from_secs(3);

/// The platforms said nothing usable, or nothing in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable {
    /// When it makes sense to ask again.
    pub(crate) retry_after: Duration,
}

impl Unavailable {
    /// Something of our own was in the way.
    const SOON: Self = Self {
        retry_after: Duration::from_secs(1),
    };
}

/// Asks the platforms, and remembers what they said.
pub(crate) struct Revenue {
    pool: PgPool,
    box_key: Secret,
    stripe: stripe::Client,
    settings: Platforms,
    /// Whoever of this process asks for a tenant while another does, waits here and not on a connection.
    gates: Mutex<HashMap<Uuid, Weak<Gate<()>>>>,
    slots: Semaphore,
}

impl Revenue {
    /// Asks the platforms at the address of the settings. Fails when no HTTP client can be made.
    pub(crate) fn new(pool: PgPool, box_key: Secret, settings: Platforms) -> anyhow::Result<Self> {
        Ok(Self {
            stripe: stripe::Client::new(settings.url.clone())?,
            pool,
            box_key,
            settings,
            gates: Mutex::default(),
            slots: Semaphore::new(FETCHES),
        })
    }

    /// How long an answer is repeated.
    pub(crate) fn keep(&self) -> Duration {
        self.settings.keep
    }

    /// What a tenant earned: the last answer while it is young enough, else a new one.
    pub(crate) async fn of(&self, tenant: Uuid) -> Result<Known, Unavailable> {
        let patience = self.settings.timeout + GRACE;
        match timeout(patience, self.found(tenant)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                tracing::warn!(tenant_id = %tenant, error = db::words(&error), "revenue is not known");
                Err(Unavailable::SOON)
            }
            Err(_) => Err(Unavailable::SOON),
        }
    }

    async fn found(&self, tenant: Uuid) -> Result<Result<Known, Unavailable>, sqlx::Error> {
        let mut transaction = queue::begin(&self.pool, Some(tenant)).await?;
        if let Some(found) = cache::read(&mut transaction, self.settings.keep).await? {
            return Ok(found);
        }
        transaction.rollback().await?;
        let gate = self.gate(tenant);
        let _turn = gate.lock().await;
        loop {
            if let Some(outcome) = self.fetched_once(tenant).await? {
                return Ok(outcome);
            }
            sleep(POLL).await;
        }
    }

    /// What stands in the row, or what is fetched now. None while another process fetches.
    async fn fetched_once(&self, tenant: Uuid) -> Result<Option<Result<Known, Unavailable>>, sqlx::Error> {
        // Never closed, so always acquired; and a closed one would mean no bound, not no answer.
        let _slot = self.slots.acquire().await.ok();
        let mut transaction = queue::begin(&self.pool, Some(tenant)).await?;
        let ours = cache::lock(&mut transaction, tenant).await?;
        // After the lock: who held it before has committed its answer by now.
        let found = cache::read(&mut transaction, self.settings.keep).await?;
        if found.is_some() || !ours {
            transaction.rollback().await?;
            return Ok(found);
        }
        let outcome = match timeout(self.settings.timeout, self.asked(&mut transaction)).await {
            Ok(asked) => asked?,
            Err(_) => Err(Fault::TimedOut),
        };
        let outcome = match outcome {
            // There is nobody to be spared, so nothing to be remembered.
            Ok(answer) if answer.sources.is_empty() => Ok(Known::new(answer)),
            Ok(answer) => {
                cache::keep(&mut transaction, tenant, &answer).await?;
                Ok(Known::new(answer))
            }
            Err(fault) => {
                tracing::warn!(tenant_id = %tenant, error = %fault, "a platform gave no answer");
                let cooldown = self.settings.cooldown.max(fault.wait());
                cache::cool(&mut transaction, tenant, cooldown).await?;
                Err(Unavailable {
                    retry_after: cooldown,
                })
            }
        };
        transaction.commit().await?;
        Ok(Some(outcome))
    }

    /// Asks about every account that is connected. One that does not answer makes the sum unknown, not smaller.
    async fn asked(&self, connection: &mut PgConnection) -> Result<Result<Answer, Fault>, sqlx::Error> {
        let accounts: Vec<(String, String, String)> =
            sqlx::query_as("select platform, account, api_key from active_connections($1)")
                .bind(self.box_key.reveal())
                .fetch_all(connection)
                .await?;
        let as_of = Utc::now();
        let (mut totals, mut sources) = (Vec::<Total>::new(), Vec::new());
        for (platform, account, api_key) in accounts {
            let earned = match self.stripe.earned(&account, &Secret::new(api_key), as_of).await {
                Ok(earned) => earned,
                Err(fault) => return Ok(Err(fault)),
            };
            if add_up(&mut totals, earned).is_none() {
                return Ok(Err(Fault::Unusable("its amounts are too large to add up")));
            }
            if !sources.contains(&platform) {
                sources.push(platform);
            }
        }
        Ok(Ok(Answer::new(as_of, totals, sources)))
    }

    fn gate(&self, tenant: Uuid) -> Arc<Gate<()>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| gate.strong_count() > 0);
        if let Some(gate) = gates.get(&tenant).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Arc::default();
        gates.insert(tenant, Arc::downgrade(&gate));
        gate
    }
}
