//! One service.

use super::complaint::Complaints;
use super::field::{Field, Table};
use super::links::{self, Link};
use super::model::{Build, Service};
use super::subset::{self, NATIVE_KEY};
use super::tree::{Entry, Value};
use super::units::{DURATION, USER};
use super::{healthcheck, limits, mounts, native, ports, words};

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
        let message = format!("{what} has neither `image` nor `build` nor `{NATIVE_KEY}`");
        complaints.say(&entry.place, message);
    }
    let mut service = Service::default();
    what_runs(&mut service, table, complaints);
    what_it_may(&mut service, table, complaints);
    limits::read(&mut service, table, complaints);
    let links = what_it_needs(&mut service, table, complaints);
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
    service.image = table.field("image").and_then(|field| image(field, complaints));
    service.build = table.field("build").and_then(|field| build(field, complaints));
    service.entrypoint = table
        .field("entrypoint")
        .and_then(|field| argv(field, complaints));
    service.command = table.field("command").and_then(|field| argv(field, complaints));
    service.environment = table.pairs("environment", complaints);
    if let Some(field) = table.field("environment") {
        check_names(service, field, complaints);
    }
    service.working_dir = table.text("working_dir", complaints);
    service.hostname = table.text("hostname", complaints);
    service.labels = table.pairs("labels", complaints);
    service.init = table.boolean("init", complaints);
    service.healthcheck = table
        .field("healthcheck")
        .and_then(|field| healthcheck::read(field, complaints));
    service.restart = table
        .field("restart")
        .and_then(|field| restart(field, complaints));
    service.stop_grace_period = table.parsed("stop_grace_period", &DURATION, complaints);
    service.native = table
        .field(NATIVE_KEY)
        .and_then(|field| native::read(field, complaints));
}

/// User, capabilities, folders it may write to.
fn what_it_may(service: &mut Service, table: Table<'_>, complaints: &mut Complaints) {
    service.user = table.parsed("user", &USER, complaints);
    service.read_only = table.boolean("read_only", complaints);
    service.cap_drop = table.texts("cap_drop", complaints);
    service.cap_add = table.texts("cap_add", complaints);
    service.security_opt = table.texts("security_opt", complaints);
    service.tmpfs = table
        .field("tmpfs")
        .map(|field| tmpfs(field, complaints))
        .unwrap_or_default();
    service.ports = table
        .field("ports")
        .map(|field| ports::read(field, complaints))
        .unwrap_or_default();
}

/// Services, volumes and networks; and what it says about them.
fn what_it_needs(service: &mut Service, table: Table<'_>, complaints: &mut Complaints) -> Vec<Link> {
    let mut links = Vec::new();
    if let Some(field) = table.field("depends_on") {
        links.extend(links::dependencies(field, complaints));
    }
    service.depends_on = links::conditions(&links);
    if let Some(field) = table.field("volumes") {
        service.volumes = mounts::read(field, &mut links, complaints);
    }
    if let Some(field) = table.field("networks") {
        let networks = links::networks(field, complaints);
        service.networks = networks.iter().map(|link| link.name.clone()).collect();
        links.extend(networks);
    }
    links
}

fn image(field: Field<'_>, complaints: &mut Complaints) -> Option<String> {
    let image = field.text(complaints)?;
    if image.is_empty() {
        complaints.say(field.place(), "`image` may not be empty");
    }
    Some(image)
}

fn build(field: Field<'_>, complaints: &mut Complaints) -> Option<Build> {
    if let Value::Text(context) = &field.node.value {
        return Some(Build {
            context: context.clone(),
            ..Build::default()
        });
    }
    let table = Table::read(field.node, "`build`", subset::BUILD, complaints)?;
    let context = table
        .required("context", "`build`", complaints)
        .and_then(|field| field.text(complaints));
    let build = Build {
        context: context.unwrap_or_default(),
        dockerfile: table.text("dockerfile", complaints),
        args: table.pairs("args", complaints),
        target: table.text("target", complaints),
    };
    Some(build)
}

/// A list of words, or one text that is split into words.
fn argv(field: Field<'_>, complaints: &mut Complaints) -> Option<Vec<String>> {
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

fn check_names(service: &Service, field: Field<'_>, complaints: &mut Complaints) {
    let is_name = |name: &str| !name.is_empty() && !name.contains(['=', ' ', '\t', '\n']);
    for name in service.environment.keys().filter(|name| !is_name(name)) {
        complaints.say(
            field.place(),
            format!("`{name}` is not a name for an environment variable"),
        );
    }
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
