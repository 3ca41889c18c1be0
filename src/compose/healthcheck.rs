//! How a service's health is asked.

use std::time::Duration;

use super::complaint::Complaints;
use super::field::{Field, Table};
use super::model::Healthcheck;
use super::service::DURATION;
use super::tree::Value;
use super::{subset, units};

/// What the engine takes when the file does not say.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;

const FORMS: &str = "one text, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`";

pub(super) fn read(field: Field<'_>, complaints: &mut Complaints) -> Option<Healthcheck> {
    let table = Table::read(field.node, "`healthcheck`", subset::HEALTHCHECK, complaints)?;
    let is_off = table
        .field("disable")
        .and_then(|field| field.boolean(complaints))
        .unwrap_or_default();
    let test = table.field("test").map(|field| test(field, complaints));
    let mut duration = |key: &str| {
        table
            .field(key)
            .and_then(|field| field.parsed(units::duration, DURATION.0, DURATION.1, complaints))
    };
    let (interval, timeout, start_period) = (
        duration("interval"),
        duration("timeout"),
        duration("start_period"),
    );
    let retries = table.field("retries").and_then(|field| {
        field.parsed(
            retries,
            "a number of looks",
            "a whole number above nought",
            complaints,
        )
    });
    for (key, value) in [("interval", interval), ("timeout", timeout)] {
        if let (Some(Duration::ZERO), Some(field)) = (value, table.field(key)) {
            complaints.hint(
                field.place(),
                format!("`{key}` may not be nought"),
                "leave it out for the engine's own",
            );
        }
    }
    if is_off {
        return Some(Healthcheck {
            test: Vec::new(),
            interval: INTERVAL,
            timeout: TIMEOUT,
            retries: RETRIES,
            start_period: Duration::ZERO,
        });
    }
    if test.is_none() {
        complaints.say(field.place(), "`healthcheck` lacks `test`");
    }
    Some(Healthcheck {
        test: test??,
        interval: interval.unwrap_or(INTERVAL),
        timeout: timeout.unwrap_or(TIMEOUT),
        retries: retries.unwrap_or(RETRIES),
        start_period: start_period.unwrap_or_default(),
    })
}

fn retries(text: &str) -> Option<u32> {
    text.parse().ok().filter(|retries| *retries > 0)
}

/// The command, without the word that says how to run it. Empty for `NONE`.
fn test(field: Field<'_>, complaints: &mut Complaints) -> Option<Vec<String>> {
    match &field.node.value {
        Value::Text(script) => return Some(shell(script)),
        Value::List(_) => {}
        _ => return field.wrong(FORMS, complaints),
    }
    let words = field.texts(complaints)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["CMD", _, ..] => Some(words[1..].iter().map(|&word| word.to_owned()).collect()),
        ["CMD-SHELL", script] => Some(shell(script)),
        ["NONE"] => Some(Vec::new()),
        ["CMD" | "CMD-SHELL" | "NONE", ..] => {
            let message = format!("`{}` has the wrong number of words after it", words[0]);
            complaints.hint(
                field.place(),
                message,
                "`CMD` takes some, `CMD-SHELL` one, `NONE` none",
            );
            None
        }
        _ => {
            complaints.say(field.place(), format!("`test` must be {FORMS}"));
            None
        }
    }
}

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}
