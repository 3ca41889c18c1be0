//! Realtime revenue: asked of the platforms once for everybody, repeated for a while, and never called verified.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Response, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    deployment::{BOX_KEY, Deployment, Service, Tenant, eventually},
    tokens,
    webhook::{payment, send},
};

const PATH: &str = "/api/attribution/revenue/realtime";

/// A deployment, the outside world, and a tenant with one account there.
struct Play {
    deployment: Deployment,
    platform: Service,
    tenant: Tenant,
    account: String,
}

impl Play {
    async fn new() -> Self {
        let deployment = Deployment::new().await;
        let platform = deployment
            .listening("mock-platform", "MOCK_PLATFORM_LISTEN", &[])
            .await;
        let tenant = deployment.tenant().await;
        let play = Self {
            account: account(),
            platform,
            deployment,
            tenant,
        };
        play.connect(&play.tenant, &play.account, true).await;
        play
    }

    /// An API that repeats answers, and spares platforms, for one second.
    async fn api(&self, change: &[(&str, &str)]) -> Service {
        let url = self.platform.url("");
        let mut settings = vec![
            ("MOCK_PLATFORM_URL", url.as_str()),
            ("REVENUE_CACHE_SECONDS", "1"),
            ("REVENUE_COOLDOWN_SECONDS", "1"),
            ("REVENUE_TIMEOUT_MS", "2000"),
        ];
        settings.extend(change);
        self.deployment.listening("api", "API_LISTEN", &settings).await
    }

    async fn connect(&self, tenant: &Tenant, account: &str, is_active: bool) {
        sqlx::query("select connect_platform($1, 'stripe', $2, 'sk_secret', $3, $4)")
            .bind(tenant.id)
            .bind(account)
            .bind(BOX_KEY)
            .bind(is_active)
            .execute(&self.deployment.pool("migration_owner", "owner"))
            .await
            .unwrap();
    }

    async fn put(&self, path: &str, body: Value) {
        let put = Client::new().put(self.platform.url(path)).json(&body);
        assert_eq!(put.send().await.unwrap().status(), 204, "{path}");
    }

    async fn mood(&self, mood: Value) {
        self.put("/moods/stripe_balance", mood).await;
    }

    async fn earns(&self, account: &str, movements: &[(&str, Value, &str)]) {
        let movements: Vec<Value> = movements
            .iter()
            .map(|(kind, amount, currency)| json!({"type": kind, "amount": amount, "currency": currency}))
            .collect();
        self.put(&format!("/balance/{account}"), json!(movements)).await;
    }

    /// How often the platform was asked about an account.
    async fn calls(&self, account: &str) -> usize {
        let path = format!("/receipts?path=/v1/balance_transactions&account={account}");
        let receipts: Value = reqwest::get(self.platform.url(&path))
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        receipts["receipts"].as_array().unwrap().len()
    }
}

fn account() -> String {
    format!("acct_{}", Uuid::new_v4().simple())
}

async fn ask(api: &Service, tenant: &Tenant, tag: Option<&str>) -> Response {
    let mut request = Client::new()
        .get(api.url(PATH))
        .bearer_auth(tokens::token(&tokens::claims(tenant)))
        .header("X-Correlation-ID", Uuid::new_v4().to_string());
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    request.send().await.unwrap()
}

/// The body of a 200, which is the tenant's, and not verified.
async fn told(api: &Service, tenant: &Tenant) -> Value {
    let response = ask(api, tenant, None).await;
    assert_eq!(response.status(), 200, "{}", api.log());
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["verified"], &body["tenant_id"]),
        (&json!(false), &json!(tenant.id))
    );
    body
}

/// A 503 as it must be. Returns the seconds until it makes sense to ask again.
async fn refused(api: &Service, tenant: &Tenant) -> u64 {
    let response = ask(api, tenant, None).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let after = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], "PLATFORMS_UNAVAILABLE");
    after.unwrap()
}

