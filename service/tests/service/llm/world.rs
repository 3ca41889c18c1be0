//! An API, a worker and an outside world around one database, and what a person asks of them.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant, eventually},
    tokens::{claims, get, token},
};

/// The model that a short question gets.
pub(super) const CHEAP: &str = "gpt-4o-mini";

/// An answer of the cheap model that costs a cent, and one that costs twenty.
pub(super) const A_CENT: (u32, u32) = (1000, 15_000);
pub(super) const TWENTY_CENTS: (u32, u32) = (1000, 333_083);

/// Everything that an answer needs but the worker.
pub(super) struct World {
    pub(super) deployment: Deployment,
    pub(super) api: Service,
    pub(super) outside: Service,
}

/// Somebody who asks.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) tenant: Tenant,
    pub(super) user: Uuid,
    token: String,
}

impl Person {
    /// A new user of a tenant.
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self::with_scope(tenant, "manager")
    }

    /// The same, who may do less or more.
    pub(super) fn with_scope(tenant: &Tenant, scope: &str) -> Self {
        let mut claims = claims(tenant);
        let user = Uuid::new_v4();
        claims["sub"] = json!(user);
        claims["scopes"] = json!([scope]);
        Self {
            tenant: tenant.clone(),
            user,
            token: token(&claims),
        }
    }
}

/// A row of the ledger.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) status: String,
    pub(super) block_reason: Option<String>,
    pub(super) failure_reason: Option<String>,
    pub(super) provider_attempted: bool,
    pub(super) provider_calls: i32,
    pub(super) was_cached: bool,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_cents: i64,
    pub(super) chosen_provider: String,
    pub(super) chosen_model: String,
    pub(super) chosen_tier: String,
    pub(super) routing_reason: String,
    pub(super) audit_rows: i64,
}

impl Row {
    /// How it ended, in a word or two.
    pub(super) fn end(&self) -> (&str, Option<&str>) {
        let why = self.block_reason.as_deref().or(self.failure_reason.as_deref());
        (self.status.as_str(), why)
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::around(Deployment::new().await).await
    }

    /// Around a database that is there.
    pub(super) async fn around(deployment: Deployment) -> Self {
        let outside = deployment
            .listening("mock-platform", "MOCK_PLATFORM_LISTEN", &[])
            .await;
        Self {
            api: deployment.api().await,
            outside,
            deployment,
        }
    }

    /// A new user of a new tenant.
    pub(super) async fn person(&self) -> Person {
        Person::of(&self.deployment.tenant().await)
    }

    /// A worker that knows the outside world and is told something else besides.
    pub(super) fn worker(&self, change: &[(&str, &str)]) -> Service {
        let outside = format!("http://{}", self.outside.address);
        let change: Vec<(&str, &str)> = [
            ("LLM_OPENAI_URL", outside.as_str()),
            ("LLM_ANTHROPIC_URL", outside.as_str()),
        ]
        .into_iter()
        .chain(change.iter().copied())
        .collect();
        self.deployment.worker_told(&change)
    }

    /// Puts a provider in a mood.
    pub(super) async fn mood(&self, party: &str, mood: Value) {
        let response = reqwest::Client::new()
            .put(self.outside.url(&format!("/moods/{party}")))
            .json(&mood)
            .send()
            .await
            .expect("the outside world answers");
        assert_eq!(response.status(), 204, "{mood}");
    }

    /// Lets the cheap model's answers cost so much.
    pub(super) async fn answers_cost(&self, (input, output): (u32, u32)) {
        let mood = json!({"mood": "success", "input_tokens": input, "output_tokens": output});
        self.mood("openai", mood).await;
    }

    /// Asks, and returns status and answer.
    pub(super) async fn post(&self, person: &Person, endpoint: &str, body: &Value) -> (u16, Value) {
        let response = reqwest::Client::new()
            .request(Method::POST, self.api.url(&format!("/api/llm/{endpoint}")))
            .bearer_auth(&person.token)
            .header("X-Correlation-ID", Uuid::new_v4().to_string())
            .json(body)
            .send()
            .await
            .expect("the api answers");
        let status = response.status().as_u16();
        (status, response.json().await.expect("every answer is JSON"))
    }

    /// Asks, and returns the task.
    pub(super) async fn ask(&self, person: &Person, endpoint: &str, body: &Value) -> Uuid {
        let (status, accepted) = self.post(person, endpoint, body).await;
        assert_eq!(status, 202, "{accepted}");
        assert_eq!(accepted["request_id"], body["request_id"]);
        accepted["task_id"].as_str().unwrap().parse().unwrap()
    }

    /// What a task came to, as its own user is told.
    pub(super) async fn result(&self, person: &Person, task: Uuid) -> Value {
        eventually(async || {
            let (status, told) = get(&self.api, &format!("/api/tasks/{task}"), &person.token).await;
            assert_eq!(status, 200, "{told}");
            match told["state"].as_str() {
                Some("succeeded") => Ok(told["result"].clone()),
                Some("failed") => panic!("it was given up: {told}"),
                _ => Err(told.to_string()),
            }
        })
        .await
    }

    /// A task as somebody is told of it.
    pub(super) async fn task(&self, person: &Person, task: Uuid) -> (u16, Value) {
        get(&self.api, &format!("/api/tasks/{task}"), &person.token).await
    }

    /// Asks, waits, and returns the result.
    pub(super) async fn answered(&self, person: &Person, endpoint: &str, body: &Value) -> Value {
        let task = self.ask(person, endpoint, body).await;
        self.result(person, task).await
    }

