//! Spans: what lasts, and what is looked at while it does.
//!
//! Looks inside a span stand in two lanes: those with `every` repeat until it is over, the others follow one another,
//! each not before its `at`. A load is over when its last answer is in; a change when its looks and its `hold` are done.

use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{Around, Seen, Walk, way};
use crate::{
    account,
    cel::Scope,
    control,
    gate::model::{Gate, LookAt, Probe, Tree},
    run::{
        looks::{self, Errand, Made},
        news::News,
    },
};

/// The looks that stand inside a span, those inside spans inside it included.
pub(super) fn inside<'g>(gate: &'g Gate, span: &Probe) -> impl Iterator<Item = &'g Probe> {
    let mut names = vec![span.name.as_str().to_owned()];
    let mut found: Vec<&Probe> = Vec::new();
    for probe in &gate.probes {
        if probe.during.as_ref().is_some_and(|during| names.contains(during)) {
            names.push(probe.name.clone());
            found.push(probe);
        }
    }
    found.into_iter()
}

/// Run a span with everything inside it.
pub(super) async fn run(walk: &Walk<'_>, span: &Probe) -> Seen {
    let direct: Vec<&Probe> = walk
        .gate
        .probes
        .iter()
        .filter(|probe| probe.during.as_deref() == Some(span.name.as_str()))
        .collect();
    let LookAt::Kind { kind, params } = &span.look else {
        return Seen::blind("a group is no span");
    };
    let mut scope = walk.world.scope();
    walk.bind(&mut scope, &Around::new());
    match kind.as_str() {
        "load" => load(walk, span, params, &scope, &span.name, &direct).await,
        "change" => change(walk, span, params, &scope, &span.name, &direct).await,
        other => Seen::blind(format!("`{other}` is no span")),
    }
}

/// A load, with the looks inside it.
pub(super) async fn load(
    walk: &Walk<'_>,
    probe: &Probe,
    params: &Tree,
    scope: &Scope<'_>,
    path: &str,
    inside: &[&Probe],
) -> Seen {
    let begin_ms = walk.site.clock.ms();
    let label = format!("{}/{path}", walk.label);
    let _relays = match way::hold(walk, probe, scope) {
        Ok(held) => held,
        Err(reason) => return walk.made(Made::blind(reason), "load", path, begin_ms, 1),
    };
    let errand = Errand {
        label: &label,
        subfolder: &walk.subfolder,
    };
    let (starts, mut begun) = watch::channel(false);
    let (ends, ended) = watch::channel(false);
    let (counts, mut count) = watch::channel((0_u64, 0_u64));
    let body = async {
        let once_begun = || {
            let _nobody_listens = starts.send(true);
        };
        let progress = move |progress: crate::load::Progress| {
            let _nobody_listens = counts.send((progress.sent as u64, progress.planned as u64));
        };
        let site = walk.site.asked_by(label.clone());
        let loaded = looks::load(params, scope, &site, &errand, once_begun, progress).await;
        let _nobody_listens = ends.send(true);
        loaded
    };
    let around = async {
        // A load that fails before it begins drops its sender, and there is nothing to stand inside of.
        if begun.wait_for(|begun| *begun).await.is_ok() {
            lanes(walk, inside, Instant::now(), &ended).await;
        }
    };
    let telling = async {
        while count.changed().await.is_ok() {
            let (sent, planned) = *count.borrow();
            (walk.tell)(News::Load {
                span: &probe.name,
                sent,
                planned,
            });
        }
    };
    let ((loaded, ()), ()) = join(join(body, around), telling).await;
    match loaded {
        Ok(loaded) => {
            let mut files = loaded.files;
            files.extend(series(walk, &probe.name, loaded.drive.folder.as_deref()));
            walk.drives.borrow_mut().insert(probe.name.clone(), loaded.drive);
            match walk.write(files) {
                Ok(()) => {
                    let made = Made {
                        seen: Ok(loaded.observation),
                        params: loaded.params,
                    };
                    walk.made(made, "load", path, begin_ms, 1)
                }
                Err(reason) => Seen::blind(reason),
            }
        }
        Err(reason) => walk.made(Made::blind(reason), "load", path, begin_ms, 1),
    }
}

/// What the services took while a load lasted, where somebody looked and the load keeps raw files.
fn series(walk: &Walk<'_>, span: &str, folder: Option<&str>) -> Option<(String, Vec<u8>)> {
    let found = walk.found.borrow();
    let watchers = walk.gate.watchers(span);
    let table = account::write_series(watchers.flat_map(|watcher| found.points(&watcher.name)))?;
    Some((format!("{}/series.csv", folder?), table))
}

