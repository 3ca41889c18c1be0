//! One compose file laid over another: maps merge, most lists grow, commands are replaced, `null` takes away.

use super::complaint::Complaints;
use super::subset::did_you_mean;
use super::tree::{Entry, Node, Value};
use crate::name::nearest;

/// Keys under which lists are replaced: half of one command and half of another is no command.
const REPLACED: &[&str] = &["command", "entrypoint", "test", "argv", "prepare", "health"];
/// Keys under which a list of `NAME=value` and a map say the same.
const PAIRS: &[&str] = &["environment", "labels", "args"];
/// Keys under which a name with nothing after it is declared, not taken away.
const DECLARED: &[&str] = &["volumes", "networks"];
/// Keys under which stand names that somebody chose: they mean nothing, whatever they look like.
const NAMED: &[&str] = &[
    "services",
    "environment",
    "labels",
    "args",
    "depends_on",
    "volumes",
    "networks",
];

/// Lay `over` over `base`. What comes out is as good as its parts: it must be read again.
pub(super) fn overlay(base: &Node, over: &Node, complaints: &mut Complaints) -> Node {
    let mut over = over.clone();
    keep_known_services(base, &mut over, complaints);
    let mut merged = base.clone();
    merge(&mut merged, &over, "");
    merged
}

/// An override may change services; it cannot add one, nor take one away.
fn keep_known_services(base: &Node, over: &mut Node, complaints: &mut Complaints) {
    let known = || {
        base.get("services")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| entry.key.as_str())
    };
    let Some(Value::Map(entries)) = over.get_mut("services").map(|services| &mut services.value) else {
        return;
    };
    entries.retain(|entry| {
        let is_known = known().any(|name| name == entry.key);
        let is_map = matches!(entry.value.value, Value::Map(_));
        if !is_known {
            let near = nearest(&entry.key, known()).map(did_you_mean);
            complaints.push(
                &entry.place,
                format!("there is no service `{}` to override", entry.key),
                near,
            );
        } else if !is_map {
            let message = format!(
                "what is laid over service `{}` must be a map, not {}",
                entry.key,
                entry.value.kind()
            );
            complaints.say(&entry.place, message);
        }
        is_known && is_map
    });
}

/// Merge what stands under `key`.
fn merge(base: &mut Node, over: &Node, key: &str) {
    let over = by_name(over, key);
    *base = by_name(base, key);
    match (&mut base.value, &over.value) {
        (Value::Map(entries), Value::Map(others)) => {
            for other in others {
                merge_entry(entries, other, key);
            }
        }
        (Value::List(items), Value::List(others)) if !REPLACED.contains(&key) => {
            for other in others {
                if !items.contains(other) {
                    items.push(other.clone());
                }
            }
        }
        _ => *base = over,
    }
}

fn merge_entry(entries: &mut Vec<Entry>, other: &Entry, key: &str) {
    let position = entries.iter().position(|entry| entry.key == other.key);
    let meaning = if NAMED.contains(&key) { "" } else { &other.key };
    match (position, &other.value.value) {
        (_, Value::Null) if !DECLARED.contains(&key) => entries.retain(|entry| entry.key != other.key),
        (Some(index), _) => merge(&mut entries[index].value, &other.value, meaning),
        (None, _) => entries.push(other.clone()),
    }
}

/// A list that has an equal map form, in that form, so that it can be merged by name.
fn by_name(node: &Node, key: &str) -> Node {
    let entry = match key {
        "depends_on" => dependency,
        "tmpfs" => return as_list(node),
        key if PAIRS.contains(&key) => pair,
        _ => return node.clone(),
    };
    let Value::List(items) = &node.value else {
        return node.clone();
    };
    let entries: Option<Vec<Entry>> = items.iter().map(entry).collect();
    entries.map_or_else(
        || node.clone(),
        |entries| Node::at(&node.place, Value::Map(entries)),
    )
}

/// `NAME=value`.
fn pair(item: &Node) -> Option<Entry> {
    let Value::Text(text) = &item.value else {
        return None;
    };
    let (name, value) = text.split_once('=')?;
    let mut node = Node::at(&item.place, Value::Text(value.to_owned()));
    node.literal_at = item.literal_at.map(|at| at + name.chars().count() + 1);
    Some(Entry {
        key: name.to_owned(),
        place: item.place.clone(),
        value: node,
    })
}

/// A name in a list of dependencies: nothing more than started is asked of it.
fn dependency(item: &Node) -> Option<Entry> {
    let Value::Text(name) = &item.value else {
        return None;
    };
    let at = |value| Node::at(&item.place, value);
    let entry = |key: &str, value| Entry {
        key: key.to_owned(),
        place: item.place.clone(),
        value,
    };
    let condition = entry("condition", at(Value::Text("service_started".to_owned())));
    Some(entry(name, at(Value::Map(vec![condition]))))
}

/// A single folder in memory is a list of one.
fn as_list(node: &Node) -> Node {
    match node.value {
        Value::Text(_) => Node::at(&node.place, Value::List(vec![node.clone()])),
        _ => node.clone(),
    }
}
