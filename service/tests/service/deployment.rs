//! A deployment: a database of one test's own, and the roles of the service around it.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, free_port},
    tokens,
};

/// What opens the tenants' secrets.
pub(crate) const BOX_KEY: &str = "a-box-key-of-this-test";

/// A provisioned, migrated database and what its services are told.
pub(crate) struct Deployment {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) database: String,
    /// The database as the superuser sees it.
    pub(crate) admin: PgPool,
    pub(crate) environment: BTreeMap<String, String>,
    _folder: TempDir,
}

/// A tenant, and what Stripe signs with for it.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) api_key: String,
    pub(crate) secret: String,
}

impl Tenant {
    /// What one of its vendors signs with.
    pub(crate) fn secret_of(&self, vendor: &str) -> String {
        match vendor {
            "stripe" => self.secret.clone(),
            other => format!("{other}-secret-{}", self.id),
        }
    }
}

impl Deployment {
    /// A new database, provisioned and migrated by the service itself.
    pub(crate) async fn new() -> Self {
        let cluster = Cluster::shared().await;
        let database = format!("skeldir_{}", Uuid::new_v4().simple());
        let admin = cluster.admin(&database);
        let folder = TempDir::new().expect("a temporary folder");
        let deployment = Self {
            environment: environment(cluster.port, &database, &folder),
            admin: PgPool::connect_lazy(&admin).expect("a whole connection string"),
            cluster,
            database,
            _folder: folder,
        };
        let provisioning = deployment.cluster.provisioning.lock().await;
        deployment.succeeds(&["provision"]);
        drop(provisioning);
        deployment.succeeds(&["migrate"]);
        deployment
    }

    /// A connection pool as some role of the database.
    pub(crate) fn pool(&self, role: &str, password: &str) -> PgPool {
        let (port, database) = (self.cluster.port, &self.database);
        PgPool::connect_lazy(&format!(
            "postgresql://{role}:{password}@127.0.0.1:{port}/{database}"
        ))
        .expect("a whole connection string")
    }

    /// A pool as the service's own role.
    pub(crate) fn app(&self) -> PgPool {
        self.pool("app_user", "app")
    }

    /// A new tenant, made through the operator's door.
    pub(crate) async fn tenant(&self) -> Tenant {
        let id = Uuid::new_v4();
        let tenant = Tenant {
            id,
            api_key: format!("key-{id}"),
            secret: format!("whsec-{id}"),
        };
        sqlx::query("select seed_tenant($1, $2, $3, $4, $5, $6, $7)")
            .bind(id)
            .bind(&tenant.api_key)
            .bind(tenant.secret_of("shopify"))
            .bind(tenant.secret_of("stripe"))
            .bind(tenant.secret_of("paypal"))
            .bind(tenant.secret_of("woocommerce"))
            .bind(BOX_KEY)
            .execute(&self.pool("migration_owner", "owner"))
            .await
            .expect("the owner may make tenants");
        tenant
    }

    /// One number, as the superuser.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.admin)
            .await
            .expect(query)
    }

    /// Waits until a count is what it should be.
    pub(crate) async fn until(&self, query: &'static str, wanted: i64) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut seen = self.count(query).await;
        while seen != wanted {
            assert!(
                Instant::now() < deadline,
                "`{query}` stayed at {seen}, not {wanted}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            seen = self.count(query).await;
        }
    }

    /// Closes the database to everybody, or opens it again.
    pub(crate) async fn outage(&self, begins: bool) {
        let maintenance = PgPool::connect(&self.cluster.admin("postgres"))
            .await
            .expect("the cluster runs");
        let database = &self.database;
        let statements = format!(
            "alter database {database} allow_connections {};
             select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' and {begins}",
            !begins
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements))
            .execute(&maintenance)
            .await
            .expect("a superuser may");
    }

    /// Runs a role to its end, with this deployment's environment changed by `change`.
    pub(crate) fn run(&self, args: &[&str], change: &[(&str, &str)]) -> Output {
        self.command(args, change).output().expect("the binary runs")
    }

    fn succeeds(&self, args: &[&str]) {
        let output = self.run(args, &[]);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts a role that listens, and waits until it answers.
    pub(crate) async fn listening(&self, role: &str, setting: &str, change: &[(&str, &str)]) -> Service {
        let address = format!("127.0.0.1:{}", free_port());
        let change: Vec<_> = change
            .iter()
            .copied()
            .chain([(setting, address.as_str())])
            .collect();
        let mut service = self.start(role, &change);
        service.address = address;
        let deadline = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(&service.address).await.is_err() {
            assert!(
                Instant::now() < deadline,
                "`{role}` does not listen: {}",
                service.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service
    }

    /// Starts the API.
    pub(crate) async fn api(&self) -> Service {
        self.listening("api", "API_LISTEN", &[]).await
    }

    /// Starts the worker.
    pub(crate) fn worker(&self) -> Service {
        self.start("worker", &[])
    }

    /// Starts a worker that is told something else.
    pub(crate) fn worker_told(&self, change: &[(&str, &str)]) -> Service {
        self.start("worker", change)
    }

    /// Starts a role, and waits for nothing.
    pub(crate) fn start(&self, role: &str, change: &[(&str, &str)]) -> Service {
        let mut child = self
            .command(&[role], change)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary runs");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stdout, sink) = (child.stdout.take().expect("it is piped"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                sink.lock().expect("no reader panics").push(line);
            }
        });
        Service {
            child,
            lines,
            address: String::new(),
        }
    }

    fn command(&self, args: &[&str], change: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skeldir"));
        command
            .args(args)
            .env_clear()
            .envs(&self.environment)
            .envs(change.iter().copied());
        command
    }
}