/// A change, with the looks inside it; undone before anything else is looked at.
pub(super) async fn change(
    walk: &Walk<'_>,
    probe: &Probe,
    params: &Tree,
    scope: &Scope<'_>,
    path: &str,
    inside: &[&Probe],
) -> Seen {
    let begin_ms = walk.site.clock.ms();
    let hold = match params.get("hold") {
        Some(Tree::Text(text)) => walk.duration(text, &Around::new()),
        _ => Ok(Duration::ZERO),
    };
    let hold = match hold {
        Ok(hold) => hold,
        Err(reason) => return Seen::blind(reason),
    };
    let changes = match params.get("make").map(control::read).transpose() {
        Ok(changes) => changes.unwrap_or_default(),
        Err(reason) => return Seen::blind(reason),
    };
    (walk.tell)(News::Doing(format!("change {}", probe.name)));
    let site = walk.site.asked_by(format!("{}/{path}", walk.label));
    let mut applied = Vec::new();
    for change in &changes {
        applied.push(control::make(change, scope, &site, walk.journal).await);
    }
    let begin = Instant::now();
    let (ends, ended) = watch::channel(false);
    let sequenced = async {
        join(sequence(walk, inside, begin), sleep(hold)).await;
        let _nobody_listens = ends.send(true);
    };
    join(sequenced, repeating(walk, inside, begin, &ended)).await;
    for change in applied.iter_mut().rev() {
        change.undo(&site, walk.journal).await;
    }
    let failed = applied.iter().find_map(|change| change.record.error.clone());
    let observation = match applied.as_slice() {
        [] => Err("a change that changes nothing".to_owned()),
        [one] => Ok(one.observation()),
        several => Ok(together(
            several.iter().map(control::Applied::observation).collect(),
        )),
    };
    let seen = match failed {
        Some(reason) => Err(reason),
        None => observation,
    };
    let made = applied.iter().map(|change| change.record.params.clone());
    let params = executed(params, made.collect(), hold);
    walk.made(Made { seen, params }, "change", path, begin_ms, 1)
}

/// The parameters as executed, under the paths by which a sabotage changes them: one change or a list, as written.
fn executed(written: &Tree, mut changes: Vec<Value>, hold: Duration) -> Value {
    let make = match (written.get("make"), changes.len()) {
        (Some(Tree::Table(_)), 1) => changes.remove(0),
        _ => changes.into(),
    };
    json!({ "make": make, "hold": format!("{}ms", hold.as_millis()) })
}

/// Several changes as one: in force when all are, undone when all are; times from the first to the last.
fn together(all: Vec<Value>) -> Value {
    let mut whole = all.first().cloned().unwrap_or_default();
    let last = all.last().cloned().unwrap_or_default();
    let every = |key: &str| all.iter().all(|one| one.get(key) == Some(&Value::Bool(true)));
    if let Value::Object(fields) = &mut whole {
        fields.insert("landed".into(), every("landed").into());
        fields.insert("undone".into(), every("undone").into());
        fields.insert(
            "landed_ms".into(),
            last.get("landed_ms").cloned().unwrap_or_default(),
        );
        fields.insert("each".into(), Value::Array(all));
    }
    whole
}

/// Both lanes, until the span is over and the sequence done.
async fn lanes(walk: &Walk<'_>, inside: &[&Probe], begin: Instant, ended: &watch::Receiver<bool>) {
    join(
        sequence(walk, inside, begin),
        repeating(walk, inside, begin, ended),
    )
    .await;
}

async fn sequence(walk: &Walk<'_>, inside: &[&Probe], begin: Instant) {
    let mut open = true;
    for probe in inside.iter().filter(|probe| probe.every.is_none()) {
        if !open {
            walk.unreached(probe);
            continue;
        }
        if let Some(at) = &probe.at {
            match walk.duration(at, &Around::new()) {
                Ok(at) => sleep_until(begin + at).await,
                Err(reason) => {
                    walk.keep(&probe.name, &Seen::blind(reason));
                    continue;
                }
            }
        }
        open = Box::pin(walk.top(probe)).await;
    }
}

async fn repeating(walk: &Walk<'_>, inside: &[&Probe], begin: Instant, ended: &watch::Receiver<bool>) {
    let repeated = inside.iter().filter(|probe| probe.every.is_some());
    join_all(repeated.map(|probe| walk.repeated(probe, begin, ended))).await;
}
