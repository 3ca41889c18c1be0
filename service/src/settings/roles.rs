//! Which role reads which settings.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use chrono::NaiveTime;
use url::Url;

use crate::auth::KeyRing;

use super::{Dsn, Environment, Llm, Secret, Setting, SettingError, table};

/// A role that reads its settings from the environment.
pub(crate) trait Role: Sized {
    /// Reads them all; the first that cannot be used is the error.
    fn read(environment: &mut Environment) -> Result<Self, SettingError>;
}

/// The database as the service's own role, and how much of it one process may hold.
pub(crate) struct Database {
    /// Where it is.
    pub(crate) dsn: Dsn,
    /// Connections at most.
    pub(crate) pool_size: u32,
    /// How long to wait for one of them.
    pub(crate) pool_timeout: Duration,
}

impl Role for Database {
    /// The queue and its results live in the database, so the three strings must agree: a process that puts its
    /// events here and its tasks there would look healthy and do half its work.
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        let dsn = environment.read(&table::DATABASE_URL, Dsn::parse)?;
        for setting in [&table::CELERY_BROKER_URL, &table::CELERY_RESULT_BACKEND] {
            environment.read(setting, |text| match Dsn::parse(text)?.differs_from(&dsn) {
                Some(part) => Err(format!("it names another {part} than `DATABASE_URL`")),
                None => Ok(()),
            })?;
        }
        Ok(Self {
            dsn,
            pool_size: number(environment, &table::DATABASE_POOL_SIZE, 1..=1_000)?,
            pool_timeout: milliseconds(environment, &table::DATABASE_POOL_TIMEOUT_MS)?,
        })
    }
}

/// `provision`.
pub(crate) struct Provision {
    pub(crate) dsn: Dsn,
    pub(crate) migration_owner_password: Secret,
    pub(crate) app_user_password: Secret,
}

impl Role for Provision {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            dsn: environment.read(&table::PROVISION_DATABASE_URL, Dsn::parse)?,
            migration_owner_password: secret(environment, &table::MIGRATION_OWNER_PASSWORD)?,
            app_user_password: secret(environment, &table::APP_USER_PASSWORD)?,
        })
    }
}

/// `migrate`.
pub(crate) struct Migrate {
    pub(crate) dsn: Dsn,
}

impl Role for Migrate {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            dsn: environment.read(&table::MIGRATION_DATABASE_URL, Dsn::parse)?,
        })
    }
}

/// `api`.
pub(crate) struct Api {
    pub(crate) database: Database,
    pub(crate) listen: SocketAddr,
    pub(crate) threads: usize,
    pub(crate) secret_box_key: Secret,
    pub(crate) tokens: Tokens,
    pub(crate) tenant_cache: Duration,
    pub(crate) health_cache: Duration,
    pub(crate) worker_probe_timeout: Duration,
    pub(crate) broker_stats_refresh: Duration,
    pub(crate) recompute_delay: Duration,
    pub(crate) platforms: Platforms,
    pub(crate) shutdown: Duration,
}

impl Role for Api {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            database: Database::read(environment)?,
            listen: address(environment, &table::API_LISTEN)?,
            threads: number(environment, &table::E2E_API_WORKERS, 1..=256)?,
            secret_box_key: secret(environment, &table::SECRET_BOX_KEY)?,
            tokens: Tokens::read(environment)?,
            tenant_cache: seconds(environment, &table::TENANT_CACHE_SECONDS)?,
            health_cache: seconds(environment, &table::HEALTH_CACHE_SECONDS)?,
            worker_probe_timeout: milliseconds(environment, &table::WORKER_PROBE_TIMEOUT_MS)?,
            broker_stats_refresh: milliseconds(environment, &table::BROKER_STATS_REFRESH_MS)?,
            recompute_delay: milliseconds(environment, &table::RECOMPUTE_DELAY_MS)?,
            platforms: Platforms::read(environment)?,
            shutdown: seconds(environment, &table::SHUTDOWN_SECONDS)?,
        })
    }
}

/// Where this process stands: whether tasks that only prove something are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Production,
    Test,
}

impl Role for Stage {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        environment.read(&table::ENVIRONMENT, |text| match text {
            "production" => Ok(Self::Production),
            "test" => Ok(Self::Test),
            _ => Err(format!("`{text}` is neither `production` nor `test`")),
        })
    }
}

