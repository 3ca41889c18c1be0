//! What a service says about things that must stand elsewhere in the file.

use std::collections::BTreeMap;

use super::complaint::{Complaints, Place};
use super::field::{Field, Table};
use super::model::Condition;
use super::subset::{self, CONDITIONS};
use super::tree::{Entry, Value};
use crate::name::nearest;

/// A name, what it should be the name of, and where it is said.
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

impl Link {
    pub(super) fn new(to: Target, name: &str, place: &Place) -> Self {
        Self {
            to,
            name: name.to_owned(),
            place: place.clone(),
        }
    }

    /// The condition, when this is a dependency.
    pub(super) fn condition(&self) -> Option<Condition> {
        match self.to {
            Target::Service(condition) => Some(condition),
            Target::Volume | Target::Network => None,
        }
    }
}

/// `depends_on`: a list of names, or a map from names to conditions.
pub(super) fn dependencies(field: Field<'_>, complaints: &mut Complaints) -> Vec<Link> {
    let by_name = |entry: &Entry, complaints: &mut Complaints| {
        Some(Link::new(
            Target::Service(condition(entry, complaints)?),
            &entry.key,
            &entry.place,
        ))
    };
    let wanted = "a list of services, or a map of conditions";
    names(
        field,
        Target::Service(Condition::ServiceStarted),
        by_name,
        wanted,
        complaints,
    )
}

/// `networks`: a list of names, or a map from names to nothing.
pub(super) fn networks(field: Field<'_>, complaints: &mut Complaints) -> Vec<Link> {
    let by_name = |entry: &Entry, complaints: &mut Complaints| {
        if entry.value.value != Value::Null {
            Table::read(&entry.value, &format!("network `{}`", entry.key), &[], complaints);
        }
        Some(Link::new(Target::Network, &entry.key, &entry.place))
    };
    names(field, Target::Network, by_name, "a list of networks", complaints)
}

fn names(
    field: Field<'_>,
    listed: Target,
    by_name: impl Fn(&Entry, &mut Complaints) -> Option<Link>,
    wanted: &str,
    complaints: &mut Complaints,
) -> Vec<Link> {
    match &field.node.value {
        Value::Map(entries) => entries
            .iter()
            .filter_map(|entry| by_name(entry, complaints))
            .collect(),
        Value::List(_) => {
            let items = field.items(complaints).unwrap_or_default();
            let link = |item: &Field<'_>| Some(Link::new(listed, &item.text(complaints)?, item.place()));
            items.iter().filter_map(link).collect()
        }
        _ => field.wrong(wanted, complaints).unwrap_or_default(),
    }
}

fn condition(entry: &Entry, complaints: &mut Complaints) -> Option<Condition> {
    let what = format!("the dependency on `{}`", entry.key);
    let table = Table::read(&entry.value, &what, subset::DEPENDENCY, complaints)?;
    let field = table.required("condition", &what, complaints)?;
    let text = field.text(complaints)?;
    let known = CONDITIONS.iter().find(|(name, _)| *name == text);
    if known.is_none() {
        let hint = nearest(&text, CONDITIONS.map(|(name, _)| name)).map(subset::did_you_mean);
        let all = || format!("known are {}", subset::listed(&CONDITIONS.map(|(name, _)| name)));
        let message = format!("`{text}` is not a condition");
        complaints.hint(field.place(), message, hint.unwrap_or_else(all));
    }
    known.map(|(_, condition)| *condition)
}

/// The conditions of a service's dependencies, by name.
pub(super) fn conditions(links: &[Link]) -> BTreeMap<String, Condition> {
    links
        .iter()
        .filter_map(|link| Some((link.name.clone(), link.condition()?)))
        .collect()
}
