//! Money and the cache: what costs, what does not, and who may see or change the books.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::world::{A_CENT, Person, World, end, fresh_question, question};

fn numbered(n: usize) -> Value {
    question(&format!("why did channel {n} move?"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_of_forty_prompts_are_sixty_hits_and_forty_calls_and_a_hit_costs_nothing() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[("LLM_HOURLY_THRESHOLD_CENTS", "100000")]);
    world.answers_cost(A_CENT).await;
    let mut asked = Vec::new();
    for n in 0..100 {
        let asking = numbered(if n < 40 { n } else { n % 20 });
        asked.push((world.ask(&person, "explanation", &asking).await, asking));
        // The repeats come when the first of their kind has been answered.
        if n == 39 {
            let (task, _) = &asked[39];
            world.result(&person, *task).await;
            world
                .deployment
                .until("select count(*) from llm_api_calls where status = 'success'", 40)
                .await;
        }
    }
    for (task, _) in &asked {
        assert_eq!(world.result(&person, *task).await["status"], "accepted");
    }
    let mut hits = 0;
    for (_, asking) in &asked {
        let row = world.row(asking).await;
        if row.was_cached {
            hits += 1;
            assert_eq!(
                (row.cost_cents, row.provider_attempted, row.audit_rows, row.end()),
                (0, false, 1, ("success", None))
            );
        }
    }
    assert_eq!(hits, 60);
    assert_eq!(world.receipts_of(&person.tenant).await.len(), 40);
    assert_eq!(world.books_agree(&person.tenant).await, 40);
    let counted = "select total_calls from llm_monthly_costs";
    assert_eq!(
        world.deployment.count(counted).await,
        40,
        "a cached answer is not counted"
    );
    assert_eq!(
        world
            .deployment
            .count("select sum(hit_count)::bigint from llm_semantic_cache")
            .await,
        60
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_cache_off_twenty_requests_are_twenty_calls() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[("LLM_CACHE", "0")]);
    for _ in 0..20 {
        world.answered(&person, "explanation", &question("why?")).await;
    }
    assert_eq!(world.receipts_of(&person.tenant).await.len(), 20);
    assert_eq!(
        world
            .deployment
            .count("select count(*) from llm_semantic_cache")
            .await,
        0
    );
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_for_the_same_user_prompt_endpoint_model_and_watermark_only() {
    let world = World::new().await;
    let person = world.person().await;
    let colleague = Person::of(&person.tenant);
    let stranger = world.person().await;
    let worker = world.worker(&[]);
    let hit = async |person: &Person, endpoint: &str, change: &Value| {
        let mut asked = question("why?");
        asked
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        world.answered(person, endpoint, &asked).await["was_cached"] == true
    };
    let same = json!({});
    assert!(!hit(&person, "explanation", &same).await, "the first");
    assert!(hit(&person, "explanation", &same).await);
    assert!(!hit(&colleague, "explanation", &same).await);
    assert!(!hit(&stranger, "explanation", &same).await);
    assert!(!hit(&person, "route", &same).await);
    assert!(!hit(&person, "explanation", &json!({"prompt": "why? "})).await);
    assert!(!hit(&person, "explanation", &json!({"max_output_tokens": 100})).await);
    assert!(!hit(&person, "explanation", &json!({"context_items": [{"a": 1}]})).await);
    assert!(!hit(&person, "explanation", &json!({"cache_enabled": false})).await);
    assert!(!hit(&person, "explanation", &json!({"cache_watermark": 2})).await);
    assert!(hit(&person, "explanation", &json!({"cache_watermark": 2})).await);
    assert!(
        !hit(&person, "explanation", &same).await,
        "the newer answer took its place"
    );
    end(worker).await;

    let other_model = include_str!("../../../data/llm_policy.json").replace("gpt-4o-mini", "gpt-4o");
    let _worker = world.worker(&[("LLM_POLICY", &other_model)]);
    assert!(!hit(&person, "explanation", &same).await, "another model");
    assert!(hit(&person, "explanation", &same).await);
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_adds_up_call_by_call_and_model_by_model() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    for (output, cents) in [(33_000, 2), (50_000, 3), (83_000, 5), (116_000, 7)] {
        world.answers_cost((0, output)).await;
        let asked = fresh_question("why?");
        world.answered(&person, "explanation", &asked).await;
        assert_eq!(world.row(&asked).await.cost_cents, cents, "{output}");
    }
    let mood = json!({"mood": "success", "input_tokens": 1000, "output_tokens": 1000});
    world.mood("anthropic", mood).await;
    let mut hard = fresh_question("prove it step-by-step, and reconcile");
    hard["response_schema"] = json!({"type": "object"});
    world.answered(&person, "investigation", &hard).await;
    assert_eq!(world.books_agree(&person.tenant).await, 2 + 3 + 5 + 7 + 2);
    let breakdown: Value = sqlx::query_scalar("select model_breakdown from llm_monthly_costs")
        .fetch_one(&world.deployment.admin)
        .await
        .unwrap();
    assert_eq!(
        breakdown,
        json!({
            "openai:gpt-4o-mini": {"cost_cents": 17, "calls": 4},
            "anthropic:claude-3-5-sonnet": {"cost_cents": 2, "calls": 1},
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_read_by_their_user_alone_and_written_by_nobody() {
    let world = World::new().await;
    let person = world.person().await;
    let (colleague, stranger) = (Person::of(&person.tenant), world.person().await);
    let _worker = world.worker(&[]);
    world.answered(&person, "investigation", &question("why?")).await;
    world
        .answered(&person, "budget_optimization", &question("why?"))
        .await;
    let app = world.deployment.app();
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
          where c.relkind = 'r' and (c.relname like 'llm%' or c.relname in ('investigations', 'budget_optimization_jobs'))
            and has_table_privilege('app_user', c.oid, 'select')",
    )
    .fetch_all(&world.deployment.admin)
    .await
    .unwrap();
    assert_eq!(tables.len(), 11, "{tables:?}");
    let mut seen = 0;
    for (who, is_own) in [(&person, true), (&colleague, false), (&stranger, false)] {
        for table in tables.iter().filter(|table| *table != "llm_breaker_state") {
            let mut transaction = app.begin().await.unwrap();
            sqlx::query("select set_config('app.current_tenant_id', $1, true), set_config('app.current_user_id', $2, true)")
                .bind(who.tenant.id.to_string())
                .bind(who.user.to_string())
                .execute(&mut *transaction)
                .await
                .unwrap();
            let count = format!("select count(*) from {table}");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count))
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            assert!(is_own || rows == 0, "{table} shows {rows} rows to somebody else");
            seen += rows;
        }
    }
    assert!(seen >= 10, "{seen}");

    for table in tables.iter().filter(|table| table.starts_with("llm")) {
        for statement in [
            format!("insert into {table} select * from {table}"),
            format!("update {table} set tenant_id = tenant_id"),
            format!("delete from {table}"),
            format!("truncate {table}"),
        ] {
            let error = sqlx::raw_sql(AssertSqlSafe(statement.clone()))
                .execute(&app)
                .await;
            let error = error.expect_err(&statement);
            let code = error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code);
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
    }
    for statement in [
        "update llm_call_audit set reason = 'x'",
        "delete from llm_call_audit",
        "truncate llm_call_audit",
    ] {
        let owner = world.deployment.pool("migration_owner", "owner");
        let error = sqlx::raw_sql(statement)
            .execute(&owner)
            .await
            .expect_err(statement);
        assert!(
            error
                .to_string()
                .contains("a row of the LLM audit is never changed"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_call_cannot_be_ended_again_nor_that_of_another_tenant() {
    let world = World::new().await;
    let (person, stranger) = (world.person().await, world.person().await);
    let _worker = world.worker(&[]);
    let asked = question("why?");
    world.answered(&person, "route", &asked).await;
    let call = world.row(&asked).await.id;
    for (tenant, step) in [
        (
            person.tenant.id,
            "select settle_llm_call($1, 1, 1, 1, 1, 'x', 500, true)",
        ),
        (person.tenant.id, "select fail_llm_call($1, 'x', 1, 3)"),
        (person.tenant.id, "select block_llm_call($1, 'x')"),
        (person.tenant.id, "select reserve_llm_budget($1, 1, 1)::text"),
        (stranger.tenant.id, "select give_up_llm_call($1, 'x')"),
    ] {
        let mut transaction = world.deployment.app().begin().await.unwrap();
        sqlx::query("select set_config('app.current_tenant_id', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        let refused = sqlx::query(step).bind(call).execute(&mut *transaction).await;
        let error = refused.expect_err(step).to_string();
        assert!(error.contains("there is no such pending call"), "{step}: {error}");
    }
    world.books_agree(&person.tenant).await;
}
