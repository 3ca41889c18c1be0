//! The whole file: its services one by one, then what they say about each other.

use std::collections::{BTreeMap, BTreeSet};

use super::complaint::{Complaints, Place};
use super::field::{Field, Table};
use super::model::Model;
use super::references;
use super::service::{self, Reading};
use super::subset;
use super::tree::{Node, Value};
use crate::name::is_identifier;

/// The network of a service that names none.
const DEFAULT_NETWORK: &str = "default";

/// Read a tree in which variables are filled in, or unknown. The model is complete only when nobody complained and
/// nothing is unknown.
pub(super) fn read(root: &Node, complaints: &mut Complaints) -> Option<Model> {
    let top = Table::read(root, "a compose file", subset::TOP, complaints)?;
    if let Some(field) = top.field("version") {
        field.spelt(complaints);
    }
    if let Some(field) = top.field("name") {
        field.text(complaints);
    }
    let volumes = declared(top.field("volumes"), complaints);
    let mut networks = declared(top.field("networks"), complaints);
    networks.insert(DEFAULT_NETWORK.to_owned());
    let readings = services(
        top.required("services", "a compose file", complaints)?,
        complaints,
    )?;
    references::check(&readings, &volumes, &networks, complaints);

    let services: BTreeMap<_, _> = readings
        .into_iter()
        .map(|(name, reading)| (name, with_network(reading)))
        .collect();
    let used: BTreeSet<&String> = services.values().flat_map(|service| &service.networks).collect();
    networks.retain(|name| name != DEFAULT_NETWORK || used.contains(name));
    Some(Model {
        services,
        volumes: volumes.into_iter().collect(),
        networks: networks.into_iter().collect(),
    })
}

fn services(field: Field<'_>, complaints: &mut Complaints) -> Option<BTreeMap<String, Reading>> {
    if !matches!(field.node.value, Value::Map(_)) {
        return field.wrong("a map of services", complaints);
    }
    if field.node.entries().is_empty() {
        complaints.say(field.place(), "there are no services");
    }
    let mut readings = BTreeMap::new();
    for entry in field.node.entries() {
        check_name(&entry.key, &entry.place, complaints);
        readings.insert(entry.key.clone(), service::read(entry, complaints));
    }
    Some(readings)
}

/// Names of services stand bare in the expressions of gates.
fn check_name(name: &str, place: &Place, complaints: &mut Complaints) {
    if !is_identifier(name) {
        let message = format!("`{name}` is not a name for a service");
        complaints.hint(place, message, "a letter or `_`, then letters, digits and `_`");
    }
}

fn with_network(reading: Reading) -> super::model::Service {
    let mut service = reading.service;
    if service.networks.is_empty() {
        service.networks.push(DEFAULT_NETWORK.to_owned());
    }
    service
}

/// The names under a top-level `volumes` or `networks`. They have no options here.
fn declared(field: Option<Field<'_>>, complaints: &mut Complaints) -> BTreeSet<String> {
    let Some(field) = field else {
        return BTreeSet::new();
    };
    if !matches!(field.node.value, Value::Map(_) | Value::Null) {
        return field.wrong("a map", complaints).unwrap_or_default();
    }
    for entry in field
        .node
        .entries()
        .iter()
        .filter(|entry| entry.value.value != Value::Null)
    {
        Table::read(&entry.value, &format!("`{}`", entry.key), &[], complaints);
    }
    field
        .node
        .entries()
        .iter()
        .map(|entry| entry.key.clone())
        .collect()
}
