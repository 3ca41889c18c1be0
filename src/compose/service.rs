//! One service.

use std::collections::BTreeMap;

use super::complaint::{Complaints, Place};
use super::field::{Field, Table};
use super::model::{Build, Condition, Service};
use super::subset::{self, CONDITIONS, NATIVE_KEY};
use super::tree::{Entry, Value};
use super::{healthcheck, mounts, native, ports, units, words};

/// A service as far as it could be read, with what it says about others.
pub(super) struct Reading {
    pub(super) service: Service,
    /// True when there is a health check that is not switched off.
    pub(super) has_health: bool,
    pub(super) links: Vec<Link>,
}

impl Reading {
    /// A service that could not be read: it is there, and nothing more is complained about on its account.
    fn unreadable() -> Self {
        Self {
            service: Service::default(),
            has_health: true,
            links: Vec::new(),
        }
    }
}

/// Something a service says about something that must stand elsewhere in the file.
pub(super) struct Link {
    pub(super) to: Target,
    pub(super) name: String,
    pub(super) place: Place,
}

/// What a link leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Service(Condition),
    Volume,
    Network,
}

pub(super) const DURATION: (&str, &str) = (
    "a duration",
    "numbers with units, the larger first, as in `500ms`, `30s` or `1m30s`",
);
const SIZE: (&str, &str) = (
    "a size in bytes",
    "a whole number, perhaps with `k`, `m` or `g`, as in `256m`",
);
const CORES: (&str, &str) = ("a number of cores", "a number above nought, as in `0.5`");
const PIDS: (&str, &str) = (
    "a number of processes",
    "a whole number above nought, or `-1` for no limit",
);

/// Read one entry of `services`.
pub(super) fn read(entry: &Entry, complaints: &mut Complaints) -> Reading {
    let what = format!("service `{}`", entry.key);
    let Some(table) = Table::read(&entry.value, &what, subset::SERVICE, complaints) else {
        return Reading::unreadable();
    };
    if ["image", "build", NATIVE_KEY]
        .iter()
        .all(|key| table.field(key).is_none())
    {
        complaints.say(
            &entry.place,
            format!("{what} has neither `image` nor `build` nor `{NATIVE_KEY}`"),
        );
    }
    let mut links = Vec::new();
    let mut service = Service::default();
    what_runs(&mut service, table, complaints);
    what_it_may(&mut service, table, complaints);
    service.depends_on = depends_on(table.field("depends_on"), &mut links, complaints);
    service.networks = networks(table.field("networks"), &mut links, complaints);
    service.ports = table
        .field("ports")
        .map(|field| ports::read(field, complaints))
        .unwrap_or_default();
    service.volumes = table
        .field("volumes")
        .map(|f| mounts::read(f, &mut links, complaints))
        .unwrap_or_default();
    service.healthcheck = table
        .field("healthcheck")
        .and_then(|field| healthcheck::read(field, complaints));
    service.native = table
        .field(NATIVE_KEY)
        .and_then(|field| native::read(field, complaints));
    let is_off = service
        .healthcheck
        .as_ref()
        .is_some_and(|check| check.test.is_empty());
    let has_health = table.field("healthcheck").is_some() && !is_off;
    Reading {
        service,
        has_health,
        links,
    }
}

/// Image, command, environment: what is executed.
fn what_runs(service: &mut Service, table: Table<'_>, complaints: &mut Complaints) {
    let mut text = |key: &str| table.field(key).and_then(|field| field.text(complaints));
    service.image = text("image");
    service.hostname = text("hostname");
    service.working_dir = text("working_dir");
    if let (Some(""), Some(field)) = (service.image.as_deref(), table.field("image")) {
        complaints.say(field.place(), "`image` may not be empty");
    }
    service.build = table.field("build").and_then(|field| build(field, complaints));
    service.entrypoint = table
        .field("entrypoint")
        .and_then(|field| argv(field, complaints));
    service.command = table.field("command").and_then(|field| argv(field, complaints));
    service.environment = environment(table.field("environment"), complaints);
    service.labels = table
        .field("labels")
        .and_then(|field| field.pairs(complaints))
        .unwrap_or_default();
    service.restart = table
        .field("restart")
        .and_then(|field| restart(field, complaints));
    service.stop_grace_period = table
        .field("stop_grace_period")
        .and_then(|field| field.parsed(units::duration, DURATION.0, DURATION.1, complaints));
}

