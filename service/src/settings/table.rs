//! Every setting there is, with its default where it has one.
//!
//! What names another system, an address or a secret has no default: a process that was not told where its database
//! is must not go looking for one. What bounds or paces the work has the value production uses.

/// How a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// As it is.
    Plain,
    /// A connection string: all but the password.
    Dsn,
    /// Not at all.
    Never,
}

/// One variable.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the environment.
    pub(crate) name: &'static str,
    /// What holds when it is not set. None: it must be.
    pub(crate) default: Option<&'static str>,
    /// How it may be shown.
    pub(crate) show: Show,
}

const fn required(name: &'static str, show: Show) -> Setting {
    Setting {
        name,
        default: None,
        show,
    }
}

const fn optional(name: &'static str, default: &'static str) -> Setting {
    Setting {
        name,
        default: Some(default),
        show: Show::Plain,
    }
}

pub(crate) static DATABASE_URL: Setting = required("DATABASE_URL", Show::Dsn);
pub(crate) static CELERY_BROKER_URL: Setting = required("CELERY_BROKER_URL", Show::Dsn);
pub(crate) static CELERY_RESULT_BACKEND: Setting = required("CELERY_RESULT_BACKEND", Show::Dsn);
pub(crate) static MIGRATION_DATABASE_URL: Setting = required("MIGRATION_DATABASE_URL", Show::Dsn);
pub(crate) static PROVISION_DATABASE_URL: Setting = required("PROVISION_DATABASE_URL", Show::Dsn);

pub(crate) static MIGRATION_OWNER_PASSWORD: Setting = required("MIGRATION_OWNER_PASSWORD", Show::Never);
pub(crate) static APP_USER_PASSWORD: Setting = required("APP_USER_PASSWORD", Show::Never);
pub(crate) static SECRET_BOX_KEY: Setting = required("SECRET_BOX_KEY", Show::Never);

pub(crate) static JWT_PUBLIC_KEYS: Setting = required("JWT_PUBLIC_KEYS", Show::Never);
pub(crate) static JWT_ISSUER: Setting = required("JWT_ISSUER", Show::Plain);
pub(crate) static JWT_AUDIENCE: Setting = required("JWT_AUDIENCE", Show::Plain);

pub(crate) static API_LISTEN: Setting = required("API_LISTEN", Show::Plain);
pub(crate) static EXPORTER_LISTEN: Setting = required("EXPORTER_LISTEN", Show::Plain);
pub(crate) static MOCK_PLATFORM_LISTEN: Setting = required("MOCK_PLATFORM_LISTEN", Show::Plain);
pub(crate) static METRICS_DIR: Setting = required("METRICS_DIR", Show::Plain);
pub(crate) static MOCK_PLATFORM_URL: Setting = required("MOCK_PLATFORM_URL", Show::Plain);

pub(crate) static LLM_OPENAI_URL: Setting = required("LLM_OPENAI_URL", Show::Plain);
pub(crate) static LLM_OPENAI_API_KEY: Setting = required("LLM_OPENAI_API_KEY", Show::Never);
pub(crate) static LLM_ANTHROPIC_URL: Setting = required("LLM_ANTHROPIC_URL", Show::Plain);
pub(crate) static LLM_ANTHROPIC_API_KEY: Setting = required("LLM_ANTHROPIC_API_KEY", Show::Never);

