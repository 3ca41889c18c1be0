//! Tenants are kept apart, the service may do what it needs, and provisioning and migrating end where they should.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::{
    deployment::Deployment,
    webhook::{payment, send},
};

/// The SQLSTATE of a statement that must not succeed.
async fn refusal(pool: &PgPool, statement: &str) -> String {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(pool)
        .await
        .expect_err(statement);
    error
        .as_database_error()
        .expect(statement)
        .code()
        .expect(statement)
        .into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tenants_context_its_rows_are_not_there_and_that_is_no_error() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    send(&api, &a, Some("k"), payment("1", 101).to_string()).await;
    send(&api, &a, Some("bad"), "{").await;
    let app = deployment.app();
    let contexts = [
        ("own", Some(a.id.to_string()), 2),
        ("another's", Some(b.id.to_string()), 0),
        ("none", None, 0),
        ("an empty one", Some(String::new()), 0),
        ("garbage", Some("not-a-uuid".to_owned()), 0),
    ];
    for (what, context, seen) in contexts {
        let mut transaction = app.begin().await.unwrap();
        if let Some(context) = context {
            let set = "select set_config('app.current_tenant_id', $1, true)";
            sqlx::query(set)
                .bind(context)
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        let rows: i64 = sqlx::query_scalar(
            "select (select count(*) from attribution_events) + (select count(*) from dead_events)",
        )
        .fetch_one(&mut *transaction)
        .await
        .expect(what);
        assert_eq!(rows, seen, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_served_a_tenant_remembers_nothing_and_writes_nothing() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    send(&api, &tenant, Some("k"), payment("1", 101).to_string()).await;
    let mut connection = PgConnection::connect(&deployment.environment["DATABASE_URL"])
        .await
        .unwrap();
    let (outcome,): (String,) = sqlx::query_as(
        "select outcome from ingest_event($1, 'k', 'stripe', 'payment_intent.succeeded', 'pi_1', 'unknown', null,
                                          now(), 101, 'USD', '{}', gen_random_uuid(), '1.0.0', '0')",
    )
    .bind(tenant.id)
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(outcome, "duplicate");
    let seen: i64 = sqlx::query_scalar("select count(*) from attribution_events")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(seen, 0);
    let written = sqlx::query(
        "insert into dead_events (tenant_id, idempotency_key, source, error_type, error_message, raw_payload, correlation_id)
         values ($1, 'x', 'stripe', 'schema_validation', '', '{\"idempotency_key\": \"x\"}', gen_random_uuid())",
    )
    .bind(tenant.id)
    .execute(&mut connection)
    .await;
    let code = written
        .unwrap_err()
        .as_database_error()
        .unwrap()
        .code()
        .unwrap()
        .into_owned();
    assert_eq!(code, "42501");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_may_do_nothing_that_it_does_not_need() {
    let deployment = Deployment::new().await;
    let app = deployment.app();
    for statement in [
        "select * from tenants",
        "select * from tasks",
        "select * from worker_failed_jobs",
        "select * from attribution_recompute_jobs",
        "select * from matview_refresh_jobs",
        "insert into matview_refresh_jobs default values",
        "select request_refresh(1, null, null, '0')",
        "select matviews.make('mine', 'i', 'select 1 as i')",
        "select * from platform_connections",
        "delete from revenue_cache_entries",
        "select connect_platform(gen_random_uuid(), 'stripe', 'acct_1', 'k', 'b')",
        "insert into tasks (queue, name) values ('llm', 'x')",
        "select * from schedule_slots",
        "insert into schedule_slots (schedule, slot) values ('privacy.retention', now())",
        "update worker_side_effects set effect_key = 'x'",
        "delete from worker_side_effects",
        "delete from r4_task_attempts",
        "delete from r4_crash_barriers",
        "insert into pii_audit_findings (tenant_id, table_name, column_name, record_id, key)
         values (gen_random_uuid(), 't', 'c', 'r', 'k')",
        "delete from pii_audit_findings",
        "update bayesian_inferences set total_cents = 0",
        "delete from bayesian_inferences",
        "update attribution_events set revenue_cents = 0",
        "delete from attribution_events",
        "update dead_events set error_type = 'pii_violation'",
        "delete from dead_events",
        "delete from attribution_allocations",
        "truncate attribution_events",
        "select seed_tenant(gen_random_uuid(), 'a', 'b', 'c', 'd', 'e', 'f')",
        "select put_task('llm', 'x', null, '{}', null, null, null, '0')",
        "select enqueue('llm', 'x', gen_random_uuid(), '{}')",
        "select request_recompute(gen_random_uuid(), current_date, '1.0.0', null, null, '0')",
        "alter table attribution_events disable row level security",
        "alter role app_user bypassrls",
        "create table mine (i int)",
        "create temporary table mine (i int)",
        "create role mine",
        "set role migration_owner",
    ] {
        assert_eq!(refusal(&app, statement).await, "42501", "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_owns_nothing_and_is_in_two_groups() {
    let deployment = Deployment::new().await;
    let powers =
        "select count(*) from pg_roles where rolname in ('app_user', 'migration_owner', 'app_rw', 'app_ro')
                    and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)";
    assert_eq!(deployment.count(powers).await, 0);
    let owned = "select (select count(*) from pg_class where relowner = 'app_user'::regrole)
                      + (select count(*) from pg_proc where proowner = 'app_user'::regrole)
                      + (select count(*) from pg_namespace where nspowner = 'app_user'::regrole)
                      + (select count(*) from pg_database where datdba = 'app_user'::regrole)";
    assert_eq!(deployment.count(owned).await, 0);
    let groups: Vec<String> = sqlx::query_scalar(
        "select roleid::regrole::text from pg_auth_members where member = 'app_user'::regrole order by 1",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    assert_eq!(groups, ["app_ro", "app_rw"]);
    let see_all = "select count(*) from pg_roles where rolbypassrls and not rolsuper and not rolcanlogin";
    assert_eq!(deployment.count(see_all).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_is_on_record_under_its_owner_and_a_second_time_changes_nothing() {
    let deployment = Deployment::new().await;
    let provisioning = deployment.cluster.provisioning.lock().await;
    for role in ["provision", "migrate"] {
        assert!(deployment.run(&[role], &[]).status.success(), "{role}");
    }
    drop(provisioning);
    let record = "select (count(*) = max(known) and bool_and(installed_by = 'migration_owner'))::int::bigint
                    from schema_migrations";
    assert_eq!(deployment.count(record).await, 1);
    let foreign = "select count(*) from pg_class where relnamespace = 'public'::regnamespace
                      and relkind in ('r', 'p', 'v', 'm', 'S') and relowner <> 'migration_owner'::regrole";
    assert_eq!(deployment.count(foreign).await, 0);
    let open = "select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
                 where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
                   and not (c.relrowsecurity and c.relforcerowsecurity)";
    assert_eq!(deployment.count(open).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_as_an_owner_and_on_utf8_only() {
    let deployment = Deployment::new().await;
    let powerful = deployment.cluster.admin(&deployment.database);
    let output = deployment.run(&["migrate"], &[("MIGRATION_DATABASE_URL", &powerful)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`postgres` is a superuser"));

    let ascii = format!("{}_ascii", deployment.database);
    let create =
        format!("create database {ascii} encoding 'SQL_ASCII' template template0 owner migration_owner");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&deployment.admin)
        .await
        .unwrap();
    let dsn = deployment.environment["MIGRATION_DATABASE_URL"].replace(&deployment.database, &ascii);
    let output = deployment.run(&["migrate"], &[("MIGRATION_DATABASE_URL", &dsn)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`SQL_ASCII`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_secret_is_stored_nowhere_in_clear_text() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let clear: i64 = sqlx::query_scalar(
        "select count(*) from tenants t
          where position($1::bytea in stripe_webhook_secret_ciphertext) > 0 or position($2 in t::text) > 0",
    )
    .bind(tenant.secret.as_bytes())
    .bind(&tenant.api_key)
    .fetch_one(&deployment.admin)
    .await
    .unwrap();
    assert_eq!(
        (clear, deployment.count("select count(*) from tenants").await),
        (0, 1)
    );
}