/// User, capabilities, limits: what it may do, and how much of it.
fn what_it_may(service: &mut Service, table: Table<'_>, complaints: &mut Complaints) {
    let mut flag = |key: &str| {
        table
            .field(key)
            .and_then(|field| field.boolean(complaints))
            .unwrap_or_default()
    };
    service.read_only = flag("read_only");
    service.init = flag("init");
    let mut texts = |key: &str| {
        table
            .field(key)
            .and_then(|field| field.texts(complaints))
            .unwrap_or_default()
    };
    service.cap_drop = texts("cap_drop");
    service.cap_add = texts("cap_add");
    service.security_opt = texts("security_opt");
    service.tmpfs = table
        .field("tmpfs")
        .map(|field| tmpfs(field, complaints))
        .unwrap_or_default();
    service.user = table
        .field("user")
        .and_then(|field| field.parsed(user, "`uid` or `uid:gid`", "as in `10001:10001`", complaints));
    let mut size = |key: &str| {
        table
            .field(key)
            .and_then(|field| field.parsed(units::bytes, SIZE.0, SIZE.1, complaints))
    };
    service.mem_limit = size("mem_limit");
    service.shm_size = size("shm_size");
    service.cpus = table
        .field("cpus")
        .and_then(|field| field.parsed(units::cores, CORES.0, CORES.1, complaints));
    service.pids_limit = table
        .field("pids_limit")
        .and_then(|field| field.parsed(pids, PIDS.0, PIDS.1, complaints));
    if let Some(field) = table.field("deploy") {
        deploy(service, field, complaints);
    }
}

/// `deploy.resources.limits`: the other spelling of three limits. Said twice, they must say the same.
fn deploy(service: &mut Service, field: Field<'_>, complaints: &mut Complaints) -> Option<()> {
    let deploy = Table::read(field.node, "`deploy`", subset::DEPLOY, complaints)?;
    let resources = Table::read(
        deploy.field("resources")?.node,
        "`resources`",
        subset::RESOURCES,
        complaints,
    )?;
    let limits = Table::read(
        resources.field("limits")?.node,
        "`limits`",
        subset::LIMITS,
        complaints,
    )?;
    if let Some(field) = limits.field("memory") {
        let memory = field.parsed(units::bytes, SIZE.0, SIZE.1, complaints);
        settle(&mut service.mem_limit, memory, field, "mem_limit", complaints);
    }
    if let Some(field) = limits.field("cpus") {
        let cpus = field.parsed(units::cores, CORES.0, CORES.1, complaints);
        settle(&mut service.cpus, cpus, field, "cpus", complaints);
    }
    if let Some(field) = limits.field("pids") {
        let most = field.parsed(pids, PIDS.0, PIDS.1, complaints);
        settle(&mut service.pids_limit, most, field, "pids_limit", complaints);
    }
    Some(())
}

fn settle<T: PartialEq>(
    limit: &mut Option<T>,
    other: Option<T>,
    field: Field<'_>,
    known_as: &str,
    complaints: &mut Complaints,
) {
    if limit.is_some() && other.is_some() && *limit != other {
        complaints.say(
            field.place(),
            format!(
                "`{}` says something else than `{known_as}` of this service",
                field.key
            ),
        );
    }
    if other.is_some() {
        *limit = other;
    }
}

/// A list of words, or one text that is split into words.
pub(super) fn argv(field: Field<'_>, complaints: &mut Complaints) -> Option<Vec<String>> {
    match &field.node.value {
        Value::Text(text) => {
            let words = words::split(text);
            if words.is_none() {
                complaints.say(
                    field.place(),
                    format!("`{}` leaves a quote or a backslash open", field.key),
                );
            }
            words
        }
        Value::List(_) => field.texts(complaints),
        _ => field.wrong("a list of words, or one text", complaints),
    }
}

fn build(field: Field<'_>, complaints: &mut Complaints) -> Option<Build> {
    if let Value::Text(context) = &field.node.value {
        return Some(Build {
            context: context.clone(),
            ..Build::default()
        });
    }
    let table = Table::read(field.node, "`build`", subset::BUILD, complaints)?;
    Some(Build {
        context: table
            .required("context", "`build`", complaints)?
            .text(complaints)?,
        dockerfile: table.field("dockerfile").and_then(|field| field.text(complaints)),
        args: table
            .field("args")
            .and_then(|field| field.pairs(complaints))
            .unwrap_or_default(),
        target: table.field("target").and_then(|field| field.text(complaints)),
    })
}

