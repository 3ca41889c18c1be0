//! The order in which gates run: each after what it needs, then by id.

use std::collections::BTreeSet;

use super::{complaint::Pile, gate_file::Head};

/// Put gates in order. Gates that need one another in a circle are complained about and come last, by id.
pub(super) fn order(mut waiting: Vec<Head>, pile: &mut Pile) -> Vec<Head> {
    waiting.sort_by(|a, b| a.id.cmp(&b.id));
    let mut sorted: Vec<Head> = Vec::new();
    while !waiting.is_empty() {
        let pending: BTreeSet<&str> = waiting.iter().map(|head| head.id.as_str()).collect();
        let ready = |head: &Head| head.needs.iter().all(|(_, need)| !pending.contains(need.as_str()));
        match waiting.iter().position(ready) {
            Some(next) => sorted.push(waiting.remove(next)),
            None => {
                waiting.iter().for_each(|head| circle(head, &waiting, pile));
                sorted.append(&mut waiting);
            }
        }
    }
    sorted
}

fn circle(head: &Head, waiting: &[Head], pile: &mut Pile) {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&str> = head.needs.iter().map(|(_, need)| need.as_str()).collect();
    while let Some(id) = ahead.pop() {
        if reached.insert(id) {
            let needed = waiting.iter().filter(|other| other.id == id);
            ahead.extend(needed.flat_map(|other| other.needs.iter().map(|(_, need)| need.as_str())));
        }
    }
    if let (true, Some((at, _))) = (reached.contains(head.id.as_str()), head.needs.first()) {
        pile.add(at, format!("gate `{}` needs itself, through {}", head.id, list(&reached)));
    }
}

fn list(ids: &BTreeSet<&str>) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}
