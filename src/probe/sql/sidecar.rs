//! Closure inside a service: it reads the DSN of the process that runs there, asks one question over it, and answers
//! with what it saw, or with why it could not see. It needs nothing but the kernel, so that it can stand in an empty
//! image: no files, no name of its own account, no environment.

use std::{fs, time::Duration, time::Instant};

use reqwest::Url;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

use super::{
    super::Blind,
    connect::open,
    inside::{Errand, Reply},
    over, patiently, told,
};
use crate::redact::Redactor;

#[cfg(test)]
mod tests;

/// Carry an errand out over the DSN of a process, and answer in the form `inside` reads. Not to be able to see is an
/// answer, too.
///
/// # Errors
/// When the bytes are no errand.
pub async fn answer(pid: u32, errand: &[u8]) -> Result<Vec<u8>, String> {
    let errand: Errand =
        serde_json::from_slice(errand).map_err(|error| format!("that is no errand: {error}"))?;
    let secrets = Redactor::default();
    let reply = match see(pid, &errand, &secrets).await {
        Ok(answer) => Reply::Seen(answer.on_paper()),
        Err(blind) => Reply::Blind(blind.to_string()),
    };
    let reply = serde_json::to_value(reply).map_err(|error| error.to_string())?;
    serde_json::to_vec(&secrets.json(reply)).map_err(|error| error.to_string())
}

async fn see(pid: u32, errand: &Errand, secrets: &Redactor) -> Result<super::Answer, Blind> {
    let begin = Instant::now();
    let patience = Duration::from_millis(errand.patience_ms);
    let dsn = variable(pid, &errand.dsn_env)?;
    let options = lead(&dsn, errand, secrets)?;
    let asked = Box::pin(over(&errand.question, open(options, patience)));
    told(patiently(asked, patience).await, begin)
}

/// A variable of a running process, as the kernel has it.
fn variable(pid: u32, name: &str) -> Result<String, Blind> {
    let environment = fs::read(format!("/proc/{pid}/environ")).map_err(|error| {
        Blind::because(format!(
            "the environment of process {pid} cannot be read: {error}"
        ))
    })?;
    let mut variables = environment.split(|&byte| byte == 0);
    let value = variables.find_map(|one| one.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = value
        .ok_or_else(|| Blind::because(format!("`{name}` is not in the environment of process {pid}")))?;
    String::from_utf8(value.to_vec()).map_err(|_| Blind::because(format!("`{name}` is not UTF-8")))
}

/// Where a DSN leads, if that is to this run's own database server. No error repeats what was read.
fn lead(dsn: &str, errand: &Errand, secrets: &Redactor) -> Result<PgConnectOptions, Blind> {
    let name = &errand.dsn_env;
    let wrong = || Blind::because(format!("`{name}` is no URL of a Postgres database"));
    let (scheme, rest) = dsn.split_once("://").ok_or_else(wrong)?;
    // Drivers announce themselves in it: `postgresql+asyncpg`, `db+postgresql`.
    if !scheme
        .split('+')
        .any(|part| matches!(part, "postgres" | "postgresql"))
    {
        return Err(wrong());
    }
    let url = Url::parse(&format!("postgres://{rest}")).map_err(|_| wrong())?;
    for secret in [Some(dsn), url.password()].into_iter().flatten() {
        // What is too short to be hidden by value would hide half of what was seen.
        let _too_short = secrets.register(secret, name);
    }
    let options = PgConnectOptions::from_url(&url).map_err(|_| wrong())?;
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    if !errand.servers.contains(&place) {
        let why = format!("`{name}` leads to `{place}`, which is no database server of this run");
        return Err(Blind::because(why));
    }
    Ok(options)
}
