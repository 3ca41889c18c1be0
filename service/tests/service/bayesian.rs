//! Inferences: what a sampler says of known data, and what is on record when it takes too long.

use std::fs;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant, eventually},
    limits::{child, runs},
    task::{ON_THE_TEST_STAGE, ask, end, failed},
};

const INFERENCE: &str = "bayesian.run_mcmc_inference";
const ROWS: &str = "select count(*) from bayesian_inferences";

/// The limits that a test can wait for, with the binary of production.
const SHORT: [(&str, &str); 3] = [
    ON_THE_TEST_STAGE,
    ("BAYESIAN_SOFT_LIMIT_SECONDS", "2"),
    ("BAYESIAN_HARD_LIMIT_SECONDS", "3"),
];

/// What stands in `bayesian_inferences` of a task.
#[derive(Debug, sqlx::FromRow)]
struct Inference {
    tenant_id: Uuid,
    status: String,
    reason: Option<String>,
    fallback_model: Option<String>,
    fallback_lookback_days: Option<i32>,
    currency: Option<String>,
    other_events: i64,
    total_cents: i64,
    channels: Value,
    sampling: Option<Value>,
}

impl Inference {
    /// What is said of one channel.
    fn of(&self, channel: &str) -> &Value {
        let channels = self.channels.as_array().expect("a list");
        let found = channels.iter().find(|said| said["channel"] == channel);
        found.unwrap_or_else(|| panic!("no `{channel}` in {self:?}"))
    }

    /// A figure of one channel.
    fn figure(&self, channel: &str, figure: &str) -> f64 {
        self.of(channel)[figure].as_f64().expect(figure)
    }
}

async fn inference(deployment: &Deployment, task: Uuid) -> Inference {
    sqlx::query_as("select * from bayesian_inferences where task_id = $1")
        .bind(task)
        .fetch_one(&deployment.admin)
        .await
        .expect("one row")
}

async fn infer(deployment: &Deployment, tenant: &Tenant, args: Value) -> Uuid {
    ask(deployment, "llm", INFERENCE, Some(tenant), args).await
}

/// Payments of one channel, of this mean, spread as an exponential distribution is: the quantiles of it, not a draw.
async fn paid(deployment: &Deployment, tenant: &Tenant, channel: &str, events: i32, mean_cents: i32) {
    sqlx::query(
        "insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
         select $1, $2 || i, 'stripe', 'payment_intent.succeeded', $2 || i, $2, now() - interval '1 minute' * i,
                1 + floor(-$4 * ln(1 - (i - 0.5) / $3)), 'USD', '{}', gen_random_uuid()
           from generate_series(1, $3) i",
    )
    .bind(tenant.id)
    .bind(channel)
    .bind(events)
    .bind(mean_cents)
    .execute(&deployment.admin)
    .await
    .unwrap();
}

/// Three channels that bring in 10, 15 and 2 of 27 parts.
const TRUTH: [(&str, i32, i32); 3] = [
    ("direct", 500, 2_000),
    ("google_search_paid", 300, 5_000),
    ("email", 200, 1_000),
];

async fn known(deployment: &Deployment) -> Tenant {
    let tenant = deployment.tenant().await;
    for (channel, events, mean_cents) in TRUTH {
        paid(deployment, &tenant, channel, events, mean_cents).await;
    }
    tenant
}

/// The revenue of each channel, by another way than the service's.
async fn last_touch(deployment: &Deployment, tenant: &Tenant) -> Vec<(String, i64)> {
    sqlx::query_as(
        "select channel, sum(revenue_cents)::bigint from attribution_events where tenant_id = $1 group by 1 order by 1",
    )
    .bind(tenant.id)
    .fetch_all(&deployment.admin)
    .await
    .unwrap()
}

/// Whether what is on record is the last touch, to the cent, for this reason.
async fn is_last_touch(deployment: &Deployment, tenant: &Tenant, kept: &Inference, reason: &str) {
    assert_eq!(kept.status, "fallback");
    assert_eq!(kept.reason.as_deref(), Some(reason));
    assert_eq!(kept.fallback_model.as_deref(), Some("deterministic_last_touch"));
    assert_eq!(kept.fallback_lookback_days, Some(30));
    assert_eq!(kept.sampling, None);
    let truth = last_touch(deployment, tenant).await;
    let told: Vec<(String, i64)> = kept
        .channels
        .as_array()
        .expect("a list")
        .iter()
        .map(|said| {
            let channel = said["channel"].as_str().expect("a name").to_owned();
            (channel, said["revenue_cents"].as_i64().expect("whole cents"))
        })
        .collect();
    assert_eq!(told, truth);
    let whole: i64 = truth.iter().map(|(_, cents)| cents).sum();
    assert_eq!(kept.total_cents, whole);
}