/// Everything that any role is told, for a database on this port.
pub(crate) fn environment(port: u16, database: &str, folder: &TempDir) -> BTreeMap<String, String> {
    let dsn = |role: &str| format!("postgresql://{role}@127.0.0.1:{port}/{database}");
    let metrics = folder.path().join("metrics");
    [
        ("DATABASE_URL", dsn("app_user:app")),
        ("CELERY_BROKER_URL", dsn("app_user:app")),
        ("CELERY_RESULT_BACKEND", dsn("app_user:app")),
        ("MIGRATION_DATABASE_URL", dsn("migration_owner:owner")),
        ("PROVISION_DATABASE_URL", dsn("postgres:admin")),
        ("MIGRATION_OWNER_PASSWORD", "owner".to_owned()),
        ("APP_USER_PASSWORD", "app".to_owned()),
        ("SECRET_BOX_KEY", BOX_KEY.to_owned()),
        ("JWT_PUBLIC_KEYS", tokens::ring()),
        ("JWT_ISSUER", tokens::ISSUER.to_owned()),
        ("JWT_AUDIENCE", tokens::AUDIENCE.to_owned()),
        ("API_LISTEN", "127.0.0.1:1".to_owned()),
        ("EXPORTER_LISTEN", "127.0.0.1:1".to_owned()),
        ("MOCK_PLATFORM_LISTEN", "127.0.0.1:1".to_owned()),
        ("MOCK_PLATFORM_URL", "http://127.0.0.1:1".to_owned()),
        ("LLM_OPENAI_URL", "http://127.0.0.1:1".to_owned()),
        ("LLM_OPENAI_API_KEY", "sk-openai-of-this-test".to_owned()),
        ("LLM_ANTHROPIC_URL", "http://127.0.0.1:1".to_owned()),
        ("LLM_ANTHROPIC_API_KEY", "sk-anthropic-of-this-test".to_owned()),
        // Below the shortest soft limit that a test gives its tasks.
        ("LLM_TIMEOUT_MS", "900".to_owned()),
        ("METRICS_DIR", metrics.display().to_string()),
        ("HEALTH_CACHE_SECONDS", "3".to_owned()),
        ("WORKER_PROBE_TIMEOUT_MS", "3000".to_owned()),
        ("WORKER_LEASE_SECONDS", "2".to_owned()),
        ("WORKER_BACKOFF_MS", "50".to_owned()),
        ("RECOMPUTE_DELAY_MS", "100".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// A running role. Killed when dropped.
pub(crate) struct Service {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) address: String,
}

impl Service {
    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.lines.lock().expect("no writer panics").join("\n")
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a child has a process id"), signal).expect("it runs");
    }

    /// Ends it without warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was ours");
    }

    /// Waits for it to end by itself, and says with which code it did.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.child.try_wait().expect("it was ours") {
                Some(status) => return status.code(),
                None => assert!(Instant::now() < deadline, "it goes on: {}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until what is looked for is there, and says what was seen last when it never is.
pub(crate) async fn eventually<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < deadline, "{seen}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits for a page of metrics that has all these lines, and returns it.
pub(crate) async fn metrics_with(service: &Service, lines: &[&str]) -> String {
    eventually(async || {
        let page = reqwest::get(service.url("/metrics"))
            .await
            .expect("it answers")
            .text()
            .await
            .expect("text");
        match lines
            .iter()
            .find(|line| !page.lines().any(|found| found == **line))
        {
            Some(line) => Err(format!("no line `{line}` in\n{page}")),
            None => Ok(page),
        }
    })
    .await
}
