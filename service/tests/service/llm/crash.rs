//! A worker that dies, or cannot write, between the promise of money and its payment.

use serde_json::{Value, json};

use super::world::{A_CENT, Person, World, end, fresh_question};
use crate::deployment::Service;

const RESERVED: &str = "select coalesce(sum(reserved_cents), 0)::bigint from llm_monthly_budget_state";
const PROMPTS: &str = "select count(*) from llm_prompts";

impl World {
    /// A question, and a worker that was killed while the provider thought about it.
    async fn killed(&self, person: &Person, change: &[(&str, &str)]) -> (Value, uuid::Uuid) {
        self.mood("openai", json!({"mood": "slow", "delay_ms": 850}))
            .await;
        let worker: Service = self.worker(change);
        let asked = fresh_question("why?");
        let task = self.ask(person, "investigation", &asked).await;
        let heard = "select count(*) from llm_api_calls where status = 'pending' and provider_attempted";
        self.deployment.until(heard, 1).await;
        worker.kill();
        assert_eq!(self.deployment.count(RESERVED).await, 50, "it was promised");
        assert_eq!(self.deployment.count(PROMPTS).await, 1, "it is still to be asked");
        self.answers_cost(A_CENT).await;
        (asked, task)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_had_promised_is_settled_once_by_the_next_and_nothing_stays_reserved() {
    let world = World::new().await;
    let person = world.person().await;
    let (asked, task) = world.killed(&person, &[]).await;
    let _worker = world.worker(&[]);
    let result = world.result(&person, task).await;
    assert_eq!(result["status"], "accepted");
    let row = world.row(&asked).await;
    assert_eq!((row.provider_calls, row.cost_cents, row.audit_rows), (2, 1, 1));
    assert_eq!(
        world
            .deployment
            .count("select count(*) from investigations")
            .await,
        1
    );
    assert_eq!(world.books_agree(&person.tenant).await, 1);
    assert_eq!(world.deployment.count(PROMPTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_worker_died_of_is_given_up_and_nothing_stays_reserved() {
    let world = World::new().await;
    let person = world.person().await;
    let (asked, task) = world.killed(&person, &[]).await;
    let _worker = world.worker(&[("WORKER_MAX_RETRIES", "0")]);
    let end = crate::task::end(&world.deployment, task).await;
    assert_eq!(end.state, "failed");
    let row = world.row(&asked).await;
    assert_eq!(
        (row.end(), row.cost_cents, row.audit_rows),
        (("failed", Some("abandoned")), 0, 1)
    );
    assert_eq!(world.books_agree(&person.tenant).await, 0);
    assert_eq!(world.deployment.count(PROMPTS).await, 0);
    let released = "select count(*) from llm_budget_reservations where state = 'released'";
    assert_eq!(world.deployment.count(released).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_switch_that_was_thrown_meanwhile_holds_for_what_is_resumed_too() {
    let world = World::new().await;
    let person = world.person().await;
    let (asked, task) = world.killed(&person, &[]).await;
    let before = world.receipts(&asked).await.len();
    let _worker = world.worker(&[("LLM_PROVIDER_KILL_SWITCH", "1")]);
    let result = world.result(&person, task).await;
    assert_eq!(result["failure_reason"], "provider_kill_switch");
    assert_eq!(world.receipts(&asked).await.len(), before);
    assert_eq!(world.books_agree(&person.tenant).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_could_not_be_written_down_is_asked_for_again_and_charged_once() {
    let world = World::new().await;
    let person = world.person().await;
    world.answers_cost(A_CENT).await;
    let admin = &world.deployment.admin;
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$;
         grant execute on function refuse() to public;
         create trigger refuse before insert on llm_monthly_costs for each row execute function refuse()",
    )
    .execute(admin)
    .await
    .unwrap();
    let _worker = world.worker(&[("WORKER_MAX_RETRIES", "9")]);
    let asked = fresh_question("why?");
    let task = world.ask(&person, "budget_optimization", &asked).await;
    let again = "select count(*) from llm_api_calls where provider_calls > 1";
    world.deployment.until(again, 1).await;
    sqlx::raw_sql("drop trigger refuse on llm_monthly_costs")
        .execute(admin)
        .await
        .unwrap();
    assert_eq!(world.result(&person, task).await["status"], "accepted");
    let receipts = world.receipts(&asked).await;
    assert!(receipts.len() > 1, "{receipts:?}");
    let charged: Vec<&Value> = receipts
        .iter()
        .map(|receipt| &receipt["cost_cents"])
        .filter(|cost| cost.as_i64().is_some_and(|cents| cents > 0))
        .collect();
    assert_eq!(charged, [&json!(1)]);
    assert_eq!(
        world.row(&asked).await.provider_calls,
        i32::try_from(receipts.len()).unwrap()
    );
    assert_eq!(world.books_agree(&person.tenant).await, 1);
    assert_eq!(
        world
            .deployment
            .count("select count(*) from budget_optimization_jobs")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_tried_an_open_breaker_and_was_never_heard_of_again_does_not_hold_it() {
    let world = World::new().await;
    let person = world.person().await;
    let worker = world.worker(&[]);
    world.mood("openai", json!({"mood": "upstream"})).await;
    for _ in 0..3 {
        world.answered(&person, "route", &fresh_question("why?")).await;
    }
    end(worker).await;
    let later = "update llm_breaker_state set opened_at = opened_at - interval '10 minutes'";
    sqlx::raw_sql(later)
        .execute(&world.deployment.admin)
        .await
        .unwrap();
    let (_, task) = world.killed(&person, &[]).await;
    let half = "select count(*) from llm_breaker_state where state = 'half_open'";
    assert_eq!(world.deployment.count(half).await, 1);
    let _worker = world.worker(&[("WORKER_MAX_RETRIES", "0")]);
    assert_eq!(crate::task::end(&world.deployment, task).await.state, "failed");
    let next = fresh_question("why?");
    assert_eq!(
        world.answered(&person, "route", &next).await["status"],
        "accepted"
    );
    let closed = "select count(*) from llm_breaker_state where state = 'closed' and failure_count = 0";
    assert_eq!(world.deployment.count(closed).await, 1);
}
