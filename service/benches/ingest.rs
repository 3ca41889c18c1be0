//! What taking a webhook in costs: signed payments over real HTTP, through a real API into a real Postgres. No worker runs
//! beside it, so the recompute that each day's first payment asks for stays asked for.
//!
//! `cargo bench -p skeldir --bench ingest` prints the median per webhook, and payments per second. Nothing here is a gate.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on should say where and stop"
)]

#[path = "../tests/service/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "the tests' own deployment, of which this needs the half")]
#[path = "../tests/service/deployment.rs"]
mod deployment;
#[path = "../tests/service/tokens.rs"]
#[expect(
    dead_code,
    reason = "the tests' own keys, of which the deployment needs the public ones"
)]
mod tokens;
#[path = "../tests/service/webhook.rs"]
#[expect(
    dead_code,
    reason = "the tests' own webhooks, which connect anew for each; these senders stay connected"
)]
mod webhook;

use divan::{Bencher, counter::ItemsCount};
use reqwest::Client;
use serde_json::Value;
use tokio::{runtime::Runtime, task::JoinSet};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant},
    webhook::{PATH, now, payment, signature},
};

const CENTS: i64 = 12_345;

/// Senders that do not wait for each other.
const SENDERS: usize = 16;

/// What each of them sends in one sample, one after the other.
const EACH: usize = 50;

/// A webhook, ready to be sent. Its signature is good for five minutes.
struct Signed {
    body: String,
    signature: String,
}

/// An API, and a vendor of one of its tenants that stays connected.
struct House {
    tenant: Tenant,
    client: Client,
    api: Service,
    deployment: Deployment,
    /// The last to go: the others still need it.
    runtime: Runtime,
}

impl House {
    /// One that has taken in so many payments at once, so that every sender finds its connection open.
    fn warm(senders: usize) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (deployment, api, tenant) = runtime.block_on(async {
            let deployment = Deployment::new().await;
            let (api, tenant) = (deployment.api().await, deployment.tenant().await);
            (deployment, api, tenant)
        });
        let house = Self {
            tenant,
            client: Client::new(),
            api,
            deployment,
            runtime,
        };
        house.send_from_each(house.rounds(senders, 1));
        house
    }

    /// A payment that nobody has heard of.
    fn fresh(&self) -> Signed {
        self.sign(payment(&Uuid::new_v4().to_string(), CENTS).to_string())
    }

    fn sign(&self, body: String) -> Signed {
        let signature = signature(&self.tenant.secret, body.as_bytes(), now());
        Signed { body, signature }
    }

    /// Fresh payments: so many senders' shares of so many each.
    fn rounds(&self, senders: usize, each: usize) -> Vec<Vec<Signed>> {
        let share = || (0..each).map(|_| self.fresh()).collect();
        (0..senders).map(|_| share()).collect()
    }

    /// Sends one, and waits for its answer.
    fn send(&self, webhook: Signed) -> String {
        self.runtime.block_on(self.sender().send(webhook))
    }

    /// Sends every share from a sender of its own, all at once, and waits for the last answer.
    fn send_from_each(&self, shares: Vec<Vec<Signed>>) {
        self.runtime.block_on(async {
            let mut senders = JoinSet::new();
            for share in shares {
                let sender = self.sender();
                senders.spawn(async move {
                    for webhook in share {
                        sender.send(webhook).await;
                    }
                });
            }
            senders.join_all().await;
        });
    }

    fn sender(&self) -> Sender {
        Sender {
            client: self.client.clone(),
            url: self.api.url(PATH),
            api_key: self.tenant.api_key.clone(),
        }
    }

    /// Ends the measurement, which was of nothing unless exactly so many events are there.
    fn holds(self, events: usize) {
        let query = "select count(*) from attribution_events";
        let found = self.runtime.block_on(self.deployment.count(query));
        assert_eq!(usize::try_from(found), Ok(events), "{query}");
    }
}

struct Sender {
    client: Client,
    url: String,
    api_key: String,
}

impl Sender {
    /// Sends one, and returns the id of the event it is.
    async fn send(&self, webhook: Signed) -> String {
        let response = self
            .client
            .post(&self.url)
            .header("X-Skeldir-Tenant-Key", &self.api_key)
            .header("Stripe-Signature", webhook.signature)
            .body(webhook.body)
            .send()
            .await
            .expect("the api answers");
        let status = response.status().as_u16();
        let answer: Value = response.json().await.expect("every answer is JSON");
        let id = answer["event_id"].as_str();
        assert!(status == 200 && id.is_some(), "{status}: {answer}");
        id.unwrap().to_owned()
    }
}

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 1_000, sample_size = 1)]
fn one_fresh_payment(bencher: Bencher<'_, '_>) {
    let house = House::warm(1);
    let mut sent = 1;
    bencher
        .with_inputs(|| house.fresh())
        .bench_local_values(|webhook| {
            sent += 1;
            house.send(webhook)
        });
    house.holds(sent);
}

#[divan::bench(sample_count = 1_000, sample_size = 1)]
fn one_duplicate(bencher: Bencher<'_, '_>) {
    let house = House::warm(1);
    let first = house.fresh();
    let body = first.body.clone();
    let id = house.send(first);
    bencher
        .with_inputs(|| house.sign(body.clone()))
        .bench_local_values(|again| assert_eq!(house.send(again), id));
    house.holds(2);
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn fresh_payments_of_16_senders(bencher: Bencher<'_, '_>) {
    let house = House::warm(SENDERS);
    let mut sent = SENDERS;
    bencher
        .counter(ItemsCount::new(SENDERS * EACH))
        .with_inputs(|| house.rounds(SENDERS, EACH))
        .bench_local_values(|shares| {
            sent += SENDERS * EACH;
            house.send_from_each(shares);
        });
    house.holds(sent);
}