    /// The row of a request; there must be one.
    pub(super) async fn row(&self, request: &Value) -> Row {
        self.rows(&request["request_id"]).await.pop().expect("one row")
    }

    /// All rows of a request's id.
    pub(super) async fn rows(&self, request: &Value) -> Vec<Row> {
        sqlx::query_as(
            "select l.id, l.status, l.block_reason, l.failure_reason, l.provider_attempted, l.provider_calls, l.was_cached,
                    l.input_tokens, l.output_tokens, l.cost_cents, l.chosen_provider, l.chosen_model, l.chosen_tier,
                    l.routing_reason, (select count(*) from llm_call_audit a where a.api_call_id = l.id) as audit_rows
               from llm_api_calls l where l.request_id = $1::uuid",
        )
        .bind(request.as_str().unwrap())
        .fetch_all(&self.deployment.admin)
        .await
        .unwrap()
    }

    /// What the providers say they were asked under a request's id.
    pub(super) async fn receipts(&self, request: &Value) -> Vec<Value> {
        let path = format!("/receipts?request_id={}", request["request_id"].as_str().unwrap());
        self.receipts_at(&path).await
    }

    /// What the providers say they were asked for a tenant.
    pub(super) async fn receipts_of(&self, tenant: &Tenant) -> Vec<Value> {
        self.receipts_at(&format!("/receipts?tenant_id={}", tenant.id))
            .await
    }

    async fn receipts_at(&self, path: &str) -> Vec<Value> {
        let response = reqwest::get(self.outside.url(path)).await.unwrap();
        let told: Value = response.json().await.unwrap();
        told["receipts"].as_array().expect("a list").clone()
    }

    /// Compares all books of a tenant with one another, and with what the providers charged, request by request. Nothing
    /// may be promised to anybody. Returns what was spent, in cents.
    pub(super) async fn books_agree(&self, tenant: &Tenant) -> i64 {
        let sums: (i64, i64, i64, i64, i64, i64, i64, i64) = sqlx::query_as(
            "select (select coalesce(sum(cost_cents), 0)::bigint from llm_api_calls where tenant_id = $1),
                    (select coalesce(sum(total_cost_cents), 0)::bigint from llm_monthly_costs where tenant_id = $1),
                    (select coalesce(sum(spent_cents), 0)::bigint from llm_monthly_budget_state where tenant_id = $1),
                    (select coalesce(sum(settled_cents), 0)::bigint from llm_budget_reservations where tenant_id = $1),
                    (select coalesce(sum(total_cost_cents), 0)::bigint from llm_hourly_shutoff_state where tenant_id = $1),
                    (select coalesce(sum(cost_cents), 0)::bigint from llm_call_audit where tenant_id = $1),
                    (select coalesce(sum(reserved_cents), 0)::bigint from llm_monthly_budget_state where tenant_id = $1),
                    (select count(*) from llm_budget_reservations where tenant_id = $1 and state = 'reserved')",
        )
        .bind(tenant.id)
        .fetch_one(&self.deployment.admin)
        .await
        .unwrap();
        let (ledger, reserved, open) = (sums.0, sums.6, sums.7);
        assert_eq!([sums.1, sums.2, sums.3, sums.4, sums.5], [ledger; 5], "{sums:?}");
        assert_eq!((reserved, open), (0, 0), "something is still promised");

        let mut paid: Vec<(String, i64, i64, i64)> = sqlx::query_as(
            "select request_id::text, input_tokens, output_tokens, cost_cents from llm_api_calls
              where tenant_id = $1 and status = 'success' and not was_cached",
        )
        .bind(tenant.id)
        .fetch_all(&self.deployment.admin)
        .await
        .unwrap();
        let number = |value: &Value| value.as_i64().expect("a number");
        let mut charged: Vec<(String, i64, i64, i64)> = self
            .receipts_of(tenant)
            .await
            .iter()
            .filter(|receipt| receipt["status"] == 200 && receipt["replayed"] == false)
            .map(|receipt| {
                (
                    receipt["request_id"].as_str().unwrap().to_owned(),
                    number(&receipt["tokens_in"]),
                    number(&receipt["tokens_out"]),
                    number(&receipt["cost_cents"]),
                )
            })
            .collect();
        paid.sort_unstable();
        charged.sort_unstable();
        assert_eq!(paid, charged, "books and receipts, request by request");
        assert_eq!(
            self.deployment
                .count(
                    "select count(*) from llm_api_calls l where l.status <> 'pending'
                        and (select count(*) from llm_call_audit a where a.api_call_id = l.id) <> 1"
                )
                .await,
            0,
            "one line of the audit for each request that ended"
        );
        ledger
    }
}

/// Asks a worker to end, and waits until it has ended well.
pub(super) async fn end(mut worker: Service) {
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended().await, Some(0));
}

/// A question of its own id.
pub(super) fn question(text: &str) -> Value {
    json!({"request_id": Uuid::new_v4(), "prompt": text})
}

/// The same, that no earlier answer may do for.
pub(super) fn fresh_question(text: &str) -> Value {
    json!({"request_id": Uuid::new_v4(), "prompt": text, "cache_enabled": false})
}

/// Waits for the next hour when this one is about to end, so that what is counted by the hour is counted in one.
pub(super) async fn well_within_an_hour(world: &World) {
    let left = "select extract(epoch from date_trunc('hour', clock_timestamp()) + interval '1 hour' - clock_timestamp())::bigint";
    let left = world.deployment.count(left).await;
    if left < 20 {
        let left = u64::try_from(left).unwrap_or(0);
        tokio::time::sleep(std::time::Duration::from_secs(left + 1)).await;
    }
}
