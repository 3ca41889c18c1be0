//! How a service's health is asked.

use std::time::Duration;

use super::complaint::Complaints;
use super::field::{Field, Table};
use super::model::Healthcheck;
use super::subset;
use super::tree::Value;
use super::units::{DURATION, RETRIES};

/// What the engine takes when the file does not say.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const ENOUGH: u32 = 3;

const FORMS: &str = "one text, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`";

/// Read a health check. One that is switched off has nothing to execute.
pub(super) fn read(field: Field<'_>, complaints: &mut Complaints) -> Option<Healthcheck> {
    let table = Table::read(field.node, "`healthcheck`", subset::HEALTHCHECK, complaints)?;
    let is_off = table.boolean("disable", complaints);
    if !is_off && table.field("test").is_none() {
        complaints.say(field.place(), "`healthcheck` lacks `test`");
    }
    let test = table.field("test").and_then(|field| test(field, complaints));
    let check = Healthcheck {
        test: Vec::new(),
        interval: above_nought(table, "interval", complaints).unwrap_or(INTERVAL),
        timeout: above_nought(table, "timeout", complaints).unwrap_or(TIMEOUT),
        retries: table.parsed("retries", &RETRIES, complaints).unwrap_or(ENOUGH),
        start_period: table
            .parsed("start_period", &DURATION, complaints)
            .unwrap_or_default(),
    };
    if is_off {
        Some(check)
    } else {
        test.map(|test| Healthcheck { test, ..check })
    }
}

/// The engine takes nought for "as usual", which nobody would guess.
fn above_nought(table: Table<'_>, key: &str, complaints: &mut Complaints) -> Option<Duration> {
    let field = table.field(key)?;
    let duration = field.parsed(&DURATION, complaints)?;
    if duration.is_zero() {
        complaints.hint(
            field.place(),
            format!("`{key}` may not be nought"),
            "leave it out for the engine's own",
        );
    }
    Some(duration)
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
        ["CMD", ref command @ ..] if !command.is_empty() => {
            Some(command.iter().map(|&word| word.to_owned()).collect())
        }
        ["CMD-SHELL", script] => Some(shell(script)),
        ["NONE"] => Some(Vec::new()),
        [how @ ("CMD" | "CMD-SHELL" | "NONE"), ..] => {
            let message = format!("`{how}` has the wrong number of words after it");
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