pub(crate) static DATABASE_POOL_SIZE: Setting = optional("DATABASE_POOL_SIZE", "10");
pub(crate) static DATABASE_POOL_TIMEOUT_MS: Setting = optional("DATABASE_POOL_TIMEOUT_MS", "2000");
pub(crate) static E2E_API_WORKERS: Setting = optional("E2E_API_WORKERS", "2");
pub(crate) static TENANT_CACHE_SECONDS: Setting = optional("TENANT_CACHE_SECONDS", "60");
pub(crate) static DENIALS_CACHE_SECONDS: Setting = optional("DENIALS_CACHE_SECONDS", "10");
pub(crate) static HEALTH_CACHE_SECONDS: Setting = optional("HEALTH_CACHE_SECONDS", "10");
pub(crate) static WORKER_PROBE_TIMEOUT_MS: Setting = optional("WORKER_PROBE_TIMEOUT_MS", "15000");
pub(crate) static BROKER_STATS_REFRESH_MS: Setting = optional("BROKER_STATS_REFRESH_MS", "1000");
pub(crate) static RECOMPUTE_DELAY_MS: Setting = optional("RECOMPUTE_DELAY_MS", "250");
pub(crate) static REVENUE_CACHE_SECONDS: Setting = optional("REVENUE_CACHE_SECONDS", "30");
pub(crate) static REVENUE_COOLDOWN_SECONDS: Setting = optional("REVENUE_COOLDOWN_SECONDS", "5");
pub(crate) static REVENUE_TIMEOUT_MS: Setting = optional("REVENUE_TIMEOUT_MS", "2000");
pub(crate) static WORKER_LEASE_SECONDS: Setting = optional("WORKER_LEASE_SECONDS", "60");
pub(crate) static WORKER_MAX_RETRIES: Setting = optional("WORKER_MAX_RETRIES", "3");
pub(crate) static WORKER_BACKOFF_MS: Setting = optional("WORKER_BACKOFF_MS", "1000");
pub(crate) static TASK_SOFT_LIMIT_SECONDS: Setting = optional("TASK_SOFT_LIMIT_SECONDS", "300");
pub(crate) static TASK_HARD_LIMIT_SECONDS: Setting = optional("TASK_HARD_LIMIT_SECONDS", "360");
pub(crate) static WORKER_LLM_LANES: Setting = optional("WORKER_LLM_LANES", "3");
pub(crate) static LLM_POLICY: Setting = optional("LLM_POLICY", "standard");
pub(crate) static LLM_PROVIDER_KILL_SWITCH: Setting = optional("LLM_PROVIDER_KILL_SWITCH", "0");
pub(crate) static LLM_CACHE: Setting = optional("LLM_CACHE", "1");
pub(crate) static LLM_MAX_COST_CENTS: Setting = optional("LLM_MAX_COST_CENTS", "50");
pub(crate) static LLM_HOURLY_THRESHOLD_CENTS: Setting = optional("LLM_HOURLY_THRESHOLD_CENTS", "500");
pub(crate) static LLM_MONTHLY_CAP_CENTS: Setting = optional("LLM_MONTHLY_CAP_CENTS", "2500");
pub(crate) static LLM_BREAKER_FAILURES: Setting = optional("LLM_BREAKER_FAILURES", "3");
pub(crate) static LLM_BREAKER_OPEN_SECONDS: Setting = optional("LLM_BREAKER_OPEN_SECONDS", "300");
pub(crate) static LLM_TIMEOUT_MS: Setting = optional("LLM_TIMEOUT_MS", "10000");
pub(crate) static BAYESIAN_SOFT_LIMIT_SECONDS: Setting = optional("BAYESIAN_SOFT_LIMIT_SECONDS", "270");
pub(crate) static BAYESIAN_HARD_LIMIT_SECONDS: Setting = optional("BAYESIAN_HARD_LIMIT_SECONDS", "300");
pub(crate) static SHUTDOWN_SECONDS: Setting = optional("SHUTDOWN_SECONDS", "10");
pub(crate) static MATVIEW_PULSE_SECONDS: Setting = optional("MATVIEW_PULSE_SECONDS", "300");
pub(crate) static PII_SCAN_AT: Setting = optional("PII_SCAN_AT", "04:00");
pub(crate) static RETENTION_AT: Setting = optional("RETENTION_AT", "03:00");
pub(crate) static RETENTION_DAYS: Setting = optional("RETENTION_DAYS", "90");
pub(crate) static ENVIRONMENT: Setting = optional("ENVIRONMENT", "production");
pub(crate) static RUST_LOG: Setting = optional("RUST_LOG", "info,sqlx=warn");

/// All of them, in the order above.
pub(crate) static ALL: &[&Setting] = &[
    &DATABASE_URL,
    &CELERY_BROKER_URL,
    &CELERY_RESULT_BACKEND,
    &MIGRATION_DATABASE_URL,
    &PROVISION_DATABASE_URL,
    &MIGRATION_OWNER_PASSWORD,
    &APP_USER_PASSWORD,
    &SECRET_BOX_KEY,
    &JWT_PUBLIC_KEYS,
    &JWT_ISSUER,
    &JWT_AUDIENCE,
    &API_LISTEN,
    &EXPORTER_LISTEN,
    &MOCK_PLATFORM_LISTEN,
    &METRICS_DIR,
    &MOCK_PLATFORM_URL,
    &LLM_OPENAI_URL,
    &LLM_OPENAI_API_KEY,
    &LLM_ANTHROPIC_URL,
    &LLM_ANTHROPIC_API_KEY,
    &DATABASE_POOL_SIZE,
    &DATABASE_POOL_TIMEOUT_MS,
    &E2E_API_WORKERS,
    &TENANT_CACHE_SECONDS,
    &DENIALS_CACHE_SECONDS,
    &HEALTH_CACHE_SECONDS,
    &WORKER_PROBE_TIMEOUT_MS,
    &BROKER_STATS_REFRESH_MS,
    &RECOMPUTE_DELAY_MS,
    &REVENUE_CACHE_SECONDS,
    &REVENUE_COOLDOWN_SECONDS,
    &REVENUE_TIMEOUT_MS,
    &WORKER_LEASE_SECONDS,
    &WORKER_MAX_RETRIES,
    &WORKER_BACKOFF_MS,
    &TASK_SOFT_LIMIT_SECONDS,
    &TASK_HARD_LIMIT_SECONDS,
    &WORKER_LLM_LANES,
    &LLM_POLICY,
    &LLM_PROVIDER_KILL_SWITCH,
    &LLM_CACHE,
    &LLM_MAX_COST_CENTS,
    &LLM_HOURLY_THRESHOLD_CENTS,
    &LLM_MONTHLY_CAP_CENTS,
    &LLM_BREAKER_FAILURES,
    &LLM_BREAKER_OPEN_SECONDS,
    &LLM_TIMEOUT_MS,
    &BAYESIAN_SOFT_LIMIT_SECONDS,
    &BAYESIAN_HARD_LIMIT_SECONDS,
    &SHUTDOWN_SECONDS,
    &MATVIEW_PULSE_SECONDS,
    &PII_SCAN_AT,
    &RETENTION_AT,
    &RETENTION_DAYS,
    &ENVIRONMENT,
    &RUST_LOG,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_says_every_setting_with_its_default() {
        let readme = include_str!("../../README.md");
        for setting in ALL {
            let row = format!("| `{}` | {} |", setting.name, setting.default.unwrap_or("–"));
            assert!(readme.contains(&row), "the README has no row `{row}`");
        }
    }

    #[test]
    fn whatever_may_not_be_shown_has_no_default() {
        for setting in ALL {
            assert!(
                setting.show == Show::Plain || setting.default.is_none(),
                "{}",
                setting.name
            );
        }
    }
}