fn environment(field: Option<Field<'_>>, complaints: &mut Complaints) -> BTreeMap<String, String> {
    let Some(field) = field else {
        return BTreeMap::new();
    };
    let pairs = field.pairs(complaints).unwrap_or_default();
    for name in pairs
        .keys()
        .filter(|name| name.is_empty() || name.contains(['=', ' ', '\t', '\n']))
    {
        complaints.say(
            field.place(),
            format!("`{name}` is not a name for an environment variable"),
        );
    }
    pairs
}

fn restart(field: Field<'_>, complaints: &mut Complaints) -> Option<String> {
    let policy = field.text(complaints)?;
    if policy != "no" {
        let message = format!("`restart` must be `no`, not `{policy}`");
        complaints.hint(
            field.place(),
            message,
            "a service that restarts by itself hides its failures",
        );
    }
    Some(policy)
}

fn tmpfs(field: Field<'_>, complaints: &mut Complaints) -> Vec<String> {
    let folders = field.one_or_more(complaints).unwrap_or_default();
    for folder in folders.iter().filter(|folder| !folder.starts_with('/')) {
        complaints.say(
            field.place(),
            format!("`tmpfs` must be absolute paths, not `{folder}`"),
        );
    }
    folders
}

fn user(text: &str) -> Option<String> {
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    (text.split(':').count() <= 2 && text.split(':').all(is_name)).then(|| text.to_owned())
}

fn pids(text: &str) -> Option<i64> {
    text.parse().ok().filter(|most| *most == -1 || *most > 0)
}

/// A list of names, or a map from names to conditions.
fn depends_on(
    field: Option<Field<'_>>,
    links: &mut Vec<Link>,
    complaints: &mut Complaints,
) -> BTreeMap<String, Condition> {
    let Some(field) = field else {
        return BTreeMap::new();
    };
    let mut found = Vec::new();
    match &field.node.value {
        Value::Map(entries) => found.extend(entries.iter().filter_map(|entry| {
            Some((
                entry.key.clone(),
                condition(entry, complaints)?,
                entry.place.clone(),
            ))
        })),
        Value::List(_) => found.extend(field.items(complaints).unwrap_or_default().iter().filter_map(
            |item| {
                Some((
                    item.text(complaints)?,
                    Condition::ServiceStarted,
                    item.place().clone(),
                ))
            },
        )),
        _ => {
            return field
                .wrong("a list of services, or a map of conditions", complaints)
                .unwrap_or_default();
        }
    }
    let to = |(name, condition, place): &(String, Condition, Place)| Link {
        to: Target::Service(*condition),
        name: name.clone(),
        place: place.clone(),
    };
    links.extend(found.iter().map(to));
    found
        .into_iter()
        .map(|(name, condition, _)| (name, condition))
        .collect()
}

fn condition(entry: &Entry, complaints: &mut Complaints) -> Option<Condition> {
    let what = format!("the dependency on `{}`", entry.key);
    let table = Table::read(&entry.value, &what, subset::DEPENDENCY, complaints)?;
    let field = table.required("condition", &what, complaints)?;
    let text = field.text(complaints)?;
    let condition = match text.as_str() {
        "service_started" => Some(Condition::ServiceStarted),
        "service_healthy" => Some(Condition::ServiceHealthy),
        "service_completed_successfully" => Some(Condition::ServiceCompletedSuccessfully),
        _ => None,
    };
    if condition.is_none() {
        let near = crate::name::nearest(&text, CONDITIONS.iter().copied());
        let hint = near.map_or_else(
            || format!("one of {}", subset::listed(CONDITIONS)),
            subset::did_you_mean,
        );
        complaints.hint(field.place(), format!("`{text}` is not a condition"), hint);
    }
    condition
}

/// A list of names, or a map from names to nothing.
fn networks(field: Option<Field<'_>>, links: &mut Vec<Link>, complaints: &mut Complaints) -> Vec<String> {
    let Some(field) = field else { return Vec::new() };
    let mut found = Vec::new();
    match &field.node.value {
        Value::Map(entries) => {
            for entry in entries.iter().filter(|entry| entry.value.value != Value::Null) {
                Table::read(&entry.value, &format!("network `{}`", entry.key), &[], complaints);
            }
            found.extend(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.place.clone())),
            );
        }
        Value::List(_) => found.extend(
            field
                .items(complaints)
                .unwrap_or_default()
                .iter()
                .filter_map(|item| Some((item.text(complaints)?, item.place().clone()))),
        ),
        _ => return field.wrong("a list of networks", complaints).unwrap_or_default(),
    }
    let to = |(name, place): &(String, Place)| Link {
        to: Target::Network,
        name: name.clone(),
        place: place.clone(),
    };
    links.extend(found.iter().map(to));
    found.into_iter().map(|(name, _)| name).collect()
}
