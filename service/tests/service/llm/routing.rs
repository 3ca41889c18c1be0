//! Which model answers: the shape of the question, the state of the budget, and the policy alone decide.

use serde_json::{Value, json};

use super::world::{CHEAP, Person, TWENTY_CENTS, World, end, fresh_question};

fn hardest() -> Value {
    let text = "prove it step-by-step ".repeat(100);
    let mut asked = fresh_question(&text);
    asked["response_schema"] = json!({"type": "object"});
    asked["context_items"] = json!(vec![json!({"k": text}); 40]);
    asked
}

async fn spent(world: &World, person: &Person, cents: i64) {
    sqlx::query(
        "insert into llm_monthly_budget_state (tenant_id, user_id, month, cap_cents, spent_cents)
         values ($1, $2, date_trunc('month', now() at time zone 'UTC')::date, 100, $3)
             on conflict (tenant_id, user_id, month) do update set spent_cents = excluded.spent_cents",
    )
    .bind(person.tenant.id)
    .bind(person.user)
    .bind(cents)
    .execute(&world.deployment.admin)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_harder_question_gets_a_better_model_and_the_row_says_why() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    let (easy, hard) = (fresh_question("why?"), hardest());
    let result = world.answered(&person, "route", &easy).await;
    assert_eq!(
        (
            &result["route"]["tier"],
            &result["route"]["model"],
            &result["route"]["reason"]
        ),
        (&json!("cheap"), &json!(CHEAP), &json!("bucket_policy"))
    );
    world.answered(&person, "investigation", &hard).await;
    let row = world.row(&hard).await;
    assert_eq!(
        (row.chosen_tier.as_str(), row.chosen_model.as_str()),
        ("premium", "claude-3-opus")
    );
    let [receipt] = &world.receipts(&hard).await[..] else {
        panic!("one receipt")
    };
    assert_eq!(
        (&receipt["party"], &receipt["model"]),
        (&json!("anthropic"), &json!("claude-3-opus"))
    );
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_nearly_spent_gets_a_cheaper_model() {
    let world = World::new().await;
    let _worker = world.worker(&[("LLM_MONTHLY_CAP_CENTS", "100"), ("LLM_MAX_COST_CENTS", "1")]);
    for (cents, tier, reason, decision) in [
        (79, "premium", "bucket_policy", "ALLOW"),
        (90, "standard", "budget_pressure:0.90", "FALLBACK"),
        (95, "cheap", "budget_pressure_critical:0.95", "FALLBACK"),
    ] {
        let person = world.person().await;
        spent(&world, &person, cents).await;
        let asked = hardest();
        assert_eq!(
            world.answered(&person, "investigation", &asked).await["status"],
            "accepted"
        );
        let row = world.row(&asked).await;
        assert_eq!(
            (row.chosen_tier.as_str(), row.routing_reason.as_str()),
            (tier, reason)
        );
        let audited: (String, String) =
            sqlx::query_as("select decision, requested_model from llm_call_audit where api_call_id = $1")
                .bind(row.id)
                .fetch_one(&world.deployment.admin)
                .await
                .unwrap();
        assert_eq!(
            audited,
            (decision.to_owned(), "anthropic:claude-3-opus".to_owned())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_really_spent_is_the_pressure() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[("LLM_MONTHLY_CAP_CENTS", "50"), ("LLM_MAX_COST_CENTS", "5")]);
    world.answers_cost(TWENTY_CENTS).await;
    for _ in 0..2 {
        world.answered(&person, "route", &fresh_question("why?")).await;
    }
    let asked = hardest();
    world.answered(&person, "investigation", &asked).await;
    assert_eq!(world.row(&asked).await.routing_reason, "budget_pressure:0.80");
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_and_model_are_swapped_by_configuration_only() {
    let world = World::new().await;
    let person = world.person().await;
    let worker = world.worker(&[]);
    let before = fresh_question("why?");
    world.answered(&person, "explanation", &before).await;
    end(worker).await;
    let swapped = include_str!("../../../data/llm_policy.json").replace(
        r#""provider": "openai", "model": "gpt-4o-mini""#,
        r#""provider": "anthropic", "model": "claude-3-haiku""#,
    );
    let _worker = world.worker(&[("LLM_POLICY", &swapped)]);
    let after = fresh_question("why?");
    world.answered(&person, "explanation", &after).await;
    for (asked, provider, model) in [(before, "openai", CHEAP), (after, "anthropic", "claude-3-haiku")] {
        let row = world.row(&asked).await;
        assert_eq!(
            (row.chosen_provider.as_str(), row.chosen_model.as_str()),
            (provider, model)
        );
        let [receipt] = &world.receipts(&asked).await[..] else {
            panic!("one receipt")
        };
        assert_eq!(
            (&receipt["party"], &receipt["model"]),
            (&json!(provider), &json!(model))
        );
        assert_eq!(receipt["boundary_id"], "b07_p3_aisuite_chokepoint");
    }
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_does_not_downgrade_leaves_the_dear_model_under_pressure() {
    let world = World::new().await;
    let person = world.person().await;
    let stubborn =
        include_str!("../../../data/llm_policy.json").replace(r#""enabled": true"#, r#""enabled": false"#);
    let _worker = world.worker(&[
        ("LLM_POLICY", &stubborn),
        ("LLM_MONTHLY_CAP_CENTS", "100"),
        ("LLM_MAX_COST_CENTS", "1"),
    ]);
    spent(&world, &person, 90).await;
    let asked = hardest();
    world.answered(&person, "investigation", &asked).await;
    assert_eq!(world.row(&asked).await.chosen_tier, "premium");
}
