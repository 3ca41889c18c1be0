//! A prompt is kept nowhere: not while it waits, not while it is asked, not when all is over or went wrong.

use serde_json::json;
use uuid::Uuid;

use super::world::{Person, World, fresh_question};
use crate::{
    deployment::{BOX_KEY, Service},
    footprint::rows_with,
};

const PROMPTS: &str = "select count(*) from llm_prompts";
const LOUD: (&str, &str) = ("RUST_LOG", "debug");

async fn is_nowhere(world: &World, services: &[&Service], canary: &str, moment: &str) {
    assert_eq!(rows_with(&world.deployment, canary).await, 0, "{moment}");
    for service in services {
        assert!(!service.log().contains(canary), "{moment}: {}", service.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_in_no_column_and_no_log_at_any_moment_of_its_life() {
    let world = World::new().await;
    let person = world.person().await;
    let canary = format!("canary{}", Uuid::new_v4().simple());
    let mut asked = fresh_question(&format!("why did {canary} move?"));
    asked["context_items"] = json!([{ "note": canary }]);
    asked["cache_enabled"] = json!(true);

    let task = world.ask(&person, "explanation", &asked).await;
    assert_eq!(world.deployment.count(PROMPTS).await, 1);
    is_nowhere(&world, &[&world.api], &canary, "while it waits").await;

    world
        .mood("openai", json!({"mood": "slow", "delay_ms": 800}))
        .await;
    let worker = world.worker(&[LOUD]);
    let pending = "select count(*) from llm_api_calls where status = 'pending'";
    world.deployment.until(pending, 1).await;
    is_nowhere(&world, &[&world.api, &worker], &canary, "while it is asked").await;

    assert_eq!(world.result(&person, task).await["status"], "accepted");
    assert_eq!(world.deployment.count(PROMPTS).await, 0);
    is_nowhere(&world, &[&world.api, &worker], &canary, "when it is answered").await;

    for mood in ["upstream", "rate_limit"] {
        world.mood("openai", json!({ "mood": mood })).await;
        let mut again = asked.clone();
        again["request_id"] = json!(Uuid::new_v4());
        again["cache_watermark"] = json!(7);
        assert_eq!(
            world.answered(&person, "explanation", &again).await["status"],
            "failed"
        );
        is_nowhere(&world, &[&world.api, &worker], &canary, mood).await;
    }

    // One that cannot be done at all becomes a failed job.
    let task = world
        .ask(&Person::of(&person.tenant), "explanation", &asked)
        .await;
    assert_eq!(crate::task::end(&world.deployment, task).await.state, "failed");
    assert_eq!(
        world
            .deployment
            .count("select count(*) from worker_failed_jobs")
            .await,
        1
    );
    assert_eq!(world.deployment.count(PROMPTS).await, 0);
    is_nowhere(&world, &[&world.api, &worker], &canary, "when it was given up").await;

    // One that the door refuses is not repeated either.
    let (status, refusal) = world
        .post(
            &person,
            "route",
            &json!({"prompt": canary, "messages": [{"role": "user", "content": canary}]}),
        )
        .await;
    assert_eq!(status, 422);
    assert!(!refusal.to_string().contains(&canary));
    is_nowhere(&world, &[&world.api, &worker], &canary, "when it was refused").await;

    for secret in ["sk-openai-of-this-test", "sk-anthropic-of-this-test", BOX_KEY] {
        is_nowhere(&world, &[&world.api, &worker, &world.outside], secret, "a key").await;
    }
    // What the search would have seen.
    sqlx::query("update tasks set result = jsonb_build_object('x', $1::text)")
        .bind(&canary)
        .execute(&world.deployment.admin)
        .await
        .unwrap();
    assert!(rows_with(&world.deployment, &canary).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_door_takes_no_prompt() {
    let world = World::new().await;
    let person = world.person().await;
    let tenant = person.tenant.id.to_string();
    let output = world.deployment.run(
        &[
            "enqueue",
            "llm.route",
            "--tenant",
            &tenant,
            "--args",
            r#"{"prompt":"why?"}"#,
        ],
        &[],
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "skeldir enqueue: `llm.route` is asked for at `POST /api/llm/route`, which encrypts its prompt\n"
    );
    let mut transaction = world.deployment.app().begin().await.unwrap();
    sqlx::query("select set_config('app.current_tenant_id', $1, true)")
        .bind(&tenant)
        .execute(&mut *transaction)
        .await
        .unwrap();
    let past = sqlx::query("select enqueue('llm', 'llm.route', $1, '{}')")
        .bind(person.tenant.id)
        .execute(&mut *transaction)
        .await
        .expect_err("it takes none");
    let code = past
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    assert_eq!(code.as_deref(), Some("42501"));
}