fn dollars(cents: i64, transactions: u64) -> Value {
    json!([{"currency": "USD", "revenue_cents": cents, "transactions": transactions}])
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_who_ask_two_processes_at_once_make_one_call() {
    let play = Play::new().await;
    play.mood(json!({"mood": "slow", "delay_ms": 500})).await;
    let long = [("REVENUE_CACHE_SECONDS", "60"), ("REVENUE_TIMEOUT_MS", "20000")];
    let apis = [Arc::new(play.api(&long).await), Arc::new(play.api(&long).await)];
    let mut callers = JoinSet::new();
    for place in 0..64 {
        let (api, tenant) = (Arc::clone(&apis[place % 2]), play.tenant.clone());
        callers.spawn(async move { told(&api, &tenant).await });
    }
    let mut answers = callers.join_all().await;
    assert_eq!(answers[0]["totals"], dollars(16_345, 3));
    answers.dedup();
    assert_eq!((answers.len(), play.calls(&play.account).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_active_account_there_are_zeros_and_nobody_is_asked() {
    let play = Play::new().await;
    let api = play.api(&[]).await;
    play.connect(&play.tenant, &play.account, false).await;
    let body = told(&api, &play.tenant).await;
    assert_eq!((&body["totals"], &body["sources"]), (&dollars(0, 0), &json!([])));
    assert_eq!(play.calls(&play.account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_answer_is_not_sent_it_again_until_the_money_changes() {
    let play = Play::new().await;
    let api = play.api(&[]).await;
    let first = ask(&api, &play.tenant, None).await;
    let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(first.headers()[header::CACHE_CONTROL], "private, max-age=1");
    let same = ask(&api, &play.tenant, Some(&tag)).await;
    assert_eq!(
        (same.status().as_u16(), &same.headers()[header::ETAG]),
        (304, &tag.parse().unwrap())
    );
    assert!(same.bytes().await.unwrap().is_empty());
    play.earns(&play.account, &[("charge", json!(29), "usd")]).await;
    let changed = eventually(async || {
        let response = ask(&api, &play.tenant, Some(&tag)).await;
        if response.status() == 200 {
            Ok(response)
        } else {
            Err("it stayed as it was".to_owned())
        }
    })
    .await;
    assert_ne!(changed.headers()[header::ETAG], tag.as_str());
    let body: Value = changed.json().await.unwrap();
    assert_eq!(body["totals"], dollars(29, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_paths_say_the_same_and_neither_without_a_token() {
    let play = Play::new().await;
    let api = play.api(&[("REVENUE_CACHE_SECONDS", "60")]).await;
    let token = tokens::token(&tokens::claims(&play.tenant));
    let first = tokens::get(&api, PATH, &token).await;
    assert_eq!(
        (
            first.0,
            tokens::get(&api, "/api/v1/revenue/realtime", &token).await
        ),
        (200, first)
    );
    for path in [PATH, "/api/v1/revenue/realtime"] {
        assert_eq!(tokens::get(&api, path, "x.y.z").await.0, 401);
    }
    assert_eq!(play.calls(&play.account).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_repeated_by_every_process_for_its_time() {
    let play = Play::new().await;
    let long = [("REVENUE_CACHE_SECONDS", "60")];
    let first = told(&play.api(&long).await, &play.tenant).await;
    // The first process is gone; what it learned is not.
    assert_eq!(told(&play.api(&long).await, &play.tenant).await, first);
    assert_eq!(play.calls(&play.account).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_in_any_bad_mood_is_a_503_and_is_left_alone_for_a_while() {
    let play = Play::new().await;
    for (mood, wait) in [
        (json!({"mood": "rate_limit"}), 4),
        (json!({"mood": "rate_limit", "retry_after": 30}), 30),
        (json!({"mood": "upstream"}), 4),
        (json!({"mood": "slow", "delay_ms": 20_000}), 4),
    ] {
        let (tenant, account) = (play.deployment.tenant().await, account());
        play.connect(&tenant, &account, true).await;
        let api = play
            .api(&[("REVENUE_COOLDOWN_SECONDS", "4"), ("REVENUE_TIMEOUT_MS", "300")])
            .await;
        play.mood(mood.clone()).await;
        assert_eq!(refused(&api, &tenant).await, wait, "{mood}");
        play.mood(json!({"mood": "success"})).await;
        // It would answer now, and is not asked.
        let left = refused(&api, &tenant).await;
        assert!((1..=wait).contains(&left), "{mood}: {left} s");
        assert_eq!(play.calls(&account).await, 1, "{mood}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_cooldown_it_is_asked_again() {
    let play = Play::new().await;
    let api = play.api(&[]).await;
    play.mood(json!({"mood": "upstream"})).await;
    refused(&api, &play.tenant).await;
    play.mood(json!({"mood": "success"})).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(told(&api, &play.tenant).await["totals"], dollars(16_345, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_summed_to_the_cent_over_pages_accounts_and_currencies() {
    let play = Play::new().await;
    let api = play.api(&[]).await;
    let other = account();
    play.connect(&play.tenant, &other, true).await;
    let cents = vec![("charge", json!(29), "usd"); 250];
    play.earns(&play.account, &cents).await;
    let large = [
        ("payment", json!(999_999_999_999_i64), "eur"),
        ("refund", json!(-1), "eur"),
        ("charge", json!(1), "usd"),
        ("payout", json!(-7_000), "usd"),
    ];
    play.earns(&other, &large).await;
    let body = told(&api, &play.tenant).await;
    assert_eq!(
        body["totals"],
        json!([
            {"currency": "EUR", "revenue_cents": 999_999_999_998_i64, "transactions": 2},
            {"currency": "USD", "revenue_cents": 7_251, "transactions": 251},
        ])
    );
    assert_eq!(
        (play.calls(&play.account).await, play.calls(&other).await),
        (3, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_is_not_whole_cents_is_no_answer_and_neither_is_a_part_of_one() {
    let play = Play::new().await;
    let other = account();
    play.connect(&play.tenant, &other, true).await;
    for amount in [json!(0.29), json!(1.005), json!("29")] {
        let api = play.api(&[("REVENUE_COOLDOWN_SECONDS", "1")]).await;
        play.earns(&other, &[("charge", amount, "usd")]).await;
        refused(&api, &play.tenant).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_on_one_connection_are_told_their_own_and_what_is_kept_is_theirs_alone() {
    let play = Play::new().await;
    let api = play
        .api(&[("DATABASE_POOL_SIZE", "1"), ("REVENUE_CACHE_SECONDS", "60")])
        .await;
    let stranger = play.deployment.tenant().await;
    for _ in 0..2 {
        assert_eq!(told(&api, &play.tenant).await["totals"], dollars(16_345, 3));
        assert_eq!(told(&api, &stranger).await["totals"], dollars(0, 0));
    }
    left_nothing_behind(&play.deployment, &api, &play.tenant).await;
    let pool = play.deployment.app();
    let mut transaction = pool.begin().await.unwrap();
    for (context, rows) in [
        (stranger.id.to_string(), 0),
        (play.tenant.id.to_string(), 1),
        (String::new(), 0),
    ] {
        sqlx::query("select set_config('app.current_tenant_id', $1, true)")
            .bind(&context)
            .execute(&mut *transaction)
            .await
            .unwrap();
        let seen: i64 = sqlx::query_scalar("select count(*) from revenue_cache_entries")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(seen, rows, "in `{context}`");
    }
    let clear = "select count(*) from platform_connections where position('sk_secret'::bytea in api_key_ciphertext) > 0";
    assert_eq!(play.deployment.count(clear).await, 0);
    assert!(!api.log().contains("sk_secret"));
}

/// The API's one connection, asked by somebody without a context, has none: a spy stands where the API looks keys up.
async fn left_nothing_behind(deployment: &Deployment, api: &Service, tenant: &Tenant) {
    let spy = "
        create table contexts (seen text not null);
        grant insert on contexts to migration_owner;
        create or replace function find_tenant(p_api_key_hash bytea, p_vendor text, p_box_key text)
          returns table (tenant_id uuid, webhook_secret text)
          language plpgsql security definer set search_path = public, pg_temp
          as $$ begin insert into contexts values (coalesce(current_setting('app.current_tenant_id', true), '')); end $$";
    sqlx::raw_sql(spy).execute(&deployment.admin).await.unwrap();
    let (status, _) = send(api, tenant, None, payment("1", 1).to_string()).await;
    assert_eq!(status, 401);
    let clean = "select count(*) from contexts where seen = ''";
    let all = "select count(*) from contexts";
    assert_eq!(
        (deployment.count(all).await, deployment.count(clean).await),
        (1, 1)
    );
}
