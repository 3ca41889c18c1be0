//! What the worker is told of the LLM layer.

use std::time::Duration;

use url::Url;

use super::{
    Environment, Secret, Setting, SettingError,
    roles::{milliseconds, number, seconds, secret},
    table,
};
use crate::llm::{
    Name, Policy,
    wire::{Provider, Wire},
};

/// Everything the boundary goes by.
pub(crate) struct Llm {
    /// What opens a prompt.
    pub(crate) box_key: Secret,
    openai: Provider,
    anthropic: Provider,
    /// Which model answers what.
    pub(crate) policy: Policy,
    /// Whether no provider is called at all.
    pub(crate) kill_switch: bool,
    /// Whether answers are kept and given again.
    pub(crate) is_cached: bool,
    /// What a request may cost when it does not say.
    pub(crate) max_cost_cents: i64,
    /// What a user may spend in an hour before they are shut off until its end.
    pub(crate) hourly_threshold_cents: i64,
    /// What a user may spend in a month.
    pub(crate) monthly_cap_cents: i64,
    /// How many failures in a row open the breaker.
    pub(crate) breaker_failures: i32,
    /// How long it stays open before one call tries.
    pub(crate) breaker_open: Duration,
    /// How long a provider may take.
    pub(crate) timeout: Duration,
    /// How many are asked at a time.
    pub(crate) lanes: u32,
}

impl Llm {
    /// Reads it. A provider must be given up on before its task is, or there would be nobody to write down that it was.
    pub(super) fn read(environment: &mut Environment, task_limit: Duration) -> Result<Self, SettingError> {
        let timeout = milliseconds(environment, &table::LLM_TIMEOUT_MS)?;
        if timeout.is_zero() || timeout >= task_limit {
            return Err(SettingError::Unusable {
                name: table::LLM_TIMEOUT_MS.name,
                why: if timeout.is_zero() {
                    "nobody answers in no time".to_owned()
                } else {
                    format!("it is not below `{}`", table::TASK_SOFT_LIMIT_SECONDS.name)
                },
            });
        }
        Ok(Self {
            box_key: secret(environment, &table::SECRET_BOX_KEY)?,
            openai: Provider {
                wire: Wire::OpenAi,
                url: environment.read(&table::LLM_OPENAI_URL, address)?,
                api_key: secret(environment, &table::LLM_OPENAI_API_KEY)?,
            },
            anthropic: Provider {
                wire: Wire::Anthropic,
                url: environment.read(&table::LLM_ANTHROPIC_URL, address)?,
                api_key: secret(environment, &table::LLM_ANTHROPIC_API_KEY)?,
            },
            policy: environment.read(&table::LLM_POLICY, Policy::parse)?,
            kill_switch: switch(environment, &table::LLM_PROVIDER_KILL_SWITCH)?,
            is_cached: switch(environment, &table::LLM_CACHE)?,
            max_cost_cents: number(environment, &table::LLM_MAX_COST_CENTS, 1..=100_000)?,
            hourly_threshold_cents: number(environment, &table::LLM_HOURLY_THRESHOLD_CENTS, 1..=100_000_000)?,
            monthly_cap_cents: number(environment, &table::LLM_MONTHLY_CAP_CENTS, 0..=100_000_000)?,
            breaker_failures: number(environment, &table::LLM_BREAKER_FAILURES, 1..=1_000_000)?,
            breaker_open: seconds(environment, &table::LLM_BREAKER_OPEN_SECONDS)?,
            lanes: number(environment, &table::WORKER_LLM_LANES, 1..=64)?,
            timeout,
        })
    }

    /// Where a provider is.
    pub(crate) fn provider(&self, name: Name) -> &Provider {
        match name {
            Name::OpenAi => &self.openai,
            Name::Anthropic => &self.anthropic,
        }
    }
}

fn switch(environment: &mut Environment, setting: &'static Setting) -> Result<bool, SettingError> {
    environment.read(setting, |text| match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("`{text}` is neither `0` nor `1`")),
    })
}

fn address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(url),
        _ => Err(format!("`{text}` is neither an http nor an https address")),
    }
}
