//! Tenants: whose key this is, and what their vendor signs with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::settings::Secret;

/// Tenants kept at most. Beyond it the cache begins anew, which costs a look-up each and nothing else.
const CAPACITY: usize = 2048;

/// A vendor whose webhooks a tenant may forward to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Vendor {
    /// Shopify.
    Shopify,
    /// Stripe.
    Stripe,
    /// PayPal.
    PayPal,
    /// WooCommerce.
    WooCommerce,
}

impl Vendor {
    /// The word the database knows it by.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Shopify => "shopify",
            Self::Stripe => "stripe",
            Self::PayPal => "paypal",
            Self::WooCommerce => "woocommerce",
        }
    }
}

/// A tenant as one vendor's webhooks need it.
pub(crate) struct Tenant {
    /// Its id.
    pub(crate) id: Uuid,
    /// What the vendor signs with.
    pub(crate) webhook_secret: Secret,
}

type Key = ([u8; 32], Vendor);

/// The way from a presented key to a tenant, with a memory: opening a secret costs milliseconds by design. An unknown
/// key is not remembered, so that a tenant exists from the moment it was made.
pub(crate) struct Tenants {
    pool: PgPool,
    box_key: Secret,
    keep: Duration,
    known: Mutex<HashMap<Key, (Instant, Arc<Tenant>)>>,
}

impl Tenants {
    /// Looks tenants up through `pool`, opens their secrets with `box_key`, and remembers each for `keep`.
    pub(crate) fn new(pool: PgPool, box_key: Secret, keep: Duration) -> Self {
        Self {
            pool,
            box_key,
            keep,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The tenant with this key, if there is one and the vendor has a secret to sign with. Fails when the database cannot be asked, or the secret not opened.
    pub(crate) async fn find(
        &self,
        api_key: &str,
        vendor: Vendor,
    ) -> Result<Option<Arc<Tenant>>, sqlx::Error> {
        // No key at all is nobody's, even if a tenant was made with an empty one.
        if api_key.is_empty() {
            return Ok(None);
        }
        let key = (Sha256::digest(api_key).into(), vendor);
        if let Some(tenant) = self.remembered(&key) {
            return Ok(Some(tenant));
        }
        let found = sqlx::query_as::<_, (Uuid, Option<String>)>(
            "select tenant_id, webhook_secret from find_tenant($1, $2, $3)",
        )
        .bind(key.0.as_slice())
        .bind(vendor.as_str())
        .bind(self.box_key.reveal())
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.and_then(|(id, secret)| {
            // An empty secret is one that everybody knows.
            let secret = secret.filter(|secret| !secret.is_empty())?;
            let tenant = Arc::new(Tenant {
                id,
                webhook_secret: Secret::new(secret),
            });
            self.remember(key, Arc::clone(&tenant));
            Some(tenant)
        }))
    }

    fn remembered(&self, key: &Key) -> Option<Arc<Tenant>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, tenant) = known.get(key)?;
        (since.elapsed() < self.keep).then(|| Arc::clone(tenant))
    }

    fn remember(&self, key: Key, tenant: Arc<Tenant>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(key, (Instant::now(), tenant));
    }
}
