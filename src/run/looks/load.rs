//! The kind `load`: every request made, driven at its time, written down, and turned into figures.

use std::{rc::Rc, time::Duration};

use serde_json::{Map, Value, json};

use super::Drive;
use crate::{
    account::{self, Lands, Planned},
    cel::{Scope, Sentence, Text},
    digest::Digest,
    exchange::Exchange,
    gate::{model::Tree, tree::evaluate},
    load::{
        Arrivals, ClassPlan, Launch, Limits, PreparedRequest, Progress, Schedule, Target, TargetPlan, drive,
    },
    observation::Names,
    probe::{Params, Site, http, sql},
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
    } = prepare(tree, scope, site, errand, arrivals, host.as_deref())?;
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

/// A load that is ready to be driven.
struct Ready {
    arrivals: Arrivals,
    launch: Launch,
    timeout: Duration,
    /// The mix as executed.
    counts: Value,
    /// What each request was, in the order of the schedule.
    asked: Vec<Asked>,
}

/// What paper keeps of a request: no header's value, and of the body its digest.
struct Asked {
    method: String,
    service: String,
    path: String,
    headers: Vec<String>,
    body: Digest,
    bytes: u64,
}

impl Asked {
    fn of(request: &http::Prepared) -> Self {
        let mut headers: Vec<String> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        headers.sort();
        Self {
            method: request.method.clone(),
            service: request.service.clone(),
            path: request.path.clone(),
            headers,
            body: Digest::of(&request.body),
            bytes: request.body.len() as u64,
        }
    }
}

/// All HTTP passes one recorder, that of loads too.
fn record_exchanges(site: &Site, asked: &[Asked], driven: &crate::load::Drive, begin_ms: u64) {
    for ((asked, row), answer) in asked.iter().zip(&driven.rows).zip(&driven.answers) {
        let Some(sent_us) = row.sent_us else { continue };
        let lasted = row.done_us.unwrap_or(sent_us).saturating_sub(sent_us);
        site.paper.exchange(Exchange {
            asked_by: site.asked_by.clone(),
            service: asked.service.clone(),
            method: asked.method.clone(),
            path: site.paper.redact(&asked.path),
            request_headers: asked.headers.clone(),
            request_body_sha256: asked.body.clone(),
            request_bytes: asked.bytes,
            status: row.status,
            error: row
                .error
                .and_then(|trouble| json!(trouble).as_str().map(str::to_owned)),
            media_type: answer.as_ref().and_then(|answer| answer.media_type.clone()),
            body: answer
                .as_ref()
                .and_then(|answer| Some(site.paper.redact(std::str::from_utf8(&answer.body).ok()?))),
            begin_ms: begin_ms + sent_us / 1000,
            ms: crate::account::ms(lasted),
        });
    }
}

/// One class as its table has it.
struct Class<'t> {
    tree: &'t Tree,
    plan: ClassPlan,
}

/// Make every request before the first one is sent.
fn prepare(
    tree: &Tree,
    scope: &Scope<'_>,
    site: &Site,
    errand: &Errand<'_>,
    arrivals: Arrivals,
    host: Option<&str>,
) -> Result<Ready, String> {
    let total = arrivals.count().map_err(|fault| fault.to_string())?;
    let classes = classes(tree, scope, total)?;
    let plans = classes.iter().map(|class| class.plan.clone()).collect();
    let key = |index: usize| {
        let name = format!("{}/{index}", errand.label);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes())
            .simple()
            .to_string()
    };
    let schedule = Schedule::new(arrivals, plans, errand.label, key).map_err(|fault| fault.to_string())?;
    let mut timeout = Duration::ZERO;
    let mut asked = Vec::with_capacity(total);
    let launch = Launch::prepare(schedule, |arrival, at| {
        let class = &classes[arrival.class];
        let mut names = Names::new();
        names.insert("key".into(), arrival.key.as_str().into());
        names.insert("i".into(), arrival.index.into());
        names.insert("at".into(), at.into());
        names.insert("T".into(), total.into());
        let request = request(class.tree, scope, site, &names)?;
        timeout = timeout.max(request.timeout);
        asked.push(Asked::of(&request));
        Ok::<_, String>(PreparedRequest {
            method: request.method,
            url: host.map_or(request.url, |host| format!("http://{host}{}", request.path)),
            headers: request.headers,
            body: request.body.into(),
        })
    })
    .map_err(|fault| fault.to_string())?;
    let counts = classes
        .iter()
        .map(|class| json!({"name": class.plan.name, "count": class.plan.count}))
        .collect();
    Ok(Ready {
        arrivals,
        launch,
        timeout,
        counts,
        asked,
    })
}

