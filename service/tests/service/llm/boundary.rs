//! The guards before the provider, each in its place.

use serde_json::{Value, json};

use super::world::{A_CENT, TWENTY_CENTS, World, end, fresh_question, question, well_within_an_hour};

async fn is_blocked(world: &World, request: &Value, result: &Value, reason: &str) {
    assert_eq!(
        (&result["status"], &result["blocked_reason"]),
        (&json!("blocked"), &json!(reason))
    );
    let row = world.row(request).await;
    assert_eq!(row.end(), ("blocked", Some(reason)));
    assert_eq!(
        (row.provider_attempted, row.cost_cents, row.audit_rows),
        (false, 0, 1)
    );
    assert_eq!(
        world.receipts(request).await,
        [] as [Value; 0],
        "the provider heard of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_booked_audited_and_paid_once_and_the_call_carries_the_boundarys_tag() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    world.answers_cost(A_CENT).await;
    let asked = question("why did revenue move?");
    let result = world.answered(&person, "explanation", &asked).await;
    assert_eq!(result["status"], "accepted");
    assert_eq!(result["was_cached"], false);
    assert!(
        result["explanation"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    let row = world.row(&asked).await;
    assert_eq!(result["api_call_id"], json!(row.id));
    assert_eq!(
        (row.end(), row.cost_cents, row.provider_calls, row.audit_rows),
        (("success", None), 1, 1, 1)
    );
    let [receipt] = &world.receipts(&asked).await[..] else {
        panic!("one receipt")
    };
    assert_eq!(
        (&receipt["boundary_id"], &receipt["tenant_id"], &receipt["model"]),
        (
            &json!("b07_p3_aisuite_chokepoint"),
            &json!(person.tenant.id),
            &json!("gpt-4o-mini")
        )
    );
    assert_eq!(world.books_agree(&person.tenant).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_kill_switch_of_the_environment_nothing_reaches_a_provider() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[("LLM_PROVIDER_KILL_SWITCH", "1")]);
    for endpoint in ["route", "explanation", "investigation", "budget_optimization"] {
        let asked = question("why?");
        let result = world.answered(&person, endpoint, &asked).await;
        is_blocked(&world, &asked, &result, "provider_kill_switch").await;
    }
    assert_eq!(world.books_agree(&person.tenant).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_kill_switch_of_a_request_that_request_reaches_no_provider() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    let mut killed = question("why?");
    killed["provider_kill_switch"] = json!(true);
    let result = world.answered(&person, "route", &killed).await;
    is_blocked(&world, &killed, &result, "provider_kill_switch").await;
    let other = question("why?");
    assert_eq!(
        world.answered(&person, "route", &other).await["status"],
        "accepted"
    );
    assert_eq!(world.receipts(&other).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_in_which_the_threshold_was_spent_is_shut_off_for_that_user_alone() {
    let world = World::new().await;
    well_within_an_hour(&world).await;
    let person = world.person().await;
    let _worker = world.worker(&[("LLM_HOURLY_THRESHOLD_CENTS", "50")]);
    world.answers_cost(TWENTY_CENTS).await;
    for _ in 0..3 {
        let asked = fresh_question("why?");
        assert_eq!(
            world.answered(&person, "explanation", &asked).await["status"],
            "accepted"
        );
    }
    let fourth = fresh_question("why?");
    let result = world.answered(&person, "explanation", &fourth).await;
    is_blocked(&world, &fourth, &result, "hourly_threshold_exceeded").await;
    let colleague = super::world::Person::of(&person.tenant);
    let asked = fresh_question("why?");
    assert_eq!(
        world.answered(&colleague, "explanation", &asked).await["status"],
        "accepted"
    );
    assert_eq!(world.books_agree(&person.tenant).await, 80);
    let ends: bool = sqlx::query_scalar(
        "select disabled_until = hour + interval '1 hour' from llm_hourly_shutoff_state where is_shutoff",
    )
    .fetch_one(&world.deployment.admin)
    .await
    .unwrap();
    assert!(ends);

    // When the hour is over, so is the shutoff.
    sqlx::raw_sql(
        "update llm_hourly_shutoff_state set hour = hour - interval '1 hour', disabled_until = hour where is_shutoff",
    )
    .execute(&world.deployment.admin)
    .await
    .unwrap();
    let later = fresh_question("why?");
    assert_eq!(
        world.answered(&person, "explanation", &later).await["status"],
        "accepted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_at_once_at_twenty_cents_on_a_cap_of_forty_are_exactly_two() {
    let world = World::new().await;
    let person = world.person().await;
    world
        .mood(
            "openai",
            json!({"mood": "slow", "delay_ms": 400, "input_tokens": TWENTY_CENTS.0, "output_tokens": TWENTY_CENTS.1}),
        )
        .await;
    let asked: Vec<Value> = (0..5)
        .map(|_| {
            let mut asked = fresh_question("why?");
            asked["max_cost_cents"] = json!(20);
            asked
        })
        .collect();
    let mut tasks = Vec::new();
    for asked in &asked {
        tasks.push(world.ask(&person, "explanation", asked).await);
    }
    let _worker = world.worker(&[
        ("LLM_MONTHLY_CAP_CENTS", "40"),
        ("WORKER_LLM_LANES", "5"),
        ("DATABASE_POOL_SIZE", "12"),
    ]);
    let mut answered = 0;
    for (asked, task) in asked.iter().zip(tasks) {
        let result = world.result(&person, task).await;
        if result["status"] == "accepted" {
            answered += 1;
        } else {
            is_blocked(&world, asked, &result, "monthly_cap_exceeded").await;
        }
    }
    assert_eq!(answered, 2);
    assert_eq!(world.receipts_of(&person.tenant).await.len(), 2);
    assert_eq!(world.books_agree(&person.tenant).await, 40);
    let states = "select count(*) from llm_budget_reservations where state = 'blocked'";
    assert_eq!(world.deployment.count(states).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_that_the_operator_gave_a_user_holds_for_that_user_and_a_request_above_it_is_never_made() {
    let world = World::new().await;
    let (person, other) = (world.person().await, world.person().await);
    sqlx::query("select set_llm_cap($1, $2, 19)")
        .bind(person.tenant.id)
        .bind(person.user)
        .execute(&world.deployment.pool("migration_owner", "owner"))
        .await
        .unwrap();
    let _worker = world.worker(&[("LLM_MAX_COST_CENTS", "20")]);
    let asked = question("why?");
    let result = world.answered(&person, "route", &asked).await;
    is_blocked(&world, &asked, &result, "monthly_cap_exceeded").await;
    assert_eq!(
        world.answered(&other, "route", &question("why?")).await["status"],
        "accepted"
    );
    let mut small = question("why?");
    small["max_cost_cents"] = json!(19);
    assert_eq!(
        world.answered(&person, "route", &small).await["status"],
        "accepted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_fifty_milliseconds_is_too_slow_for_ten_and_not_for_three_hundred() {
    let world = World::new().await;
    let person = world.person().await;
    world
        .mood("openai", json!({"mood": "slow", "delay_ms": 50}))
        .await;
    let worker = world.worker(&[("LLM_TIMEOUT_MS", "10")]);
    let cut = fresh_question("why?");
    let result = world.answered(&person, "route", &cut).await;
    assert_eq!(
        (&result["status"], &result["failure_reason"]),
        (&json!("failed"), &json!("provider_timeout"))
    );
    let row = world.row(&cut).await;
    assert_eq!(
        (row.end(), row.provider_attempted, row.cost_cents, row.audit_rows),
        (("failed", Some("provider_timeout")), true, 0, 1)
    );
    end(worker).await;

    let _worker = world.worker(&[("LLM_TIMEOUT_MS", "300")]);
    let patient = fresh_question("why?");
    assert_eq!(
        world.answered(&person, "route", &patient).await["status"],
        "accepted"
    );
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_is_the_first_one_told_again_and_no_book_moves() {
    let world = World::new().await;
    let person = world.person().await;
    let _worker = world.worker(&[]);
    world.answers_cost(A_CENT).await;
    let asked = question("why?");
    let first = world.answered(&person, "investigation", &asked).await;
    let books = "select (select count(*) from llm_call_audit) + (select sum(total_calls) from llm_monthly_costs)::bigint
                      + (select count(*) from llm_budget_reservations) + (select count(*) from investigations)";
    let before = (world.deployment.count(books).await, world.row(&asked).await);
    for _ in 0..2 {
        assert_eq!(world.answered(&person, "investigation", &asked).await, first);
    }
    assert_eq!(
        (world.deployment.count(books).await, world.row(&asked).await),
        before
    );
    assert_eq!(world.receipts(&asked).await.len(), 1);
    assert_eq!(world.books_agree(&person.tenant).await, 1);
    // At another door it is another request.
    world.answered(&person, "route", &asked).await;
    assert_eq!(world.rows(&asked["request_id"]).await.len(), 2);
    assert_eq!(world.receipts(&asked).await.len(), 2);
    assert_eq!(world.books_agree(&person.tenant).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_another_users_id_is_refused_and_tells_nothing() {
    let world = World::new().await;
    let person = world.person().await;
    let colleague = super::world::Person::of(&person.tenant);
    let _worker = world.worker(&[]);
    let asked = question("why?");
    world.answered(&person, "route", &asked).await;
    let task = world.ask(&colleague, "route", &asked).await;
    let end = crate::task::end(&world.deployment, task).await;
    assert_eq!(
        (end.state.as_str(), end.attempts, end.result),
        ("failed", 1, None)
    );
    let kept = crate::task::failed(&world.deployment, task)
        .await
        .expect("it is kept");
    assert_eq!(
        (kept.error_type.as_str(), kept.error_message.as_str()),
        ("validation_error", "`request_id` belongs to another user")
    );
    // Another tenant's requests have ids of their own.
    let stranger = world.person().await;
    assert_eq!(
        world.answered(&stranger, "route", &asked).await["status"],
        "accepted"
    );
    assert_eq!(world.rows(&asked["request_id"]).await.len(), 2);
    assert_eq!(world.receipts_of(&stranger.tenant).await.len(), 1);
    world.books_agree(&stranger.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_on_its_way_is_told_as_pending() {
    let world = World::new().await;
    let person = world.person().await;
    world
        .mood("openai", json!({"mood": "slow", "delay_ms": 700}))
        .await;
    let _worker = world.worker(&[]);
    let asked = question("why?");
    let first = world.ask(&person, "route", &asked).await;
    world
        .deployment
        .until("select count(*) from llm_api_calls where status = 'pending'", 1)
        .await;
    assert_eq!(
        world.answered(&person, "route", &asked).await["status"],
        "pending"
    );
    assert_eq!(world.result(&person, first).await["status"], "accepted");
    assert_eq!(world.receipts(&asked).await.len(), 1);
    world.books_agree(&person.tenant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_off_releases_nothing_that_was_promised_to_another_of_their_calls() {
    let world = World::new().await;
    well_within_an_hour(&world).await;
    let person = world.person().await;
    let slow = json!({"mood": "slow", "delay_ms": 800, "input_tokens": TWENTY_CENTS.0, "output_tokens": TWENTY_CENTS.1});
    world.mood("openai", slow).await;
    let _worker = world.worker(&[("LLM_HOURLY_THRESHOLD_CENTS", "1")]);
    let first = fresh_question("why?");
    let under_way = world.ask(&person, "explanation", &first).await;
    let reserved = "select coalesce(sum(reserved_cents), 0)::bigint from llm_monthly_budget_state";
    world.deployment.until(reserved, 50).await;
    sqlx::query(
        "insert into llm_hourly_shutoff_state (tenant_id, user_id, hour, is_shutoff, reason, disabled_until)
         select $1, $2, h, true, 'hourly_threshold_exceeded', h + interval '1 hour'
           from date_trunc('hour', clock_timestamp(), 'UTC') h",
    )
    .bind(person.tenant.id)
    .bind(person.user)
    .execute(&world.deployment.admin)
    .await
    .unwrap();
    let second = fresh_question("why?");
    let result = world.answered(&person, "explanation", &second).await;
    is_blocked(&world, &second, &result, "hourly_threshold_exceeded").await;
    assert_eq!(
        world.deployment.count(reserved).await,
        50,
        "it was the first one's"
    );
    assert_eq!(world.result(&person, under_way).await["status"], "accepted");
    assert_eq!(world.books_agree(&person.tenant).await, 20);
}
