//! One compose file laid over another: maps merge, most lists grow, commands are replaced, `null` takes away.

use super::complaint::Complaints;
use super::subset::did_you_mean;
use super::tree::{Entry, Node, Value};
use crate::name::nearest;

/// Keys under which lists are replaced: half of one command and half of another is no command.
const REPLACED: &[&str] = &["command", "entrypoint", "test", "argv", "prepare", "health"];
/// Keys under which a list of `NAME=value` and a map say the same.
const PAIRS: &[&str] = &["environment", "labels", "args"];

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

fn merge(base: &mut Node, over: &Node, key: &str) {
    let over = as_map(over, key);
    let over = &over;
    *base = as_map(base, key);
    match (&mut base.value, &over.value) {
        (Value::Map(entries), Value::Map(others)) => {
            for other in others {
                merge_entry(entries, other, declares_names(key));
            }
        }
        (Value::List(items), Value::List(others)) if !REPLACED.contains(&key) => {
            for other in others {
                if !items.contains(other) {
                    items.push(other.clone());
                }
            }
        }
        _ => *base = over.clone(),
    }
}

fn merge_entry(entries: &mut Vec<Entry>, other: &Entry, null_declares: bool) {
    let position = entries.iter().position(|entry| entry.key == other.key);
    match (position, &other.value.value) {
        (_, Value::Null) if !null_declares => entries.retain(|entry| entry.key != other.key),
        (Some(index), _) => merge(&mut entries[index].value, &other.value, &other.key),
        (None, _) => entries.push(other.clone()),
    }
}

/// Under these a name with nothing after it is declared, not taken away.
fn declares_names(key: &str) -> bool {
    matches!(key, "volumes" | "networks")
}

/// The list forms that have an equal map form, in that form, so that both can be merged by name.
fn as_map(node: &Node, key: &str) -> Node {
    let Value::List(items) = &node.value else {
        return one_as_list(node, key);
    };
    let entry = |item: &Node| -> Option<Entry> {
        let Value::Text(text) = &item.value else {
            return None;
        };
        let (name, value) = match (key, text.split_once('=')) {
            ("depends_on", _) => (text.as_str(), started(item)),
            (_, Some((name, value))) if PAIRS.contains(&key) => {
                let literal_at = item.literal_at.map(|at| at + name.chars().count() + 1);
                (
                    name,
                    Node {
                        literal_at,
                        ..Node::at(&item.place, Value::Text(value.to_owned()))
                    },
                )
            }
            _ => return None,
        };
        Some(Entry {
            key: name.to_owned(),
            place: item.place.clone(),
            value,
        })
    };
    match items.iter().map(entry).collect::<Option<Vec<Entry>>>() {
        Some(entries) if key == "depends_on" || PAIRS.contains(&key) => {
            Node::at(&node.place, Value::Map(entries))
        }
        _ => node.clone(),
    }
}

/// What a name in a list of dependencies stands for.
fn started(item: &Node) -> Node {
    let condition = Entry {
        key: "condition".to_owned(),
        place: item.place.clone(),
        value: Node::at(&item.place, Value::Text("service_started".to_owned())),
    };
    Node::at(&item.place, Value::Map(vec![condition]))
}

/// A single folder in memory, as a list of one.
fn one_as_list(node: &Node, key: &str) -> Node {
    match node.value {
        Value::Text(_) if key == "tmpfs" => Node::at(&node.place, Value::List(vec![node.clone()])),
        _ => node.clone(),
    }
}
