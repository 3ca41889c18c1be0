//! Reconciliation: what is asked for is stored, what is claimed is held against what was captured, and each tenant sees
//! its own.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant, eventually},
    tokens::{ask, claims, get, token},
    webhook::{payment, send},
};

const STATUS: &str = "/api/reconciliation/status";
const STRIPE: &str = "/api/reconciliation/platform/stripe";
const SYNC: &str = "/api/reconciliation/sync";

struct World {
    deployment: Deployment,
    api: Service,
    outside: Service,
}

impl World {
    async fn new() -> Self {
        let deployment = Deployment::new().await;
        Self {
            api: deployment.api().await,
            outside: deployment
                .listening("mock-platform", "MOCK_PLATFORM_LISTEN", &[])
                .await,
            deployment,
        }
    }

    fn worker(&self) -> Service {
        let outside = format!("http://{}", self.outside.address);
        let change = [
            ("MOCK_PLATFORM_URL", outside.as_str()),
            ("WORKER_MAX_RETRIES", "1"),
        ];
        self.deployment.worker_told(&change)
    }

    async fn say(&self, tenant: &Tenant, platform: &str, said: Value) {
        let path = format!("/claims/{}/{platform}", tenant.id);
        let response = reqwest::Client::new()
            .put(self.outside.url(&path))
            .json(&said)
            .send()
            .await
            .expect("the outside world answers");
        assert_eq!(response.status(), 204);
    }

    async fn sync(&self, tenant: &Tenant) -> Uuid {
        let response = ask(&self.api, Method::POST, SYNC, &token(&claims(tenant))).await;
        assert_eq!(response.status(), 202);
        let accepted: Value = response.json().await.unwrap();
        assert_eq!(accepted["status"], "queued");
        accepted["sync_id"].as_str().unwrap().parse().unwrap()
    }

    async fn run_ends(&self, run: Uuid) -> (String, Value) {
        eventually(async || {
            let seen: (String, Value) =
                sqlx::query_as("select state, run_metadata from reconciliation_runs where id = $1")
                    .bind(run)
                    .fetch_one(&self.deployment.admin)
                    .await
                    .unwrap();
            match seen.0.as_str() {
                "completed" | "failed" => Ok(seen),
                state => Err(format!("the run is {state}")),
            }
        })
        .await
    }
}

