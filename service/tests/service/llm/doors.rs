//! The doors: who may ask, what can be asked, and who is told how it ends.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Person, World, question};
use crate::tokens::{ask, claims, token};

#[tokio::test(flavor = "multi_thread")]
async fn each_door_gives_what_it_promises_and_keeps_one_row_of_it() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    for (endpoint, field) in [
        ("route", "route"),
        ("explanation", "explanation"),
        ("investigation", "investigation_id"),
        ("budget_optimization", "budget_job_id"),
    ] {
        let asked = question("why?");
        let result = world.answered(&person, endpoint, &asked).await;
        assert_eq!(result["request_id"], asked["request_id"]);
        assert!(!result[field].is_null(), "{endpoint}: {result}");
    }
    let kept: (String, String, Value) = sqlx::query_as(
        "select i.query, l.request_id::text, i.result from investigations i join llm_api_calls l on l.id = i.api_call_id",
    )
    .fetch_one(&world.deployment.admin)
    .await
    .unwrap();
    assert_eq!(kept.0, format!("provider:{}", kept.1));
    assert!(kept.2["findings"].is_string());
    let jobs = "select count(*) from budget_optimization_jobs j join llm_api_calls l on l.id = j.api_call_id
                 where j.recommendations ->> 'request_id' = l.request_id::text and j.cost_cents = l.cost_cents";
    assert_eq!(world.deployment.count(jobs).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_correlation_id_goes_from_the_door_to_the_task_and_its_row() {
    let world = World::new().await;
    let person = world.person().await;
    let worker = world.worker(&[]);
    let asked = question("why?");
    let task = world.ask(&person, "route", &asked).await;
    world.result(&person, task).await;
    let (_, told) = world.task(&person, task).await;
    let correlation = told["correlation_id"].as_str().unwrap();
    let row: Uuid = sqlx::query_scalar("select correlation_id from llm_api_calls")
        .fetch_one(&world.deployment.admin)
        .await
        .unwrap();
    assert_eq!(correlation, row.to_string());
    for log in [world.api.log(), worker.log()] {
        assert!(log.contains(correlation), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_may_not_ask_and_nobody_without_a_token() {
    let world = World::new().await;
    let tenant = world.deployment.tenant().await;
    let viewer = Person::with_scope(&tenant, "viewer");
    for endpoint in ["route", "explanation", "investigation", "budget_optimization"] {
        let (status, problem) = world.post(&viewer, endpoint, &question("why?")).await;
        assert_eq!((status, &problem["code"]), (403, &json!("AUTH_FORBIDDEN")));
        let admin = Person::with_scope(&tenant, "admin");
        assert_eq!(world.post(&admin, endpoint, &question("why?")).await.0, 202);
        let path = format!("/api/llm/{endpoint}");
        assert_eq!(ask(&world.api, Method::POST, &path, "none").await.status(), 401);
    }
    assert_eq!(world.deployment.count("select count(*) from tasks").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_with_the_field_and_why() {
    let world = World::new().await;
    let person = world.person().await;
    let many = vec![json!({}); 201];
    for (body, field, why) in [
        (
            json!({}),
            "prompt",
            "either this or `messages` must be there, and not both",
        ),
        (
            json!({"prompt": "a", "messages": [{"role": "user", "content": "a"}]}),
            "prompt",
            "either this or `messages` must be there, and not both",
        ),
        (
            json!({"messages": []}),
            "messages",
            "there must be 1 to 200 of them",
        ),
        (json!({"prompt": ""}), "messages", "none of them may be empty"),
        (
            json!({"messages": [{"role": "assistant", "content": "a"}]}),
            "messages",
            "the last one must be the user's",
        ),
        (
            json!({"prompt": "a", "context_items": many}),
            "context_items",
            "there may be 200 of them",
        ),
        (
            json!({"prompt": "a", "max_output_tokens": 0}),
            "max_output_tokens",
            "it must be from 1 to 4096",
        ),
        (
            json!({"prompt": "a", "max_cost_cents": 0}),
            "max_cost_cents",
            "it must be from 1 to 100000",
        ),
        (
            json!({"prompt": "a", "request_id": "mine"}),
            "body",
            "it must be a JSON object with the documented fields and no others",
        ),
        (
            json!({"prompt": "a", "temperature": 1}),
            "body",
            "it must be a JSON object with the documented fields and no others",
        ),
        (
            json!(null),
            "body",
            "it must be a JSON object with the documented fields and no others",
        ),
    ] {
        let (status, problem) = world.post(&person, "route", &body).await;
        assert_eq!(status, 422, "{body}");
        assert_eq!(
            problem["errors"],
            json!([{"field": field, "message": why}]),
            "{body}"
        );
    }
    let long = json!({"prompt": "a".repeat(256 * 1024)});
    assert_eq!(world.post(&person, "route", &long).await.0, 413);
    assert_eq!(world.deployment.count("select count(*) from tasks").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_id_is_given_one_and_a_conversation_is_answered_too() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    let body = json!({"messages": [
        {"role": "system", "content": "be brief"}, {"role": "user", "content": "a\u{0}b"},
        {"role": "assistant", "content": "c"}, {"role": "user", "content": "why?"}
    ]});
    let (status, accepted) = world.post(&person, "explanation", &body).await;
    assert_eq!(status, 202);
    let task = accepted["task_id"].as_str().unwrap().parse().unwrap();
    let result = world.result(&person, task).await;
    assert_eq!(
        (&result["status"], &result["request_id"]),
        (&json!("accepted"), &accepted["request_id"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_told_to_who_asked_for_it_and_to_nobody_else() {
    let world = World::new().await;
    let person = world.person().await;
    let task = world.ask(&person, "route", &question("why?")).await;
    let (status, told) = world.task(&person, task).await;
    assert_eq!(
        (status, &told["state"], &told["name"], &told["result"]),
        (200, &json!("pending"), &json!("llm.route"), &Value::Null)
    );
    for stranger in [Person::of(&person.tenant), world.person().await] {
        let (status, problem) = world.task(&stranger, task).await;
        assert_eq!(
            (status, &problem["detail"]),
            (404, &json!("there is no such task"))
        );
    }
    let (status, _) = world.task(&person, Uuid::new_v4()).await;
    assert_eq!(status, 404);
    let garbage = ask(
        &world.api,
        Method::GET,
        "/api/tasks/mine",
        &token(&claims(&person.tenant)),
    )
    .await;
    assert_eq!(garbage.status(), 404);
    assert_eq!(garbage.headers()["content-type"], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_leaves_a_context_on_a_connection() {
    let deployment = crate::contexts::spied_on().await;
    let world = World::around(deployment).await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    for endpoint in ["route", "explanation", "investigation", "budget_optimization"] {
        let asked = question("why?");
        world.answered(&person, endpoint, &asked).await;
        let mut blocked = question("why?");
        blocked["provider_kill_switch"] = json!(true);
        world.answered(&person, endpoint, &blocked).await;
    }
    let looked = "select count(*) from contexts where who = 'skeldir worker'";
    assert!(world.deployment.count(looked).await >= 8);
    assert_eq!(world.deployment.count(crate::contexts::LEFT).await, 0);
}
