//! How much of the machine a service may use.

use super::complaint::Complaints;
use super::field::Table;
use super::model::Service;
use super::subset;
use super::units::{CORES, Kind, PIDS, SIZE};

pub(super) fn read(service: &mut Service, table: Table<'_>, complaints: &mut Complaints) {
    service.mem_limit = table.parsed("mem_limit", &SIZE, complaints);
    service.shm_size = table.parsed("shm_size", &SIZE, complaints);
    service.cpus = table.parsed("cpus", &CORES, complaints);
    service.pids_limit = table.parsed("pids_limit", &PIDS, complaints);
    if let Some(limits) = deployed(table, complaints) {
        settle(
            &mut service.mem_limit,
            "mem_limit",
            limits,
            "memory",
            &SIZE,
            complaints,
        );
        settle(&mut service.cpus, "cpus", limits, "cpus", &CORES, complaints);
        settle(
            &mut service.pids_limit,
            "pids_limit",
            limits,
            "pids",
            &PIDS,
            complaints,
        );
    }
}

/// `deploy.resources.limits`: the other spelling of three limits.
fn deployed<'a>(table: Table<'a>, complaints: &mut Complaints) -> Option<Table<'a>> {
    let mut within = |table: Table<'a>, key: &str, known: &[&str]| {
        Table::read(table.field(key)?.node, &format!("`{key}`"), known, complaints)
    };
    let deploy = within(table, "deploy", subset::DEPLOY)?;
    let resources = within(deploy, "resources", subset::RESOURCES)?;
    within(resources, "limits", subset::LIMITS)
}

/// Take a limit from its other spelling. Said in both, it must be the same.
fn settle<T: PartialEq>(
    limit: &mut Option<T>,
    known_as: &str,
    limits: Table<'_>,
    key: &str,
    kind: &Kind<T>,
    complaints: &mut Complaints,
) {
    let Some(field) = limits.field(key) else { return };
    let other = field.parsed(kind, complaints);
    if limit.is_some() && other.is_some() && *limit != other {
        complaints.say(
            field.place(),
            format!("`{key}` says something else than `{known_as}` of this service"),
        );
    }
    if other.is_some() {
        *limit = other;
    }
}
