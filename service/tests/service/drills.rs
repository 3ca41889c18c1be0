//! The drills: what a worker does about tasks that fail, crash, run away or reach for what is not theirs.

use serde_json::json;

use crate::{
    deployment::{Deployment, Service},
    task::{ON_THE_TEST_STAGE, drill, end, failed},
};

const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";
const EFFECTS: &str = "select count(*) from worker_side_effects";

fn worker(deployment: &Deployment) -> Service {
    deployment.worker_told(&[ON_THE_TEST_STAGE])
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_poison_pills_are_each_tried_four_times_and_kept_once() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = worker(&deployment);
    for _ in 0..10 {
        drill(&deployment, "r4.poison_pill", &tenant, json!({})).await;
    }
    deployment.until(UNDONE, 0).await;
    let kept =
        "select count(*) from worker_failed_jobs where retry_count = 3 and error_type = 'application_error'";
    assert_eq!(deployment.count(kept).await, 10);
    let tried = "select count(*) from (
                   select task_id from r4_task_attempts group by task_id having array_agg(attempt_no order by attempt_no) = '{1,2,3,4}'
                 ) four";
    assert_eq!(deployment.count(tried).await, 10);
    assert_eq!(deployment.count(EFFECTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_has_failed_and_takes_no_lane_with_it() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = worker(&deployment);
    let task = drill(&deployment, "r4.poison_pill", &tenant, json!({ "panics": true })).await;
    assert_eq!(end(&deployment, task).await.attempts, 4);
    let kept = failed(&deployment, task).await.expect("it was given up");
    assert_eq!(kept.error_message, "the task panicked");
    let next = drill(&deployment, "r4.sentinel_side_effect", &tenant, json!({})).await;
    assert_eq!(end(&deployment, next).await.state, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_its_effect_and_its_acknowledgement_leaves_one_effect() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let mut worker = self::worker(&deployment);
    for killed in 1..=3 {
        let task = drill(&deployment, "r4.crash_after_write_pre_ack", &tenant, json!({})).await;
        deployment
            .until("select count(*) from r4_crash_barriers", killed)
            .await;
        worker.kill();
        worker = self::worker(&deployment);
        let end = end(&deployment, task).await;
        assert_eq!((end.state.as_str(), end.attempts), ("succeeded", 2));
        assert_eq!(end.result, Some(json!({ "wrote": false })));
        assert_eq!(deployment.count(EFFECTS).await, killed);
    }
    assert_eq!(
        deployment.count("select count(*) from worker_failed_jobs").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_sees_rows_of_its_own_tenant_and_of_no_other() {
    let deployment = Deployment::new().await;
    let (a, b) = (deployment.tenant().await, deployment.tenant().await);
    let _worker = worker(&deployment);
    let row: uuid::Uuid = sqlx::query_scalar(
        "insert into worker_side_effects (tenant_id, task_id, correlation_id, effect_key)
         values ($1, gen_random_uuid(), gen_random_uuid(), 'seed') returning id",
    )
    .bind(b.id)
    .fetch_one(&deployment.admin)
    .await
    .unwrap();
    for (tenant, seen) in [(&a, 0), (&b, 1)] {
        let probe = drill(
            &deployment,
            "r4.rls_cross_tenant_probe",
            tenant,
            json!({ "target": row }),
        )
        .await;
        assert_eq!(
            end(&deployment, probe).await.result,
            Some(json!({ "visible_rows": seen }))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runaway_starves_nobody() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = worker(&deployment);
    let runaway = drill(&deployment, "r4.runaway_sleep", &tenant, json!({})).await;
    for _ in 0..10 {
        drill(&deployment, "r4.sentinel_side_effect", &tenant, json!({})).await;
    }
    deployment.until(EFFECTS, 10).await;
    assert_eq!(end(&deployment, runaway).await.state, "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_powers_are_refused_with_their_own_sqlstate() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = worker(&deployment);
    let probe = drill(&deployment, "r4.privilege_probes", &tenant, json!({})).await;
    let result = end(&deployment, probe).await.result.expect("it was not given up");
    let told = result["sqlstates"].as_object().expect("by name");
    assert_eq!(told.len(), 7);
    assert!(told.values().all(|code| code == "42501"), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_power_too_many_fails_the_probe() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    sqlx::raw_sql("grant create on schema public to app_rw")
        .execute(&deployment.admin)
        .await
        .unwrap();
    let _worker = worker(&deployment);
    let probe = drill(&deployment, "r4.privilege_probes", &tenant, json!({})).await;
    assert_eq!(end(&deployment, probe).await.state, "failed");
    let mine = "select count(*) from pg_class where relname = 'r4_mine'";
    assert_eq!(deployment.count(mine).await, 0, "what was tried was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_a_drill_is_a_task_nobody_knows() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let id = tenant.id.to_string();
    let args = ["enqueue", "r4.sentinel_side_effect", "--tenant", &id];
    let refused = deployment.run(&args, &[]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        words.contains("there is no task `r4.sentinel_side_effect`"),
        "{words}"
    );
    assert!(!words.contains("r4.poison_pill"), "{words}");

    // Somebody may have put it there all the same.
    let put = deployment.run(&args, &[ON_THE_TEST_STAGE]);
    let task = String::from_utf8_lossy(&put.stdout)
        .trim()
        .parse()
        .expect("its id");
    let _worker = deployment.worker();
    assert_eq!(end(&deployment, task).await.attempts, 1);
    let kept = failed(&deployment, task).await.expect("it was given up");
    assert_eq!(
        (kept.error_type.as_str(), kept.error_message.as_str()),
        ("validation_error", "there is no such task")
    );
    assert_eq!(deployment.count(EFFECTS).await, 0);
}