/// How long a task may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// After this it is cancelled.
    pub(crate) soft: Duration,
    /// After this it is killed.
    pub(crate) hard: Duration,
}

impl Limits {
    /// Limits in whole seconds.
    pub(crate) const fn of_seconds(soft: u64, hard: u64) -> Self {
        Self {
            soft: Duration::from_secs(soft),
            hard: Duration::from_secs(hard),
        }
    }

    /// A pair of settings, of which the second must be above the first.
    fn read(
        environment: &mut Environment,
        soft: &'static Setting,
        hard: &'static Setting,
    ) -> Result<Self, SettingError> {
        let least = seconds(environment, soft)?;
        Ok(Self {
            soft: least,
            hard: environment.read(hard, |text| {
                let hard = Duration::from_secs(within(text, &(1..=86_400))?);
                if hard <= least {
                    return Err(format!("it is not above `{}`", soft.name));
                }
                Ok(hard)
            })?,
        })
    }
}

/// Connections that a worker needs beside those of its LLM lanes: one for each of its other three lanes, one that listens,
/// and three for what must not wait behind them: renewals, kills and reports.
const WORKER_POOL: u32 = 7;

/// Whose tokens are believed, and for how long what was denied is remembered.
pub(crate) struct Tokens {
    /// Who may have signed.
    pub(crate) ring: KeyRing,
    /// Who must have issued it.
    pub(crate) issuer: String,
    /// For whom it must be meant.
    pub(crate) audience: String,
    /// The longest that a denial can go unheard.
    pub(crate) denials_cache: Duration,
}

impl Role for Tokens {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            ring: environment.read(&table::JWT_PUBLIC_KEYS, KeyRing::parse)?,
            issuer: environment.read(&table::JWT_ISSUER, |text| Ok(text.to_owned()))?,
            audience: environment.read(&table::JWT_AUDIENCE, |text| Ok(text.to_owned()))?,
            denials_cache: seconds(environment, &table::DENIALS_CACHE_SECONDS)?,
        })
    }
}

/// The platforms that say what was earned, and how often and how long they may be asked.
#[derive(Clone)]
pub(crate) struct Platforms {
    /// Where they are.
    pub(crate) url: Url,
    /// How long an answer is repeated.
    pub(crate) keep: Duration,
    /// How long they are left alone after a failure.
    pub(crate) cooldown: Duration,
    /// How long they may take.
    pub(crate) timeout: Duration,
}

impl Role for Platforms {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            url: environment.read(&table::MOCK_PLATFORM_URL, web_address)?,
            keep: seconds(environment, &table::REVENUE_CACHE_SECONDS)?,
            cooldown: seconds(environment, &table::REVENUE_COOLDOWN_SECONDS)?,
            timeout: milliseconds(environment, &table::REVENUE_TIMEOUT_MS)?,
        })
    }
}

/// `worker`.
pub(crate) struct Worker {
    pub(crate) database: Database,
    /// Where the outside world is.
    pub(crate) platforms: Url,
    pub(crate) metrics_dir: PathBuf,
    pub(crate) lease: Duration,
    pub(crate) max_retries: i32,
    pub(crate) backoff: Duration,
    pub(crate) limits: Limits,
    pub(crate) llm: Llm,
    pub(crate) bayesian_limits: Limits,
    pub(crate) matview_pulse: Duration,
    pub(crate) pii_scan_at: NaiveTime,
    pub(crate) retention_at: NaiveTime,
    pub(crate) retention_days: i32,
    pub(crate) stage: Stage,
    pub(crate) shutdown: Duration,
}

