//! What services say about each other, about volumes and about networks: is it so?

use std::collections::{BTreeMap, BTreeSet};

use super::complaint::Complaints;
use super::links::{Link, Target};
use super::model::Condition;
use super::order::{self, Graph};
use super::service::Reading;
use super::subset::did_you_mean;
use crate::name::nearest;

pub(super) fn check(
    readings: &BTreeMap<String, Reading>,
    volumes: &BTreeSet<String>,
    networks: &BTreeSet<String>,
    complaints: &mut Complaints,
) {
    let services: BTreeSet<String> = readings.keys().cloned().collect();
    for link in readings.values().flat_map(|reading| &reading.links) {
        match link.to {
            Target::Service(_) => is_there(link, &services, "there is no service", complaints),
            Target::Volume => is_there(link, volumes, "there is no top-level volume", complaints),
            Target::Network => is_there(link, networks, "there is no top-level network", complaints),
        }
        let has_no_health = || readings.get(&link.name).is_some_and(|other| !other.has_health);
        if link.condition() == Some(Condition::ServiceHealthy) && has_no_health() {
            let message = format!("`{}` is never healthy: it has no health check", link.name);
            complaints.hint(&link.place, message, "give it one, or wait for `service_started`");
        }
    }
    cycles(readings, complaints);
}

fn is_there(link: &Link, names: &BTreeSet<String>, lament: &str, complaints: &mut Complaints) {
    if !names.contains(&link.name) {
        let near = nearest(&link.name, names.iter().map(String::as_str)).map(did_you_mean);
        complaints.push(&link.place, format!("{lament} `{}`", link.name), near);
    }
}

/// Each circle is said once, where its first service asks for the next.
fn cycles(readings: &BTreeMap<String, Reading>, complaints: &mut Complaints) {
    let links: BTreeMap<&str, BTreeMap<&str, &Link>> = readings
        .iter()
        .map(|(name, reading)| (name.as_str(), dependencies(reading)))
        .collect();
    let known = |to: &&str| readings.contains_key(*to);
    let graph: Graph<'_> = links
        .iter()
        .map(|(name, to)| (*name, to.keys().copied().filter(known).collect()))
        .collect();
    for cycle in order::cycles(&graph) {
        let next = cycle.get(1).copied().unwrap_or(cycle[0]);
        let path = cycle
            .iter()
            .chain([&cycle[0]])
            .copied()
            .collect::<Vec<_>>()
            .join(" -> ");
        let place = &links[cycle[0]][next].place;
        complaints.say(place, format!("services wait for each other: `{path}`"));
    }
}

/// What a service waits for, with where it says so.
fn dependencies(reading: &Reading) -> BTreeMap<&str, &Link> {
    let links = reading.links.iter().filter(|link| link.condition().is_some());
    links.map(|link| (link.name.as_str(), link)).collect()
}
