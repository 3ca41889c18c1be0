//! The breaker: three failures in a row open it for a tenant and a provider; after a while one call tries.

use serde_json::json;

use super::world::{Person, World, fresh_question};

const QUICK: [(&str, &str); 1] = [("LLM_BREAKER_OPEN_SECONDS", "1")];

impl World {
    /// Asks the cheap model, and says how it ended.
    async fn end(&self, person: &Person) -> (String, Option<String>) {
        let asked = fresh_question("why?");
        self.answered(person, "explanation", &asked).await;
        let row = self.row(&asked).await;
        assert_eq!(row.provider_attempted, row.status != "blocked");
        let (status, why) = row.end();
        (status.to_owned(), why.map(str::to_owned))
    }

    async fn breaker(&self, person: &Person) -> (String, i32) {
        sqlx::query_as(
            "select state, failure_count from llm_breaker_state where tenant_id = $1 and provider = 'openai'",
        )
        .bind(person.tenant.id)
        .fetch_one(&self.deployment.admin)
        .await
        .unwrap()
    }

    /// Lets the time of an open breaker pass.
    async fn cool_down(&self) {
        let later = "update llm_breaker_state set opened_at = opened_at - interval '10 minutes'";
        sqlx::raw_sql(later)
            .execute(&self.deployment.admin)
            .await
            .unwrap();
    }
}

fn failed() -> (String, Option<String>) {
    ("failed".to_owned(), Some("provider_error:refused".to_owned()))
}

fn blocked() -> (String, Option<String>) {
    ("blocked".to_owned(), Some("breaker_open".to_owned()))
}

fn success() -> (String, Option<String>) {
    ("success".to_owned(), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_failures_open_it_then_one_call_tries_and_its_success_closes_it() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    world.mood("openai", json!({"mood": "upstream"})).await;
    for _ in 0..3 {
        assert_eq!(world.end(&person).await, failed());
    }
    assert_eq!(world.breaker(&person).await, ("open".to_owned(), 3));
    assert_eq!(world.end(&person).await, blocked());
    assert_eq!(
        world.receipts_of(&person.tenant).await.len(),
        3,
        "the fourth was not made"
    );

    // Of a tenant, not of a user; and of that tenant alone.
    assert_eq!(world.end(&Person::of(&person.tenant)).await, blocked());
    world.mood("openai", json!({"mood": "success"})).await;
    assert_eq!(world.end(&person).await, blocked(), "its time is not over");
    assert_eq!(world.end(&world.person().await).await, success());

    world.cool_down().await;
    assert_eq!(world.end(&person).await, success());
    assert_eq!(world.breaker(&person).await, ("closed".to_owned(), 0));
    assert_eq!(world.end(&person).await, success());
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_call_that_tries_fails_it_is_open_again_for_its_whole_time() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    world.mood("openai", json!({"mood": "upstream"})).await;
    for _ in 0..3 {
        world.end(&person).await;
    }
    world.cool_down().await;
    assert_eq!(world.end(&person).await, failed(), "one tries");
    assert_eq!(world.end(&person).await, blocked(), "and nobody after it");
    assert_eq!(world.breaker(&person).await.0, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_call_tries_no_other_is_let_through() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    world.mood("openai", json!({"mood": "upstream"})).await;
    for _ in 0..3 {
        world.end(&person).await;
    }
    world.cool_down().await;
    world
        .mood("openai", json!({"mood": "slow", "delay_ms": 700}))
        .await;
    let trying = fresh_question("why?");
    let task = world.ask(&person, "explanation", &trying).await;
    let half = "select count(*) from llm_breaker_state where state = 'half_open'";
    world.deployment.until(half, 1).await;
    assert_eq!(world.end(&person).await, blocked());
    assert_eq!(world.result(&person, task).await["status"], "accepted");
    assert_eq!(world.breaker(&person).await, ("closed".to_owned(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn its_time_is_a_setting_and_failures_must_be_in_a_row() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&QUICK);
    for moods in [
        ["upstream", "upstream", "success"],
        ["upstream", "rate_limit", "upstream"],
    ] {
        for mood in moods {
            world.mood("openai", json!({ "mood": mood })).await;
            world.end(&person).await;
        }
    }
    assert_eq!(world.breaker(&person).await, ("open".to_owned(), 3));
    world.mood("openai", json!({"mood": "success"})).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(world.end(&person).await, success());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_provider_is_not_concerned() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    world.mood("openai", json!({"mood": "upstream"})).await;
    for _ in 0..3 {
        world.end(&person).await;
    }
    assert_eq!(world.end(&person).await, blocked());
    // A question this hard goes to the other one.
    let mut hard = fresh_question("prove it step-by-step, and reconcile");
    hard["response_schema"] = json!({"type": "object"});
    assert_eq!(
        world.answered(&person, "investigation", &hard).await["status"],
        "accepted"
    );
    assert_eq!(world.row(&hard).await.chosen_provider, "anthropic");
}
