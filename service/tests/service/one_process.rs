//! However many workers the API has, it is one process: one pool of connections, and one set of counters.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use crate::{
    deployment::{Deployment, Service, Tenant},
    webhook::{payment, send},
};

/// Payments that are sent at once.
const SENDERS: usize = 64;

/// Every sender on a connection of its own, so that every worker gets some.
async fn storm(api: &Arc<Service>, tenant: &Tenant) {
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let (api, tenant) = (Arc::clone(api), tenant.clone());
        senders.spawn(async move {
            send(&api, &tenant, None, payment(&number.to_string(), 100).to_string())
                .await
                .0
        });
    }
    assert_eq!(senders.join_all().await, [200; SENDERS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apis_connections_are_bounded_by_its_setting_whatever_the_number_of_its_workers() {
    let deployment = Arc::new(Deployment::new().await);
    let tenant = deployment.tenant().await;
    let told = [
        ("E2E_API_WORKERS", "4"),
        ("DATABASE_POOL_SIZE", "3"),
        ("DATABASE_POOL_TIMEOUT_MS", "20000"),
    ];
    let api = Arc::new(deployment.listening("api", "API_LISTEN", &told).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (deployment, is_over) = (Arc::clone(&deployment), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                let open = "select count(*) from pg_stat_activity
                             where datname = current_database() and application_name = 'skeldir api'";
                most = most.max(deployment.count(open).await);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            most
        })
    };
    storm(&api, &tenant).await;
    is_over.store(true, Ordering::Relaxed);
    assert_eq!(watcher.await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_worker_of_the_api_is_asked_the_counters_are_of_all() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let api = deployment
        .listening("api", "API_LISTEN", &[("E2E_API_WORKERS", "4")])
        .await;
    let api = Arc::new(api);
    storm(&api, &tenant).await;
    let ingested = format!("events_ingested_total {SENDERS}");
    for _ in 0..16 {
        // A client of its own has a connection of its own.
        let page = reqwest::get(api.url("/metrics"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(page.lines().any(|line| line == ingested), "{page}");
    }
}