/// Processes that run in the group of this one.
fn group_of(leader: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .expect("a process table")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let mut rest = stat
                .rsplit_once(')')
                .map_or("", |(_, rest)| rest)
                .split_whitespace();
            let (state, _, group) = (rest.next(), rest.next(), rest.next());
            state != Some("Z") && group == Some(leader)
        })
        .collect()
}

/// How long a task was at work, in milliseconds.
async fn took(deployment: &Deployment, task: Uuid) -> i64 {
    sqlx::query_scalar(
        "select (extract(epoch from ended_at - started_at) * 1000)::bigint from tasks where id = $1",
    )
    .bind(task)
    .fetch_one(&deployment.admin)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn known_data_has_a_posterior_that_holds_the_truth() {
    let deployment = Deployment::new().await;
    let tenant = known(&deployment).await;
    let _worker = deployment.worker();
    let task = infer(&deployment, &tenant, json!({ "seed": 7 })).await;
    let ended = end(&deployment, task).await;
    assert_eq!((ended.state.as_str(), ended.attempts), ("succeeded", 1));

    let kept = inference(&deployment, task).await;
    assert_eq!((kept.tenant_id, kept.status.as_str()), (tenant.id, "computed"));
    assert_eq!(kept.reason, None);
    let mut whole = 0.0;
    for ((channel, events, _), truth) in TRUTH.into_iter().zip([10.0, 15.0, 2.0]) {
        let (truth, said) = (truth / 27.0, kept.of(channel));
        let [mean, lower, upper] =
            ["mean_share", "lower_95", "upper_95"].map(|figure| kept.figure(channel, figure));
        assert!(lower < truth && truth < upper, "{truth} of {channel}: {said}");
        assert!(lower < mean && mean < upper && upper - lower < 0.12, "{said}");
        assert!(kept.figure(channel, "r_hat") < 1.01, "{said}");
        assert!(kept.figure(channel, "effective_sample_size") > 1_000.0, "{said}");
        assert_eq!(said["events"], events);
        whole += mean;
    }
    assert!((whole - 1.0_f64).abs() < 1e-9);
    let sampling = kept.sampling.expect("how it was found");
    for (name, value) in [
        ("seed", 7),
        ("chains", 4),
        ("draws", 1_000),
        ("kept", 4_000),
        ("divergences", 0),
    ] {
        assert_eq!(sampling[name], value, "{name}");
    }
    let result = ended.result.expect("it succeeded");
    assert_eq!(
        (&result["status"], &result["channels"]),
        (&json!("computed"), &kept.channels)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_seed_finds_the_same_twice_and_another_does_not() {
    let deployment = Deployment::new().await;
    let tenant = known(&deployment).await;
    let _worker = deployment.worker();
    let mut found = Vec::new();
    for seed in [1, 1, 2] {
        let task = infer(&deployment, &tenant, json!({ "seed": seed })).await;
        end(&deployment, task).await;
        found.push(inference(&deployment, task).await.channels);
    }
    assert_eq!(found[0], found[1]);
    assert_ne!(found[0], found[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_inferences_do_not_mix() {
    let deployment = Deployment::new().await;
    let (a, b) = (known(&deployment).await, deployment.tenant().await);
    paid(&deployment, &b, "referral", 10, 700).await;
    let _worker = deployment.worker();
    let tasks = [
        infer(&deployment, &a, json!({})).await,
        infer(&deployment, &b, json!({})).await,
    ];
    for task in tasks {
        end(&deployment, task).await;
    }
    let (of_a, of_b) = (
        inference(&deployment, tasks[0]).await,
        inference(&deployment, tasks[1]).await,
    );
    assert_eq!((of_a.tenant_id, of_b.tenant_id), (a.id, b.id));
    assert_eq!(of_a.channels.as_array().map(Vec::len), Some(3));
    assert_eq!(of_b.channels.as_array().map(Vec::len), Some(1));
    // An only channel has all there is, for certain.
    let [mean, lower] = ["mean_share", "lower_95"].map(|figure| of_b.figure("referral", figure));
    assert!(
        (mean - 1.0).abs() < 1e-9 && (lower - 1.0).abs() < 1e-9,
        "{of_b:?}"
    );
    for (tenant, task) in [(&a, tasks[0]), (&b, tasks[1])] {
        let mut transaction = deployment.app().begin().await.unwrap();
        sqlx::query("select set_config('app.current_tenant_id', $1, true)")
            .bind(tenant.id.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        let seen: Vec<Uuid> = sqlx::query_scalar("select task_id from bayesian_inferences")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(seen, [task]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_was_paid_that_is_the_answer() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    // Older than the window, free of charge: neither says anything about shares.
    paid(&deployment, &tenant, "direct", 2, 100).await;
    sqlx::raw_sql(
        "update attribution_events set event_timestamp = now() - interval '31 days' where external_event_id = 'direct1';
         update attribution_events set revenue_cents = 0 where external_event_id = 'direct2'",
    )
    .execute(&deployment.admin)
    .await
    .unwrap();
    let _worker = deployment.worker();
    let task = infer(&deployment, &tenant, json!({})).await;
    let ended = end(&deployment, task).await;
    assert_eq!(ended.state, "succeeded");
    assert_eq!(ended.result.expect("it succeeded")["status"], "no_data");
    let kept = inference(&deployment, task).await;
    assert_eq!((kept.status.as_str(), kept.total_cents), ("no_data", 0));
    assert_eq!((kept.currency, kept.channels), (None, json!([])));

    let further = infer(&deployment, &tenant, json!({ "lookback_days": 32 })).await;
    end(&deployment, further).await;
    assert_eq!(inference(&deployment, further).await.status, "computed");
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_of_two_currencies_are_never_added_up() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    for channel in ["direct", "email"] {
        paid(&deployment, &tenant, channel, 6, 100).await;
    }
    sqlx::raw_sql("update attribution_events set currency = 'JPY', revenue_cents = 100000 where external_event_id < 'direct4'")
        .execute(&deployment.admin)
        .await
        .unwrap();
    let _worker = deployment.worker();
    let task = infer(&deployment, &tenant, json!({})).await;
    end(&deployment, task).await;
    let kept = inference(&deployment, task).await;
    assert_eq!((kept.currency.as_deref(), kept.other_events), (Some("USD"), 3));
    assert!(kept.total_cents < 3_000, "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_soft_limit_an_inference_ends_and_its_fallback_is_on_record() {
    let deployment = Deployment::new().await;
    let tenant = known(&deployment).await;
    let worker = deployment.worker_told(&[SHORT[0], SHORT[1], ("BAYESIAN_HARD_LIMIT_SECONDS", "60")]);
    let task = infer(&deployment, &tenant, json!({ "draws": 1_000_000_000 })).await;
    let ended = end(&deployment, task).await;
    assert_eq!((ended.state.as_str(), ended.attempts), ("succeeded", 1));
    assert_eq!(ended.result.expect("it succeeded")["status"], "fallback");
    let kept = inference(&deployment, task).await;
    is_last_touch(&deployment, &tenant, &kept, "bayesian_soft_time_limit_exceeded").await;
    assert!(failed(&deployment, task).await.is_none());
    assert!(worker.log().contains("an inference fell back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runaway_is_dead_at_its_hard_limit_its_fallback_is_on_record_and_the_next_task_completes() {
    let deployment = Deployment::new().await;
    let tenant = known(&deployment).await;
    let worker = deployment.worker_told(&SHORT);
    let runaway = json!({ "draws": 1_000_000_000, "deaf": true });
    let task = infer(&deployment, &tenant, runaway).await;
    let next = infer(&deployment, &tenant, json!({})).await;
    let probe = ask(&deployment, "llm", "bayesian.health_probe", None, json!({})).await;
    let child = child(&worker).await;
    eventually(async || match group_of(&child) {
        group if group == [child.as_str()] => Ok(()),
        group => Err(format!("no group of its own: {group:?}")),
    })
    .await;

    let ended = end(&deployment, task).await;
    assert!(!runs(&child), "the computing process outlived its task");
    assert!(group_of(&child).is_empty());
    assert_eq!((ended.state.as_str(), ended.attempts), ("succeeded", 1));
    let result = ended.result.expect("it succeeded");
    assert_eq!(result["status"], "fallback");
    assert_eq!(result["reason"], "bayesian_hard_time_limit_exceeded");
    let kept = inference(&deployment, task).await;
    is_last_touch(&deployment, &tenant, &kept, "bayesian_hard_time_limit_exceeded").await;
    let took = took(&deployment, task).await;
    assert!((3_000..10_000).contains(&took), "it took {took} ms");

    let ended = end(&deployment, next).await;
    assert_eq!((ended.state.as_str(), ended.attempts), ("succeeded", 1));
    assert_eq!(inference(&deployment, next).await.status, "computed");
    assert_eq!(end(&deployment, probe).await.state, "succeeded");
    assert_eq!(deployment.count(ROWS).await, 2);
    assert!(runs(&worker.id().to_string()), "{}", worker.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inference_whose_worker_was_killed_is_done_by_another_and_leaves_one_row() {
    let deployment = Deployment::new().await;
    let tenant = known(&deployment).await;
    let first = deployment.worker();
    let task = infer(&deployment, &tenant, json!({ "draws": 1_000_000_000 })).await;
    let child = child(&first).await;
    first.kill();
    let _second = deployment.worker_told(&SHORT);
    let ended = end(&deployment, task).await;
    assert_eq!((ended.state.as_str(), ended.attempts), ("succeeded", 2));
    assert!(!runs(&child), "the first computing process outlived its worker");
    assert_eq!(deployment.count(ROWS).await, 1);
    let again = sqlx::query(
        "insert into bayesian_inferences (tenant_id, task_id, correlation_id, status, window_start, window_end,
                total_cents, channels)
         select tenant_id, task_id, correlation_id, 'no_data', window_start, window_end, 0, '[]' from bayesian_inferences",
    )
    .execute(&deployment.admin)
    .await
    .expect_err("there is one");
    let constraint = again
        .as_database_error()
        .and_then(|error| error.constraint().map(str::to_owned));
    assert_eq!(constraint.as_deref(), Some("one_inference_per_task"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_in_words() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker();
    for (tenant, args, words) in [
        (None, json!({}), "it is done for a tenant"),
        (
            Some(&tenant),
            json!({ "draws": 7 }),
            "`draws` is not from 100 to 10^9",
        ),
        (
            Some(&tenant),
            json!({ "chains": 1 }),
            "`chains` is not from 2 to 8",
        ),
        (
            Some(&tenant),
            json!({ "lookback_days": 366 }),
            "`lookback_days` is not from 1 to 365",
        ),
        (
            Some(&tenant),
            json!({ "deaf": true }),
            "`deaf` is for drills, and there are none on this stage",
        ),
        (
            Some(&tenant),
            json!({ "what": 1 }),
            "`args` may hold the whole numbers `lookback_days`, `chains`, `draws` and `seed`, and nothing else",
        ),
    ] {
        let task = ask(&deployment, "llm", INFERENCE, tenant, args).await;
        assert_eq!(end(&deployment, task).await.attempts, 1);
        let kept = failed(&deployment, task).await.expect("it was given up");
        assert_eq!(
            (kept.error_type.as_str(), kept.error_message.as_str()),
            ("validation_error", words)
        );
    }
    assert_eq!(deployment.count(ROWS).await, 0);
}

/// What the worker says it was told, when it starts.
async fn started(worker: &Service) -> String {
    eventually(async || {
        let log = worker.log();
        let line = log
            .lines()
            .find(|line| line.contains("BAYESIAN_HARD_LIMIT_SECONDS"));
        line.map(str::to_owned).ok_or(log)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_that_hold_are_in_the_start_up_line() {
    let deployment = Deployment::new().await;
    for (told, limits) in [(&SHORT[..], ["2", "3"]), (&[], ["270", "300"])] {
        let line = started(&deployment.worker_told(told)).await;
        for (name, limit) in ["SOFT", "HARD"].into_iter().zip(limits) {
            let shown = format!("BAYESIAN_{name}_LIMIT_SECONDS\":\"{limit}\"");
            assert!(line.replace('\\', "").contains(&shown), "no {shown} in {line}");
        }
    }
}
