//! `gate.toml`: one gate.

use std::collections::{BTreeMap, BTreeSet};

use crate::name;

use super::{
    complaint::{Pile, Spot},
    course::Course,
    desk::Desk,
    functions::Stance,
    keys,
    model::Gate,
    names::Names,
    node::Node,
    shape::Shape,
};

/// What must be known of every gate before the first one is read in full.
pub(super) struct Head {
    pub(super) id: String,
    pub(super) at: Spot,
    pub(super) needs: Vec<(Spot, String)>,
    /// The gate's folder, relative to the suite's.
    pub(super) folder: String,
    pub(super) node: Node,
}

/// A gate's id and needs. Without an id a gate cannot be put in order, and its folder's name stands in for it.
pub(super) fn head(desk: &mut Desk<'_>, node: Node, folder: &str) -> Head {
    desk.table(&node, "the gate", &[keys::GATE]);
    let written = node.get("id").cloned();
    let id = written.as_ref().and_then(|id| desk.words(id, "`id`"));
    if let (Some(id), Some(node)) = (&id, &written)
        && !name::is_gate_id(id)
    {
        let hint = "an id is a letter, then letters, digits, `.`, `_` and `-`, 64 at most";
        desk.pile
            .hint(&node.at, format!("`{id}` is no id of a gate"), hint);
    }
    let needs = node
        .get("needs")
        .map(|needs| desk.list_of_words(needs, "`needs`"))
        .unwrap_or_default();
    let at = written.map_or_else(|| node.at.clone(), |id| id.at);
    Head {
        id: id.unwrap_or_else(|| folder.to_owned()),
        at,
        needs,
        folder: folder.to_owned(),
        node,
    }
}

/// Ids are given once, and what is needed exists.
pub(super) fn check_heads(heads: &[Head], pile: &mut Pile) {
    let mut ids: BTreeMap<&str, &Head> = BTreeMap::new();
    for head in heads {
        if let Some(first) = ids.insert(&head.id, head) {
            pile.add(
                &head.at,
                format!(
                    "another gate has the id `{}`: the one in `{}/`",
                    head.id, first.folder
                ),
            );
        }
    }
    for (at, need) in heads.iter().flat_map(|head| &head.needs) {
        if !ids.contains_key(need.as_str()) {
            pile.unknown(
                at,
                format!("`needs`: no gate `{need}`"),
                need,
                ids.keys().copied(),
            );
        }
    }
}

/// Read one gate. `seen` is what the gates above it publish, to be read as `from['ID']`.
pub(super) fn read(
    desk: &mut Desk<'_>,
    head: &Head,
    names: &Names,
    seen: &BTreeMap<String, Shape>,
) -> (Option<Gate>, Shape) {
    let node = &head.node;
    let mut course = Course {
        names: names.clone(),
        ..Course::default()
    };
    let from = head
        .needs
        .iter()
        .map(|(_, id)| (id.clone(), seen.get(id).cloned().unwrap_or(Shape::Any)));
    course.names.bind("from", Shape::Fields(from.collect()), false);
    let clone = node.get("clone").and_then(|clone| desk.snapshot(clone));
    // One that could not be read is no reason to complain about those who use it.
    course.has_clone = node.get("clone").is_some();
    let name = node.get("name").and_then(|name| desk.words(name, "`name`"));
    let claim = node.get("claim").and_then(|claim| desk.words(claim, "`claim`"));
    let profiles = desk.profiles(node);
    let lets = desk.lets(node, &mut course.names, Stance::Doing);
    let probes = node
        .get("probe")
        .map(|list| desk.probes(list, "probe", &mut course))
        .unwrap_or_default();
    let published = published(node, &course);
    let derives = desk.derives(node, &mut course);
    let assertions = desk.assertions(node, &mut course);
    let controls = desk.controls(node, &probes, &course);
    let papers = desk.papers(node, &course);
    let gate = name.zip(claim).map(|(name, claim)| Gate {
        id: head.id.clone(),
        name,
        claim,
        folder: head.folder.clone(),
        needs: head.needs.iter().map(|(_, id)| id.clone()).collect(),
        profiles,
        clone,
        lets,
        probes,
        derives,
        assertions,
        controls,
        papers,
        files: BTreeMap::new(),
    });
    (gate, published)
}

impl Desk<'_> {
    /// The name of a snapshot, of which the gate gets a database of its own.
    fn snapshot(&mut self, node: &Node) -> Option<String> {
        let name = self.words(node, "`clone`")?;
        let known = &self.shared.snapshots;
        if !known.contains_key(&name) {
            let known = known.keys().map(String::as_str);
            let message = format!("`clone`: no snapshot `{name}` in `[snapshot]` of `suite.toml`");
            self.pile.unknown(&node.at, message, &name, known);
            return None;
        }
        Some(name)
    }
}

/// Lets and observations: what gates that need this one see of it.
fn published(node: &Node, course: &Course) -> Shape {
    let lets = node
        .get("let")
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .map(|entry| entry.key.as_str());
    let names: BTreeSet<_> = lets.chain(course.looks.keys().map(String::as_str)).collect();
    let shape = |name: &str| Some((name.to_owned(), course.names.get(name)?.shape.clone()));
    Shape::Fields(names.into_iter().filter_map(shape).collect())
}
