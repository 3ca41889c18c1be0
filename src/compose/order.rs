//! Which service starts after which.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Model;

/// For each name, the names it waits for. All of them are keys.
pub(super) type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The order in which services start: after what they depend on, and by name where that leaves a choice. A model
/// that was resolved has no circles; services of a circle in a model made otherwise come last, by name.
pub fn order(model: &Model) -> Vec<String> {
    let known = |name: &&str| model.services.contains_key(*name);
    let graph: Graph<'_> = model
        .services
        .iter()
        .map(|(name, service)| {
            (
                name.as_str(),
                service
                    .depends_on
                    .keys()
                    .map(String::as_str)
                    .filter(known)
                    .collect(),
            )
        })
        .collect();
    let (ordered, stuck) = settle(&graph);
    ordered
        .into_iter()
        .chain(stuck.into_keys())
        .map(str::to_owned)
        .collect()
}

/// Circles, each beginning with its first name; together they touch every name that can never start.
pub(super) fn cycles<'a>(graph: &Graph<'a>) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    let (_, mut stuck) = settle(graph);
    while let Some(first) = stuck.keys().next().copied() {
        let cycle = circle(&stuck, first);
        // Taking a circle out frees what only waited for it, and leaves the other circles.
        stuck.retain(|name, _| !cycle.contains(name));
        for waits in stuck.values_mut() {
            waits.retain(|name| !cycle.contains(name));
        }
        stuck = settle(&stuck).1;
        found.push(cycle);
    }
    found
}

/// Take out, again and again, the first name that waits for nothing: in which order they went, and what is stuck.
fn settle<'a>(graph: &Graph<'a>) -> (Vec<&'a str>, Graph<'a>) {
    let mut stuck = graph.clone();
    let mut ordered = Vec::new();
    while let Some(name) = stuck
        .iter()
        .find(|(_, waits)| waits.is_empty())
        .map(|(name, _)| *name)
    {
        stuck.remove(name);
        for waits in stuck.values_mut() {
            waits.remove(name);
        }
        ordered.push(name);
    }
    (ordered, stuck)
}

/// Walk from a stuck name to what it waits for until a name comes back.
fn circle<'a>(stuck: &Graph<'a>, first: &'a str) -> Vec<&'a str> {
    let mut path = vec![first];
    loop {
        let last = path[path.len() - 1];
        let next = *stuck[last]
            .first()
            .expect("what is stuck waits for something that is stuck");
        if let Some(begin) = path.iter().position(|name| *name == next) {
            let mut cycle = path.split_off(begin);
            let smallest = (0..cycle.len())
                .min_by_key(|index| cycle[*index])
                .unwrap_or_default();
            cycle.rotate_left(smallest);
            return cycle;
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, cycles, settle};

    fn graph(text: &'static str) -> Graph<'static> {
        let edge = |word: &'static str| word.split_once('>').expect("name>names");
        let waits = |names: &'static str| names.split(',').filter(|name| !name.is_empty()).collect();
        text.split(' ')
            .map(edge)
            .map(|(name, names)| (name, waits(names)))
            .collect()
    }

    #[test]
    fn what_is_waited_for_comes_first_and_ties_go_by_name() {
        let (ordered, stuck) = settle(&graph("a>c b> c>b d> e>a,d"));
        assert_eq!(ordered, ["b", "c", "a", "d", "e"]);
        assert!(stuck.is_empty());
    }

    #[test]
    fn every_circle_is_found_once() {
        assert_eq!(cycles(&graph("a>b b>c c>a")), [["a", "b", "c"]]);
        assert_eq!(
            cycles(&graph("a>d b>b c>e d>a e>c x>a")),
            [vec!["a", "d"], vec!["b"], vec!["c", "e"]]
        );
        assert!(cycles(&graph("a>b b>")).is_empty());
    }
}