fn claim(transaction: &str, cents: i64) -> Value {
    json!({"transaction_id": transaction, "claimed_cents": cents, "currency": "USD"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_answered_with_202_has_stored_its_run_and_its_task() {
    let world = World::new().await;
    let tenant = world.deployment.tenant().await;
    let claims = claims(&tenant);
    let response = ask(&world.api, Method::POST, SYNC, &token(&claims)).await;
    assert_eq!(response.status(), 202);
    let correlation = response.headers()["x-correlation-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let accepted: Value = response.json().await.unwrap();
    let (state, metadata, task): (String, Value, Uuid) = sqlx::query_as(
        "select state, run_metadata, task_id from reconciliation_runs where id = $1::uuid and tenant_id = $2",
    )
    .bind(accepted["sync_id"].as_str().unwrap())
    .bind(tenant.id)
    .fetch_one(&world.deployment.admin)
    .await
    .expect("the row is there");
    assert_eq!(
        (state.as_str(), &metadata["requested_by"]),
        ("idle", &claims["sub"])
    );
    let asked: i64 = sqlx::query_scalar(
        "select count(*) from tasks where id = $1 and name = 'reconciliation.run' and queue = 'maintenance'
            and state = 'pending' and correlation_id = $2::uuid and args ->> 'run_id' = $3",
    )
    .bind(task)
    .bind(correlation)
    .bind(accepted["sync_id"].as_str().unwrap())
    .fetch_one(&world.deployment.admin)
    .await
    .unwrap();
    assert_eq!(asked, 1);
    assert_eq!(
        world
            .deployment
            .count("select count(*) from reconciliation_runs")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_that_share_a_payment_claim_what_was_captured_and_there_is_no_ghost() {
    let world = World::new().await;
    let (a, b) = (world.deployment.tenant().await, world.deployment.tenant().await);
    send(&world.api, &a, None, payment("1", 5_000).to_string()).await;
    world.say(&a, "google_ads", json!([claim("pi_1", 2_500)])).await;
    world.say(&a, "meta_ads", json!([claim("pi_1", 2_500)])).await;
    let run = world.sync(&a).await;
    let (status, before) = get(&world.api, STATUS, &token(&claims(&a))).await;
    assert_eq!((status, &before["overall_status"]), (200, &"pending".into()));

    let _worker = world.worker();
    let (state, found) = world.run_ends(run).await;
    assert_eq!(
        (
            state.as_str(),
            &found["written"],
            &found["existing"],
            &found["incomparable"]
        ),
        ("completed", &1.into(), &0.into(), &0.into())
    );
    let entry: (i64, i64, i64, i64, String, String) = sqlx::query_as(
        "select claimed_total_cents, verified_total_cents, ghost_revenue_cents, discrepancy_bps, state,
                verification_source from revenue_ledger where transaction_id = 'pi_1'",
    )
    .fetch_one(&world.deployment.admin)
    .await
    .unwrap();
    assert_eq!(
        entry,
        (5_000, 5_000, 0, 0, "captured".to_owned(), "stripe".to_owned())
    );

    let (status, stripe) = get(&world.api, STRIPE, &token(&claims(&a))).await;
    assert_eq!(
        (
            status,
            &stripe["platform_name"],
            &stripe["connection_status"],
            &stripe["events_processed"]
        ),
        (200, &"Stripe".into(), &"verified".into(), &1.into())
    );
    assert_eq!(stripe["revenue_verified"], 50.0);
    let (_, all) = get(&world.api, STATUS, &token(&claims(&a))).await;
    assert_eq!(all["overall_status"], "verified");
    assert_eq!(all["platforms"].as_array().unwrap().len(), 8);
    assert!(all["last_full_sync"].is_string(), "{all}");

    let (_, foreign) = get(&world.api, STRIPE, &token(&claims(&b))).await;
    assert_eq!(
        (
            &foreign["events_processed"],
            &foreign["revenue_verified"],
            &foreign["connection_status"]
        ),
        (&0.into(), &json!(0.0), &"pending".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_beyond_what_was_captured_are_ghosts_and_other_money_is_not_compared() {
    let world = World::new().await;
    let tenant = world.deployment.tenant().await;
    for (id, cents) in [("1", 5_000), ("2", 100)] {
        send(&world.api, &tenant, None, payment(id, cents).to_string()).await;
    }
    let mut euros = claim("pi_2", 100);
    euros["currency"] = "EUR".into();
    let said = json!([claim("pi_1", 6_000), claim("pi_nowhere", 700), euros]);
    world.say(&tenant, "tiktok_ads", said).await;
    let _worker = world.worker();
    let (state, found) = world.run_ends(world.sync(&tenant).await).await;
    assert_eq!(
        (state.as_str(), &found["written"], &found["incomparable"]),
        ("completed", &2.into(), &1.into())
    );
    let entries: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "select transaction_id, state, ghost_revenue_cents, discrepancy_bps from revenue_ledger order by 1",
    )
    .fetch_all(&world.deployment.admin)
    .await
    .unwrap();
    let entry = |id: &str, state: &str, ghost, bps| (id.to_owned(), state.to_owned(), ghost, bps);
    assert_eq!(
        entries,
        [
            entry("pi_1", "captured", 1_000, 2_000),
            entry("pi_nowhere", "claimed", 700, 10_000)
        ]
    );

    // What was entered stays, whatever is claimed later.
    world.say(&tenant, "tiktok_ads", json!([claim("pi_1", 1)])).await;
    let (_, found) = world.run_ends(world.sync(&tenant).await).await;
    assert_eq!((&found["written"], &found["existing"]), (&0.into(), &1.into()));
    let ghost = "select ghost_revenue_cents from revenue_ledger where transaction_id = 'pi_1'";
    assert_eq!(world.deployment.count(ghost).await, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_one_platform_leaves_the_payments_of_others_alone() {
    let world = World::new().await;
    let tenant = world.deployment.tenant().await;
    send(&world.api, &tenant, None, payment("1", 5_000).to_string()).await;
    world
        .say(
            &tenant,
            "meta_ads",
            json!([claim("pi_1", 5_000), claim("pi_nowhere", 1)]),
        )
        .await;
    let _worker = world.worker();
    for (platform, entries) in [("PayPal", 0), ("stripe", 1)] {
        let response = reqwest::Client::new()
            .post(world.api.url(SYNC))
            .bearer_auth(token(&claims(&tenant)))
            .header("X-Correlation-ID", Uuid::new_v4().to_string())
            .json(&json!({"platform": platform}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 202, "{platform}");
        let accepted: Value = response.json().await.unwrap();
        let run = accepted["sync_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.run_ends(run).await.0, "completed");
        let all = "select count(*) from revenue_ledger";
        assert_eq!(world.deployment.count(all).await, entries, "{platform}");
    }
    let (_, status) = get(&world.api, STATUS, &token(&claims(&tenant))).await;
    assert_eq!(status["last_full_sync"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_learn_what_is_claimed_fails_and_says_so() {
    let world = World::new().await;
    let tenant = world.deployment.tenant().await;
    world
        .say(&tenant, "meta_ads", json!([{"transaction_id": 7}]))
        .await;
    let _worker = world.worker();
    let run = world.sync(&tenant).await;
    assert_eq!(world.run_ends(run).await.0, "failed");
    let (_, status) = get(&world.api, STATUS, &token(&claims(&tenant))).await;
    assert_eq!(status["overall_status"], "failed");
    let why: (String, String) = sqlx::query_as(
        "select f.error_type, f.error_message from worker_failed_jobs f join reconciliation_runs r using (task_id)",
    )
    .fetch_one(&world.deployment.admin)
    .await
    .unwrap();
    assert_eq!(why.1, "the platforms answered with no list of claims");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_goes_by_its_other_names_and_an_unknown_one_is_a_problem() {
    let world = World::new().await;
    let tenant = world.deployment.tenant().await;
    let token = token(&claims(&tenant));
    let (status, facebook) = get(&world.api, "/api/reconciliation/platform/facebook", &token).await;
    assert_eq!(
        (status, facebook),
        (
            200,
            json!({"platform_name": "Meta Ads", "connection_status": "pending", "last_sync": null,
                   "events_processed": 0, "revenue_verified": 0.0})
        )
    );
    let (status, problem) = get(&world.api, "/api/reconciliation/platform/myspace", &token).await;
    assert_eq!(
        (status, &problem["detail"]),
        (404, &"there is no such platform".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooled_connection_that_served_one_tenant_shows_the_next_nothing_of_it() {
    let deployment = Deployment::new().await;
    let (a, b) = (deployment.tenant().await, deployment.tenant().await);
    // One connection for everybody: whatever is left on it, the next request meets.
    let api = deployment
        .listening("api", "API_LISTEN", &[("DATABASE_POOL_SIZE", "1")])
        .await;
    sqlx::query(
        "insert into revenue_ledger (tenant_id, transaction_id, state, amount_cents, currency, verification_source,
                                     verification_timestamp, claimed_total_cents, verified_total_cents)
         values ($1, 'pi_1', 'captured', 5000, 'USD', 'stripe', now(), 5000, 5000)",
    )
    .bind(a.id)
    .execute(&deployment.admin)
    .await
    .unwrap();
    for (tenant, entries) in [(&a, 1), (&b, 0), (&a, 1), (&b, 0)] {
        let (status, stripe) = get(&api, STRIPE, &token(&claims(tenant))).await;
        assert_eq!((status, &stripe["events_processed"]), (200, &entries.into()));
    }
    // What the context is worth outside of a transaction can only be asked of the connection itself.
    sqlx::raw_sql(
        "create function what_is_left() returns table (jti text, user_id uuid, until_second bigint)
           language sql as $$ select 'x', null::uuid, null::bigint where current_tenant() is not null
                              or coalesce(current_setting('app.current_user_id', true), '') <> '' $$",
    )
    .execute(&deployment.admin)
    .await
    .unwrap();
    sqlx::raw_sql(
        "create or replace function auth_denials() returns table (jti text, user_id uuid, until_second bigint)
           language plpgsql stable security definer as $$
           begin
             if exists (select from what_is_left()) then raise exception 'a context was left'; end if;
           end $$",
    )
    .execute(&deployment.admin)
    .await
    .unwrap();
    let fresh = [("DATABASE_POOL_SIZE", "1"), ("DENIALS_CACHE_SECONDS", "1")];
    let api = deployment.listening("api", "API_LISTEN", &fresh).await;
    for _ in 0..3 {
        assert_eq!(get(&api, STRIPE, &token(&claims(&a))).await.0, 200);
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    }
}
