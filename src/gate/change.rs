//! Changes: of a control, or of a probe of kind `change`.

use super::{
    course::Course,
    desk::Desk,
    keys,
    kinds::{self, change},
    model::{Change, Place, Tree},
    node::{Is, Node},
    speech::all,
    types::{Choice, Kind},
    value::literal,
};

/// The changes of one place, as read.
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    /// The tree of what was written: a list where a list was written, and each change with its `kind` beside its
    /// parameters.
    pub(super) fn into_tree(self, node: &Node) -> Tree {
        let mut trees: Vec<_> = self.0.into_iter().map(with_kind).collect();
        match (&node.is, trees.len()) {
            (Is::Table(_), 1) => trees.remove(0),
            _ => Tree::List(trees),
        }
    }
}

fn with_kind(change: Change) -> Tree {
    let kind = (literal("kind"), Tree::Text(literal(&change.kind)));
    match change.params {
        Tree::Table(params) => Tree::Table(std::iter::once(kind).chain(params).collect()),
        other => other,
    }
}

impl Desk<'_> {
    /// One change or a list of them. `scratch` says whether the gate has a scratch copy to change; none means that
    /// the change stands in a probe, where it is always live.
    pub(super) fn changes(&mut self, node: &Node, course: &Course, scratch: Option<bool>) -> Option<Changes> {
        if node.elements().is_empty() {
            self.pile.add(&node.at, "a list of no changes changes nothing");
            return None;
        }
        let changes = node
            .elements()
            .iter()
            .map(|element| self.change(element, course, scratch));
        all(changes).map(Changes)
    }

    fn change(&mut self, node: &Node, course: &Course, scratch: Option<bool>) -> Option<Change> {
        if !matches!(node.is, Is::Table(_)) {
            self.pile
                .add(&node.at, format!("a change is {}, not a table", node.word()));
            return None;
        }
        let Some(name) = node.get("kind") else {
            self.pile.add(&node.at, "a change lacks `kind`");
            return None;
        };
        let written = self.words(name, "`kind`")?;
        let Some(kind) = change(&written) else {
            let known = kinds::CHANGES.iter().map(|kind| kind.name);
            self.pile
                .unknown(&name.at, format!("no change `{written}`"), &written, known);
            return None;
        };
        self.table(node, &format!("change `{written}`"), &[keys::CHANGE, kind.params]);
        self.choices(node, &format!("change `{written}`"), kind.choices);
        let place = self.place(node, kind, course, scratch);
        let params = Tree::Table(self.fields(node, kind.params, course));
        match kind.name {
            "sql" => self.sql_undo(node, place),
            "env" => self.env_says_something(node),
            "http" => self.http_undo(node),
            "proxy" => self.proxy(node),
            "probe" => self.probe_path(node, course),
            _ => {}
        }
        Some(Change {
            kind: written,
            place,
            params,
        })
    }

    fn place(&mut self, node: &Node, kind: &Kind, course: &Course, scratch: Option<bool>) -> Place {
        let Some(written) = node.get("place") else {
            return Place::Live;
        };
        let Some(has_scratch) = scratch else {
            self.pile.add(
                &written.at,
                "a change of a probe is always live: `place` belongs to controls",
            );
            return Place::Live;
        };
        let (allowed, place): (&[&str], _) = match written.text() {
            Some("rollback") => (&["sql"], Place::Rollback),
            Some("scratch") => (&["env", "compose"], Place::Scratch),
            Some("live") => return Place::Live,
            _ => {
                self.value(keys::CHANGE[1].holds, written, "`place`", course);
                return Place::Live;
            }
        };
        if !allowed.contains(&kind.name) {
            let who = allowed
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(" and ");
            let message = format!("a change `{}` cannot be made in that place", kind.name);
            self.pile.hint(&written.at, message, format!("only {who} can"));
        } else if place == Place::Scratch && !has_scratch {
            self.pile.add(
                &written.at,
                "no probe of kind `startup` makes a scratch copy to change",
            );
        }
        place
    }

    /// What is done to a live database has to be undone; what is rolled back undoes itself.
    fn sql_undo(&mut self, node: &Node, place: Place) {
        let undo = ["undo", "undo_file"].into_iter().find_map(|key| node.get(key));
        match (place, undo) {
            (Place::Live, None) => {
                let hint = "add `undo` or `undo_file`, or `place = \"rollback\"` in a control";
                self.pile
                    .hint(&node.at, "a live `sql` change without `undo`", hint);
            }
            (Place::Rollback, Some(undo)) => {
                self.pile.add(&undo.at, "what is rolled back needs no `undo`");
            }
            _ => {}
        }
    }

    fn env_says_something(&mut self, node: &Node) {
        if node.get("set").is_none() && node.get("unset").is_none() {
            self.pile
                .add(&node.at, "change `env` sets nothing and unsets nothing");
        }
    }

    /// A path into a probe begins with something the probe can say.
    fn probe_path(&mut self, node: &Node, course: &Course) {
        let look = node
            .get("probe")
            .and_then(Node::text)
            .and_then(|name| course.looks.get(name));
        let Some(look) = look else { return };
        let params = look.kind.map_or(&[][..], |kind| kind.params);
        let known = || params.iter().chain(keys::PROBE).map(|key| key.name);
        if look.kind.is_none() && !look.group {
            return;
        }
        for entry in node.get("set").map(Node::entries).unwrap_or_default() {
            let head = entry.key.split('.').next().unwrap_or_default();
            if !known().any(|key| key == head) {
                self.pile.unknown(
                    &entry.at,
                    format!("the probe has no `{head}` to set"),
                    head,
                    known(),
                );
            }
        }
    }

    /// Complain unless exactly one alternative is given, whole and alone; none will do where none is required.
    pub(super) fn choices(&mut self, node: &Node, what: &str, choices: &[Choice]) {
        for choice in choices {
            let touched = |group: &&&[&str]| group.iter().any(|key| node.get(key).is_some());
            let given: Vec<_> = choice.among.iter().filter(touched).collect();
            let spelled = |group: &&[&str]| {
                group
                    .iter()
                    .map(|key| format!("`{key}`"))
                    .collect::<Vec<_>>()
                    .join(" with ")
            };
            let alternatives = choice.among.iter().map(spelled).collect::<Vec<_>>().join(" or ");
            match given.as_slice() {
                [] if choice.required => self.pile.add(&node.at, format!("{what} needs {alternatives}")),
                [] => {}
                [one] if one.iter().all(|key| node.get(key).is_some()) => {}
                [one] => self.pile.add(
                    &node.at,
                    format!(
                        "{what} needs {} together",
                        spelled(one).replace("` with `", "` and `")
                    ),
                ),
                _ => self
                    .pile
                    .add(&node.at, format!("{what} takes {alternatives}, not both")),
            }
        }
    }
}
