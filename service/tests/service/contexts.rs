//! What a connection served before is over: neither the API nor the worker leaves a tenant's or a user's context on
//! one, whatever it was used for.

use reqwest::Method;
use serde_json::json;

use crate::{
    deployment::{Deployment, eventually},
    task::{ON_THE_TEST_STAGE, ask as enqueue},
    tokens::{ask, claims, token},
    vendors::KINDS,
};

/// Spies where each process asks for what is nobody's: they write down who asks, and in which context.
const SPIES: &str = "
    create table contexts (who text not null, seen text not null);
    create function spy() returns void language sql as $$
      insert into contexts
      values (current_setting('application_name'),
              coalesce(current_setting('app.current_tenant_id', true), '')
              || coalesce(current_setting('app.current_user_id', true), ''))
    $$;
    alter function queue_stats() rename to true_queue_stats;
    create function queue_stats()
      returns table (queue text, pending bigint, running bigint, oldest_pending_seconds double precision)
      language plpgsql security definer
      as $$ begin perform spy(); return query select * from true_queue_stats(); end $$;
    alter function claim_task(text, text, interval, int) rename to true_claim_task;
    create function claim_task(p_queue text, p_worker text, p_lease interval, p_max_retries int) returns setof tasks
      language plpgsql security definer
      as $$ begin
        perform spy();
        return query select * from true_claim_task(p_queue, p_worker, p_lease, p_max_retries);
      end $$;";

const API: &str = "select count(*) from contexts where who = 'skeldir api'";
const WORKER: &str = "select count(*) from contexts where who = 'skeldir worker'";
/// Contexts that were met where there should be none.
pub(crate) const LEFT: &str = "select count(*) from contexts where seen <> ''";

/// A deployment whose queue notes in which context it is asked.
pub(crate) async fn spied_on() -> Deployment {
    let deployment = Deployment::new().await;
    sqlx::raw_sql(SPIES).execute(&deployment.admin).await.unwrap();
    deployment
}

/// Waits until a spy was met once more.
async fn looked(deployment: &Deployment, spy: &'static str) {
    let before = deployment.count(spy).await;
    eventually(async || match deployment.count(spy).await {
        after if after > before => Ok(()),
        _ => Err("the spy is not met any more".to_owned()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_of_any_kind_leaves_a_context_on_the_apis_connection() {
    let deployment = spied_on().await;
    let tenant = deployment.tenant().await;
    // One connection for everybody: whatever is left on it, the next look at the queues meets.
    let told = [("DATABASE_POOL_SIZE", "1"), ("BROKER_STATS_REFRESH_MS", "50")];
    let api = deployment.listening("api", "API_LISTEN", &told).await;
    let token = token(&claims(&tenant));
    for kind in &KINDS {
        let payment = (kind.body)(&format!("of.{}", kind.key_name), 101).to_string();
        for body in [payment.as_str(), &payment, "{"] {
            assert_eq!(kind.send(&api, &tenant, body.as_bytes()).await.0, 200);
            looked(&deployment, API).await;
        }
    }
    for (method, path, status) in [
        (Method::GET, "/health/ready", 200),
        (Method::GET, "/health/worker", 503),
        (Method::GET, "/api/health/detailed", 503),
        (Method::GET, "/api/reconciliation/status", 200),
        (Method::GET, "/api/reconciliation/platform/stripe", 200),
        (Method::POST, "/api/reconciliation/sync", 202),
        (Method::GET, "/api/v1/revenue/realtime", 200),
    ] {
        let response = ask(&api, method, path, &token).await;
        assert_eq!(response.status(), status, "{path}");
        looked(&deployment, API).await;
        assert_eq!(deployment.count(LEFT).await, 0, "after {path}");
    }
    // What a spy sees when something is left.
    let pool = deployment.app();
    let mut careless = pool.acquire().await.unwrap();
    sqlx::raw_sql("set app.current_user_id = 'somebody'; select * from queue_stats()")
        .execute(&mut *careless)
        .await
        .unwrap();
    assert_eq!(deployment.count(LEFT).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_leaves_a_context_on_a_connection_of_the_worker() {
    let deployment = spied_on().await;
    let tenant = deployment.tenant().await;
    let worker = deployment.worker_told(&[ON_THE_TEST_STAGE, ("WORKER_MAX_RETRIES", "0")]);
    for _ in 0..20 {
        for (queue, name) in [
            ("maintenance", "r4.sentinel_side_effect"),
            ("maintenance", "r4.poison_pill"),
            ("attribution", "r4.sentinel_side_effect"),
            ("llm", "r4.privilege_probes"),
            ("housekeeping", "r4.sentinel_side_effect"),
        ] {
            enqueue(&deployment, queue, name, Some(&tenant), json!({})).await;
        }
    }
    let undone = "select count(*) from tasks where state in ('pending', 'running')";
    deployment.until(undone, 0).await;
    looked(&deployment, WORKER).await;
    let of_the_tenant = "select count(*) from tasks where tenant_id is not null and state = 'succeeded'";
    assert_eq!(deployment.count(of_the_tenant).await, 80, "{}", worker.log());
    assert!(deployment.count(WORKER).await >= 100);
    assert_eq!(deployment.count(LEFT).await, 0);
}
