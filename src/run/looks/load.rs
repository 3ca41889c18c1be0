//! The kind `load`: every request made, driven at its time, written down, and turned into figures.

mod asked;
mod classes;
mod prepare;

use std::rc::Rc;

use serde_json::{Map, Value, json};

use self::{
    asked::record_exchanges,
    prepare::{Ready, prepare},
};
use super::Drive;
use crate::{
    account::{self, Planned},
    cel::Scope,
    gate::{model::Tree, tree::evaluate},
    load::{Arrivals, Limits, Progress, Target, TargetPlan, drive},
    probe::{Params, Site, sql},
};

/// A load that was driven.
pub(in crate::run) struct Loaded {
    /// Its observation.
    pub(in crate::run) observation: Value,
    /// Its parameters as executed, without the requests themselves.
    pub(in crate::run) params: Value,
    /// What was sent.
    pub(in crate::run) drive: Drive,
    /// `requests.csv`, `latency.hlog`: files of the record.
    pub(in crate::run) files: Vec<(String, Vec<u8>)>,
}

/// What a load needs besides its parameters.
pub(in crate::run) struct Errand<'a> {
    /// Names its keys: the same in no other pass.
    pub(in crate::run) label: &'a str,
    /// Added to the folder of raw files in every pass but the gate's own.
    pub(in crate::run) subfolder: &'a str,
}

/// Drive a load. `begins` is called with the moment of the first intended send; `progress` about once a second.
pub(in crate::run) async fn load(
    tree: &Tree,
    scope: &Scope<'_>,
    site: &Site,
    errand: &Errand<'_>,
    begins: impl FnOnce(),
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Loaded, String> {
    let mut params = head(tree, scope)?;
    let plan = Params::of(&params).map_err(|blind| blind.to_string())?;
    let arrivals = arrivals(plan)?;
    let target = plan.get("target").map(target).transpose()?;
    let host = target.as_ref().map(|target| target.address().to_string());
    let Ready {
        arrivals: schedule,
        launch,
        timeout,
        counts,
        asked,
    } = prepare(tree, scope, site, errand.label, arrivals, host.as_deref())?;
    let limits = Limits {
        in_flight: plan
            .count("in_flight")
            .map_err(|blind| blind.to_string())?
            .unwrap_or(256),
        timeout,
        keep_answers: true,
        ..Limits::default()
    };
    let from = if target.is_none() {
        database_time(site).await
    } else {
        None
    };
    begins();
    let driven = drive(launch, limits, std::future::pending(), progress)
        .await
        .map_err(|fault| fault.to_string())?;
    let end_ms = site.clock.ms();
    let lasted = u64::try_from(driven.began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let begin_ms = end_ms.saturating_sub(lasted);
    let to = if target.is_none() {
        database_time(site).await
    } else {
        None
    };
    if target.is_none() {
        record_exchanges(site, &asked, &driven, begin_ms);
    }
    let planned = Planned {
        target_rps: schedule.target_rps(),
        seconds: schedule.seconds(),
        begin_ms,
    };
    let mut observation = account::load(&planned, &driven.rows);
    let folder = plan
        .maybe_text("raw")
        .map_err(|blind| blind.to_string())?
        .map(|raw| match errand.subfolder {
            "" => raw.to_owned(),
            subfolder => format!("{raw}/{subfolder}"),
        });
    if let Value::Object(fields) = &mut observation {
        fields.insert("window".into(), json!({"from": from, "to": to}));
        fields.insert("begin_ms".into(), begin_ms.into());
        fields.insert("end_ms".into(), end_ms.into());
        fields.insert("raw".into(), json!(folder));
    }
    let files = folder.iter().flat_map(|folder| {
        [
            (
                format!("{folder}/requests.csv"),
                account::write_requests(&driven.rows),
            ),
            (
                format!("{folder}/latency.hlog"),
                account::write_hlog(&driven.rows),
            ),
        ]
    });
    Ok(Loaded {
        observation,
        params: {
            // What a sabotage of the mix changes must be seen in what was executed.
            params["class"] = counts;
            params
        },
        files: files.collect(),
        drive: Drive {
            rows: Rc::new(driven.rows),
            folder: folder.clone(),
        },
    })
}

/// Every parameter but the classes, whose texts are evaluated per arrival.
fn head(tree: &Tree, scope: &Scope<'_>) -> Result<Value, String> {
    let Tree::Table(entries) = tree else {
        return Err("the parameters are not a table".into());
    };
    let mut params = Map::new();
    for (key, value) in entries {
        match key.literal() {
            Some("class") | None => {}
            Some(key) => {
                params.insert(key.to_owned(), evaluate(value, scope)?);
            }
        }
    }
    Ok(Value::Object(params))
}

fn arrivals(plan: Params<'_>) -> Result<Arrivals, String> {
    let number = |key: &str| {
        plan.get(key)
            .map(|value| value.as_f64().ok_or(format!("`{key}` is no number")))
            .transpose()
    };
    if let Some(burst) = plan.count("burst").map_err(|blind| blind.to_string())? {
        return Ok(Arrivals::Burst(burst));
    }
    match (number("rps")?, number("seconds")?) {
        (Some(rps), Some(seconds)) => Ok(Arrivals::Steady { rps, seconds }),
        _ => Err("a load says `rps` and `seconds`, or `burst`".into()),
    }
}

/// A target inside closure, as `{stall_at, stall_for, error_share, delay}` has it.
fn target(value: &Value) -> Result<Target, String> {
    let params = Params::of(value).map_err(|blind| blind.to_string())?;
    let span = |key: &str| params.duration(key).map_err(|blind| blind.to_string());
    let plan = TargetPlan {
        stall_at: span("stall_at")?,
        stall_for: span("stall_for")?.unwrap_or_default(),
        error_share: params
            .get("error_share")
            .and_then(Value::as_f64)
            .unwrap_or_default(),
        delay: span("delay")?.unwrap_or_default(),
    };
    Target::start(plan).map_err(|error| format!("cannot start a target: {error}"))
}

/// The database's clock, which bounds the window: ours may differ from it.
async fn database_time(site: &Site) -> Option<String> {
    let db = site.databases.keys().next()?;
    let params = json!({"db": db, "query": "select to_json(clock_timestamp()) #>> '{}' as now"});
    let seen = sql::look(Params::of(&params).ok()?, site).await.ok()?;
    seen.pointer("/row/now")?.as_str().map(str::to_owned)
}