impl Role for Worker {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        let platforms = environment.read(&table::MOCK_PLATFORM_URL, web_address)?;
        let database = Database::read(environment)?;
        let limits = Limits::read(
            environment,
            &table::TASK_SOFT_LIMIT_SECONDS,
            &table::TASK_HARD_LIMIT_SECONDS,
        )?;
        let llm = Llm::read(environment, limits.soft)?;
        let least = WORKER_POOL + llm.lanes;
        if database.pool_size < least {
            return Err(SettingError::Unusable {
                name: table::DATABASE_POOL_SIZE.name,
                why: format!("a worker with {} LLM lanes needs {least} connections", llm.lanes),
            });
        }
        Ok(Self {
            database,
            platforms,
            metrics_dir: folder(environment, &table::METRICS_DIR)?,
            lease: seconds(environment, &table::WORKER_LEASE_SECONDS)?,
            max_retries: number(environment, &table::WORKER_MAX_RETRIES, 0..=20)?,
            backoff: milliseconds(environment, &table::WORKER_BACKOFF_MS)?,
            limits,
            llm,
            bayesian_limits: Limits::read(
                environment,
                &table::BAYESIAN_SOFT_LIMIT_SECONDS,
                &table::BAYESIAN_HARD_LIMIT_SECONDS,
            )?,
            matview_pulse: seconds(environment, &table::MATVIEW_PULSE_SECONDS)?,
            pii_scan_at: time_of_day(environment, &table::PII_SCAN_AT)?,
            retention_at: time_of_day(environment, &table::RETENTION_AT)?,
            retention_days: number(environment, &table::RETENTION_DAYS, 30..=3_650)?,
            stage: Stage::read(environment)?,
            shutdown: seconds(environment, &table::SHUTDOWN_SECONDS)?,
        })
    }
}

/// `exporter`. It holds no connection string.
pub(crate) struct Exporter {
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_dir: PathBuf,
    pub(crate) shutdown: Duration,
}

impl Role for Exporter {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            listen: address(environment, &table::EXPORTER_LISTEN)?,
            metrics_dir: folder(environment, &table::METRICS_DIR)?,
            shutdown: seconds(environment, &table::SHUTDOWN_SECONDS)?,
        })
    }
}

/// `mock-platform`.
pub(crate) struct MockPlatform {
    pub(crate) listen: SocketAddr,
    pub(crate) shutdown: Duration,
}

impl Role for MockPlatform {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            listen: address(environment, &table::MOCK_PLATFORM_LISTEN)?,
            shutdown: seconds(environment, &table::SHUTDOWN_SECONDS)?,
        })
    }
}

/// What `enqueue` needs: the database, as the service's role, and which tasks there are.
pub(crate) struct Client {
    pub(crate) database: Database,
    pub(crate) stage: Stage,
}

impl Role for Client {
    fn read(environment: &mut Environment) -> Result<Self, SettingError> {
        Ok(Self {
            database: Database::read(environment)?,
            stage: Stage::read(environment)?,
        })
    }
}

pub(super) fn secret(
    environment: &mut Environment,
    setting: &'static Setting,
) -> Result<Secret, SettingError> {
    environment.read(setting, |text| Ok(Secret::new(text)))
}

fn folder(environment: &mut Environment, setting: &'static Setting) -> Result<PathBuf, SettingError> {
    environment.read(setting, |text| match std::fs::create_dir_all(text) {
        Ok(()) => Ok(PathBuf::from(text)),
        Err(error) => Err(format!("`{text}` is not a folder ({error})")),
    })
}

fn address(environment: &mut Environment, setting: &'static Setting) -> Result<SocketAddr, SettingError> {
    environment.read(setting, |text| {
        text.parse()
            .map_err(|_| format!("`{text}` is not an address and a port"))
    })
}

pub(super) fn seconds(
    environment: &mut Environment,
    setting: &'static Setting,
) -> Result<Duration, SettingError> {
    Ok(Duration::from_secs(number(environment, setting, 1..=86_400)?))
}

fn time_of_day(environment: &mut Environment, setting: &'static Setting) -> Result<NaiveTime, SettingError> {
    environment.read(setting, |text| {
        NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|_| format!("`{text}` is not a time of the UTC day, such as `04:00`"))
    })
}

pub(super) fn milliseconds(
    environment: &mut Environment,
    setting: &'static Setting,
) -> Result<Duration, SettingError> {
    Ok(Duration::from_millis(number(
        environment,
        setting,
        0..=3_600_000,
    )?))
}

pub(super) fn number<T: FromStr + PartialOrd + Display>(
    environment: &mut Environment,
    setting: &'static Setting,
    bounds: RangeInclusive<T>,
) -> Result<T, SettingError> {
    environment.read(setting, |text| within(text, &bounds))
}

fn within<T: FromStr + PartialOrd + Display>(text: &str, bounds: &RangeInclusive<T>) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(value) if bounds.contains(&value) => Ok(value),
        _ => Err(format!(
            "`{text}` is not a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        )),
    }
}

