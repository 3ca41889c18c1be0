//! One tenant, fourteen dispatches, and what the four dashboards say of them: to psql as well.

use std::process::Command;

use serde_json::{Value, json};

use super::world::{A_CENT, Person, World, fresh_question, question, well_within_an_hour};
use crate::cluster;

/// What psql prints of a dashboard in a person's context: a header, then a line for each row.
fn printed(world: &World, person: &Person, dashboard: &str) -> Vec<String> {
    let file = format!("{}/dashboards/{dashboard}.sql", env!("CARGO_MANIFEST_DIR"));
    let context = format!(
        "set app.current_tenant_id = '{}'; set app.current_user_id = '{}'",
        person.tenant.id, person.user
    );
    let output = Command::new(cluster::binaries().join("psql"))
        .arg(&world.deployment.environment["DATABASE_URL"])
        .args([
            "--no-psqlrc",
            "--quiet",
            "--csv",
            "--set=ON_ERROR_STOP=1",
            "-c",
            &context,
            "-f",
            &file,
        ])
        .output()
        .expect("psql runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

/// Who asks: one whose questions are answered, one whose provider fails, one who is shut off.
struct People {
    primary: Person,
    breaking: Person,
    shut: Person,
}

/// The fourteen dispatches.
async fn play(
    world: &World,
    People {
        primary,
        breaking,
        shut,
    }: &People,
) {
    // Primary: four tasks, a cached pair, a replayed pair, one that is killed: nine dispatches.
    for endpoint in ["route", "explanation", "investigation", "budget_optimization"] {
        let asked = fresh_question("why?");
        assert_eq!(
            world.answered(primary, endpoint, &asked).await["status"],
            "accepted"
        );
    }
    let seed = question("why again?");
    world.answered(primary, "explanation", &seed).await;
    let mut hit = seed.clone();
    hit["request_id"] = question("")["request_id"].clone();
    assert_eq!(
        world.answered(primary, "explanation", &hit).await["was_cached"],
        true
    );
    let twice = fresh_question("why twice?");
    let first = world.answered(primary, "explanation", &twice).await;
    assert_eq!(world.answered(primary, "explanation", &twice).await, first);
    let mut killed = fresh_question("why not?");
    killed["provider_kill_switch"] = json!(true);
    assert_eq!(
        world.answered(primary, "explanation", &killed).await["status"],
        "blocked"
    );

    // Somebody whose provider fails: four dispatches.
    world.mood("openai", json!({"mood": "upstream"})).await;
    for _ in 0..3 {
        assert_eq!(
            world
                .answered(breaking, "explanation", &fresh_question("why?"))
                .await["status"],
            "failed"
        );
    }
    let open = world
        .answered(breaking, "explanation", &fresh_question("why?"))
        .await;
    assert_eq!(open["blocked_reason"], "breaker_open");

    // Somebody who is shut off, as spending would have done it: one dispatch.
    sqlx::query(
        "insert into llm_hourly_shutoff_state (tenant_id, user_id, hour, total_cost_cents, total_calls, is_shutoff, reason,
                                               disabled_until)
         select $1, $2, h, 500, 25, true, 'hourly_threshold_exceeded', h + interval '1 hour'
           from date_trunc('hour', clock_timestamp(), 'UTC') h",
    )
    .bind(shut.tenant.id)
    .bind(shut.user)
    .execute(&world.deployment.admin)
    .await
    .unwrap();
    let off = world.answered(shut, "explanation", &fresh_question("why?")).await;
    assert_eq!(off["blocked_reason"], "hourly_threshold_exceeded");
}

/// What the books and the provider counted.
async fn counted(
    world: &World,
    People {
        primary,
        breaking,
        shut,
    }: &People,
) {
    assert_eq!(
        world
            .deployment
            .count("select count(*) from tasks where name like 'llm.%'")
            .await,
        14
    );
    let per_user = "select count(*) from llm_api_calls where user_id = $1";
    for (person, rows) in [(primary, 8), (breaking, 4), (shut, 1)] {
        let found: i64 = sqlx::query_scalar(per_user)
            .bind(person.user)
            .fetch_one(&world.deployment.admin)
            .await
            .unwrap();
        assert_eq!(found, rows);
    }
    assert_eq!(
        world
            .deployment
            .count("select count(*) from llm_call_audit")
            .await,
        13
    );
    let calls: Vec<Value> = world.receipts_of(&primary.tenant).await;
    assert_eq!(calls.len(), 9);
}

/// What the dashboards say.
fn looked_at(
    world: &World,
    People {
        primary,
        breaking,
        shut,
    }: &People,
) {
    let month = printed(world, primary, "01_monthly_spend");
    assert_eq!(month[0], "tenant_id,user_id,month,total_cost_cents,total_calls");
    assert_eq!(month.len(), 2);
    assert!(
        month[1].starts_with(&format!("{},{},", primary.tenant.id, primary.user)),
        "{month:?}"
    );
    assert!(month[1].ends_with(",6,6"), "{month:?}");
    assert_eq!(
        printed(world, primary, "02_cache_hit_rate"),
        [
            "endpoint,total_calls,cache_hits,cache_hit_rate_pct",
            "budget_optimization,1,0,0.00",
            "explanation,5,1,20.00",
            "investigation,1,0,0.00",
            "route,1,0,0.00",
        ]
    );
    let states = printed(world, breaking, "03_breaker_shutoff_state");
    assert_eq!(
        states[0],
        "state_type,tenant_id,user_id,state_key,state_value,failure_count,opened_at,updated_at"
    );
    let breaker = format!("breaker,{},,openai,open,3,", primary.tenant.id);
    assert_eq!(states.len(), 2, "{states:?}");
    assert!(states[1].starts_with(&breaker), "{states:?}");
    let states = printed(world, shut, "03_breaker_shutoff_state");
    let shutoff = format!("hourly_shutoff,{},{},", shut.tenant.id, shut.user);
    assert!(
        states
            .iter()
            .any(|line| line.starts_with(&shutoff) && line.contains("Z,true,,,")),
        "{states:?}"
    );
    let models = printed(world, primary, "04_provider_cost_latency_distribution");
    assert_eq!(
        models[0],
        "provider,model,status,call_count,total_cost_cents,min_latency_ms,avg_latency_ms,max_latency_ms"
    );
    assert!(
        models[1].starts_with("openai,gpt-4o-mini,blocked,1,0,,,"),
        "{models:?}"
    );
    assert!(
        models[2].starts_with("openai,gpt-4o-mini,success,7,6,"),
        "{models:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fourteen_dispatches_are_thirteen_rows_and_nine_calls_and_the_dashboards_say_so() {
    let world = World::new().await;
    well_within_an_hour(&world).await;
    let primary = world.person().await;
    let people = People {
        breaking: Person::of(&primary.tenant),
        shut: Person::of(&primary.tenant),
        primary,
    };
    let _worker = world.worker(&[]);
    world.answers_cost(A_CENT).await;
    play(&world, &people).await;
    counted(&world, &people).await;
    looked_at(&world, &people);

    // Without anybody's context they are empty, and no error.
    let nobody = Person::of(&world.deployment.tenant().await);
    for dashboard in [
        "01_monthly_spend",
        "02_cache_hit_rate",
        "03_breaker_shutoff_state",
        "04_provider_cost_latency_distribution",
    ] {
        assert_eq!(printed(&world, &nobody, dashboard).len(), 1, "{dashboard}");
    }
    // What was planted was never spent.
    sqlx::query("delete from llm_hourly_shutoff_state where user_id = $1")
        .bind(people.shut.user)
        .execute(&world.deployment.admin)
        .await
        .unwrap();
    assert_eq!(world.books_agree(&people.primary.tenant).await, 6);
}
