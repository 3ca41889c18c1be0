//! The order in which gates run: each after what it needs, then by id.

use std::collections::{BTreeMap, BTreeSet};

use super::{complaint::Pile, gate_file::Head};

/// Put gates in order. Gates that need one another in a circle are complained about and come last, by id.
pub(super) fn order(mut waiting: Vec<Head>, pile: &mut Pile) -> Vec<Head> {
    waiting.sort_by(|a, b| a.id.cmp(&b.id));
    let mut sorted: Vec<Head> = Vec::new();
    while !waiting.is_empty() {
        let pending: BTreeSet<&str> = waiting.iter().map(|head| head.id.as_str()).collect();
        let ready = |head: &Head| {
            head.needs
                .iter()
                .all(|(_, need)| !pending.contains(need.as_str()))
        };
        let Some(next) = waiting.iter().position(ready) else {
            circles(&waiting, pile);
            sorted.append(&mut waiting);
            break;
        };
        sorted.push(waiting.remove(next));
    }
    sorted
}

/// Complain about every gate that needs itself, however many others it takes.
fn circles(waiting: &[Head], pile: &mut Pile) {
    let needs: BTreeMap<&str, &Head> = waiting.iter().map(|head| (head.id.as_str(), head)).collect();
    for head in waiting {
        let mut reached = BTreeSet::new();
        let mut ahead = vec![head];
        while let Some(next) = ahead.pop() {
            let more = next.needs.iter().filter_map(|(_, need)| needs.get(need.as_str()));
            ahead.extend(more.filter(|head| reached.insert(head.id.as_str())));
        }
        if let (true, Some((at, _))) = (reached.contains(head.id.as_str()), head.needs.first()) {
            pile.add(
                at,
                format!("gate `{}` needs itself, through what it needs", head.id),
            );
        }
    }
}