fn web_address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(url),
        _ => Err(format!("`{text}` is not an http address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DSN: &str = "postgresql://app_user:x@127.0.0.1:5432/skeldir";

    fn database(pairs: &[(&str, &str)]) -> Result<Database, SettingError> {
        let whole = [
            ("DATABASE_URL", DSN),
            ("CELERY_BROKER_URL", DSN),
            ("CELERY_RESULT_BACKEND", DSN),
        ];
        let pairs = whole.iter().chain(pairs);
        Database::read(&mut Environment::of(
            pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        ))
    }

    #[test]
    fn the_three_strings_must_name_one_database() {
        assert!(database(&[]).is_ok());
        for (name, part) in [
            ("postgresql://app_user:x@127.0.0.1:5432/other", "database"),
            ("postgresql://owner:x@127.0.0.1:5432/skeldir", "role"),
        ] {
            let error = database(&[("CELERY_RESULT_BACKEND", name)])
                .err()
                .expect("they differ");
            assert_eq!(
                error.to_string(),
                format!("`CELERY_RESULT_BACKEND` is unusable: it names another {part} than `DATABASE_URL`")
            );
        }
    }

    #[test]
    fn what_a_worker_is_told_wrongly_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = [
            ("DATABASE_URL", DSN),
            ("CELERY_BROKER_URL", DSN),
            ("CELERY_RESULT_BACKEND", DSN),
            ("MOCK_PLATFORM_URL", "http://127.0.0.1:1"),
            ("SECRET_BOX_KEY", "x"),
            ("LLM_OPENAI_URL", "http://127.0.0.1:1"),
            ("LLM_OPENAI_API_KEY", "x"),
            ("LLM_ANTHROPIC_URL", "https://api.example.test"),
            ("LLM_ANTHROPIC_API_KEY", "x"),
            ("METRICS_DIR", folder.path().to_str().expect("plain")),
        ];
        let told = |name: &str, value: &str| {
            let pairs = whole.into_iter().chain([(name, value)]);
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            Worker::read(&mut Environment::of(pairs)).map(drop)
        };
        assert_eq!(told("DATABASE_POOL_SIZE", "10"), Ok(()));
        for (name, value, why) in [
            (
                "DATABASE_POOL_SIZE",
                "9",
                "a worker with 3 LLM lanes needs 10 connections",
            ),
            (
                "LLM_TIMEOUT_MS",
                "300000",
                "it is not below `TASK_SOFT_LIMIT_SECONDS`",
            ),
            ("LLM_PROVIDER_KILL_SWITCH", "on", "`on` is neither `0` nor `1`"),
            (
                "LLM_OPENAI_URL",
                "ftp://127.0.0.1",
                "`ftp://127.0.0.1` is neither an http nor an https address",
            ),
            (
                "LLM_POLICY",
                "{}",
                "it is neither `standard` nor a policy: missing field `policy_id` at line 1 column 2",
            ),
            (
                "LLM_MAX_COST_CENTS",
                "0",
                "`0` is not a whole number from 1 to 100000",
            ),
            (
                "TASK_HARD_LIMIT_SECONDS",
                "300",
                "it is not above `TASK_SOFT_LIMIT_SECONDS`",
            ),
            (
                "BAYESIAN_HARD_LIMIT_SECONDS",
                "270",
                "it is not above `BAYESIAN_SOFT_LIMIT_SECONDS`",
            ),
            (
                "PII_SCAN_AT",
                "4 am",
                "`4 am` is not a time of the UTC day, such as `04:00`",
            ),
            (
                "RETENTION_DAYS",
                "29",
                "`29` is not a whole number from 30 to 3650",
            ),
            (
                "ENVIRONMENT",
                "staging",
                "`staging` is neither `production` nor `test`",
            ),
        ] {
            let error = told(name, value).expect_err(name);
            assert_eq!(error.to_string(), format!("`{name}` is unusable: {why}"));
        }
    }

    #[test]
    fn a_number_out_of_bounds_is_refused() {
        let error = database(&[("DATABASE_POOL_SIZE", "0")])
            .err()
            .expect("no pool of nothing");
        assert_eq!(
            error.to_string(),
            "`DATABASE_POOL_SIZE` is unusable: `0` is not a whole number from 1 to 1000"
        );
    }
}
