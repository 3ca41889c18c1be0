//! What was denied: remembered whole, forgotten at every notification, and at the latest after a bound, so that a
//! notification that was missed costs that much time and no more.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::db;

/// The channel on which the database says that there are other denials now.
const CHANNEL: &str = "auth_denials";

/// The wait before listening again.
const AFTER_ERROR: Duration = Duration::from_secs(1);

struct Known {
    since: Instant,
    tokens: HashSet<String>,
    /// By user: the last second whose tokens are not good.
    cutoffs: HashMap<Uuid, i64>,
}

/// The denials of this database.
pub(crate) struct Denials {
    pool: PgPool,
    keep: Duration,
    /// Held while they are read, so that many callers ask once.
    known: Mutex<Option<Known>>,
}

impl Denials {
    /// Reads them through `pool`, and remembers them for `keep` at most.
    pub(crate) fn new(pool: PgPool, keep: Duration) -> Self {
        Self {
            pool,
            keep,
            known: Mutex::default(),
        }
    }

    /// Whether a token of this id and user, issued at this second, was denied. Fails when nobody can say.
    pub(super) async fn deny(&self, jti: &str, user: Uuid, issued_at: i64) -> Result<bool, sqlx::Error> {
        let mut known = self.known.lock().await;
        let fresh = match known.take().filter(|known| known.since.elapsed() < self.keep) {
            Some(fresh) => fresh,
            None => self.read().await?,
        };
        let fresh = known.insert(fresh);
        let cut_off = fresh.cutoffs.get(&user).is_some_and(|until| issued_at <= *until);
        Ok(cut_off || fresh.tokens.contains(jti))
    }

    async fn read(&self) -> Result<Known, sqlx::Error> {
        // Before the question: what is denied while it is asked counts as unknown from here on.
        let since = Instant::now();
        let rows: Vec<(Option<String>, Option<Uuid>, Option<i64>)> =
            sqlx::query_as("select jti, user_id, until_second from auth_denials()")
                .fetch_all(&self.pool)
                .await?;
        let mut known = Known {
            since,
            tokens: HashSet::new(),
            cutoffs: HashMap::new(),
        };
        for (jti, user, until) in rows {
            known.tokens.extend(jti);
            known.cutoffs.extend(user.zip(until));
        }
        Ok(known)
    }

    /// Listens through a pool of its own, for ever. Whatever was missed while nobody listened is forgotten too.
    pub(super) async fn listen(&self, ears: &PgPool) {
        loop {
            if let Err(error) = self.heed(ears).await {
                tracing::warn!(error = db::words(&error), "denials are not heard of");
            }
            self.forget().await;
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }

    async fn heed(&self, ears: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(ears).await?;
        listener.listen(CHANNEL).await?;
        self.forget().await;
        while listener.try_recv().await?.is_some() {
            self.forget().await;
        }
        Ok(())
    }

    async fn forget(&self) {
        *self.known.lock().await = None;
    }
}