fn request(tree: &Tree, scope: &Scope<'_>, site: &Site, names: &Names) -> Result<http::Prepared, String> {
    let mut inner = scope.child();
    names.iter().for_each(|(name, value)| inner.bind(name, value));
    let mut with = Names::new();
    if let Some(Tree::Table(entries)) = tree.get("with") {
        for (name, value) in entries {
            let name = name.literal().unwrap_or_default();
            with.insert(name.to_owned(), evaluate(value, &inner)?);
        }
    }
    with.iter().for_each(|(name, value)| inner.bind(name, value));
    http::prepare(tree, &inner, site)
}

fn classes<'t>(tree: &'t Tree, scope: &Scope<'_>, total: usize) -> Result<Vec<Class<'t>>, String> {
    let Some(Tree::List(items)) = tree.get("class") else {
        return Err("a load has classes".into());
    };
    let mut classes = Vec::with_capacity(items.len());
    let mut rest = None;
    let mut taken = 0_usize;
    for item in items {
        let count = item
            .get("count")
            .map(|count| number_of(count, scope, total))
            .transpose()?;
        match count {
            Some(count) => taken += count,
            None => rest = Some(classes.len()),
        }
        classes.push(Class {
            tree: item,
            plan: class_plan(item, scope, count.unwrap_or_default())?,
        });
    }
    if let Some(at) = rest {
        let left = total
            .checked_sub(taken)
            .ok_or("the classes are more than all arrivals together")?;
        classes[at].plan.count = left;
    }
    Ok(classes)
}

fn class_plan(tree: &Tree, scope: &Scope<'_>, count: usize) -> Result<ClassPlan, String> {
    let value = |key: &str| tree.get(key).map(|part| evaluate(part, scope)).transpose();
    let lands = match value("lands")?.as_ref().and_then(Value::as_str) {
        None | Some("canonical") => Lands::Canonical,
        Some("dead") => Lands::Dead,
        Some("refused") => Lands::Refused,
        Some(other) => return Err(format!("`lands` is `{other}`, not canonical, dead or refused")),
    };
    let cents = match tree.get("with").and_then(|with| with.get("cents")) {
        Some(cents) => evaluate(cents, scope)?.as_i64().unwrap_or_default(),
        None => 0,
    };
    let whole = |value: Option<Value>| value.and_then(|value| usize::try_from(value.as_u64()?).ok());
    Ok(ClassPlan {
        name: value("name")?
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default(),
        count,
        same_key: value("same_key")? == Some(Value::Bool(true)),
        burst: whole(value("burst")?).unwrap_or_default(),
        lands,
        cents,
    })
}

/// A count: a number, or a sentence over `T`.
fn number_of(tree: &Tree, scope: &Scope<'_>, total: usize) -> Result<usize, String> {
    let mut inner = scope.child();
    inner.bind("T", &total.into());
    let value = match tree {
        Tree::Plain(number) => number.clone(),
        Tree::Text(text) => sentence_of(text)?
            .map_or_else(|| inner.text(text), |sentence| inner.eval(&sentence))
            .map_err(|error| format!("count `{}`: {error}", text.source()))?,
        Tree::List(_) | Tree::Table(_) => return Err("a count is a number or a sentence over `T`".into()),
    };
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| format!("count `{value}` is no whole number"))
}

/// A text without `${…}` is a sentence here.
fn sentence_of(text: &Text) -> Result<Option<Sentence>, String> {
    text.literal()
        .map(Sentence::compile)
        .transpose()
        .map_err(|fault| format!("count `{}`: {fault}", text.source()))
}

/// The database's clock, which bounds the window: ours may differ from it.
async fn database_time(site: &Site) -> Option<String> {
    let db = site.databases.keys().next()?;
    let params = json!({"db": db, "query": "select to_json(clock_timestamp()) #>> '{}' as now"});
    let seen = sql::look(Params::of(&params).ok()?, site).await.ok()?;
    seen.pointer("/row/now")?.as_str().map(str::to_owned)
}
