//! The change `proxy`: something between a service and whoever asks it from outside.
//!
//! The witness is what it altered: a proxy that stood there and altered nothing has not landed. It stands in closure
//! itself, so that nothing is left of it once closure, or the change, is gone.

use serde_json::{Map, Value, json};

use super::{
    Journal, Undo,
    applied::{Draft, Effect},
};
use crate::{
    observation::ChangeRecord,
    probe::{Alteration, Blind, Held, Params, Pattern, Rule, Site, http::own_address},
};

/// A proxy in the way.
pub(super) struct InTheWay {
    service: String,
    number: u64,
    _relay: Held,
}

/// `{service, match, share}` with one of `reply`, `edit`, `delay`, `freeze`.
pub(super) fn make(
    params: Params<'_>,
    site: &Site,
    journal: &Journal,
    draft: &mut Draft,
) -> Result<(), Blind> {
    let service = params.text("service")?;
    let rule = Rule {
        pattern: Pattern::parse(params.text("match")?).map_err(Blind::because)?,
        alteration: alteration(params)?,
        share: share(params)?,
    };
    let at = own_address(service, site).map_err(Blind::because)?;
    let relay = site
        .relays
        .hold(service, at)
        .map_err(|error| Blind::because(format!("no relay before `{service}`: {error}")))?;
    draft.record.witness.before = witness(0);
    // Nothing is altered before the undoing is on disk: the relay lets everything pass until it has a rule.
    let number = site.relays.number();
    let undo = Undo::Proxy {
        service: service.to_owned(),
        number,
    };
    draft.undo = Some(journal.planned(undo)?);
    relay.put_in(number, rule);
    draft.effect = Effect::Proxy(InTheWay {
        service: service.to_owned(),
        number,
        _relay: relay,
    });
    Ok(())
}

impl InTheWay {
    /// What it has come to, told before it is taken out.
    pub(super) fn tell(&self, site: &Site, record: &mut ChangeRecord) {
        let counts = site.relays.counts(&self.service, self.number).unwrap_or_default();
        record.witness.after = witness(counts.altered);
        record.facts.insert("matched".into(), counts.matched.into());
        record.facts.insert("altered".into(), counts.altered.into());
    }
}

/// The witness once undone: what the rule alters where it still stands, and nothing where it does not.
pub(super) fn undone(service: &str, number: u64, site: &Site) -> Value {
    let counts = site.relays.counts(service, number);
    witness(counts.unwrap_or_default().altered)
}

fn witness(altered: u64) -> Value {
    json!({ "altered": altered })
}

fn alteration(params: Params<'_>) -> Result<Alteration, Blind> {
    if let Some(reply) = params.table("reply")? {
        return self::reply(reply);
    }
    if let Some(edit) = params.table("edit")? {
        return self::edit(edit);
    }
    if let Some(delay) = params.duration("delay")? {
        return Ok(Alteration::Delay(delay));
    }
    if params.flag("freeze")? {
        return Ok(Alteration::Freeze);
    }
    Err(Blind::because(
        "a proxy says one of `reply`, `edit`, `delay` and `freeze`",
    ))
}

fn reply(written: &Map<String, Value>) -> Result<Alteration, Blind> {
    let status = written.get("status").and_then(Value::as_u64).unwrap_or_default();
    let mut headers = Vec::new();
    let body = match (written.get("json"), written.get("body")) {
        (Some(json), _) => {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            json.to_string()
        }
        (None, Some(body)) => body.as_str().unwrap_or_default().to_owned(),
        (None, None) => String::new(),
    };
    let named = written.get("headers").and_then(Value::as_object);
    for (name, value) in named.into_iter().flatten() {
        let name = name.to_ascii_lowercase();
        headers.retain(|(known, _)| *known != name);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.push((name, value));
    }
    Alteration::reply(status, &headers, body).map_err(|why| Blind::because(format!("`reply`: {why}")))
}

fn edit(written: &Map<String, Value>) -> Result<Alteration, Blind> {
    let pointer = |key: &str| written.get(key).and_then(Value::as_str).map(str::to_owned);
    match (pointer("remove"), pointer("replace"), written.get("with")) {
        (Some(pointer), None, None) => Ok(Alteration::Remove { pointer }),
        (None, Some(pointer), Some(with)) => Ok(Alteration::Replace {
            pointer,
            with: with.clone(),
        }),
        _ => Err(Blind::because("`edit` says `remove`, or `replace` and `with`")),
    }
}

fn share(params: Params<'_>) -> Result<f64, Blind> {
    match params.get("share").map(Value::as_f64) {
        None => Ok(1.0),
        Some(Some(share)) if share > 0.0 && share <= 1.0 => Ok(share),
        Some(_) => Err(Blind::because("`share` is not above 0 and up to 1")),
    }
}
