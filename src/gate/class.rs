//! Classes of a load: each is one request, sent many times.

use std::collections::BTreeSet;

use super::{
    course::Course,
    desk::{Desk, all},
    kinds::{CLASS, KINDS, REQUEST},
    model::Tree,
    node::{Is, Node},
    shape::Shape,
    value::literal,
};

/// What the request of an arrival sees: its key, its number, when it is meant to be sent, and how many there are.
const ARRIVAL: &[&str] = &["key", "i", "at", "T"];

impl Desk<'_> {
    /// The classes of a load, filled in: each a table of what it says about its arrivals and of one request, with what
    /// its template's parameters were filled with under `with`.
    pub(super) fn classes(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let Is::List(elements) = &node.is else {
            self.pile.add(&node.at, format!("{what} is {}, not a list of tables", node.word()));
            return None;
        };
        let classes = all(elements.iter().map(|element| self.class(element, course)));
        if elements.is_empty() {
            self.pile.add(&node.at, "a load without classes sends nothing");
        }
        let mut names = BTreeSet::new();
        for name in elements.iter().filter_map(|element| element.get("name")) {
            if !names.insert(name.text()) {
                self.pile.add(&name.at, "another class has this name");
            }
        }
        for second in elements.iter().filter(|element| element.get("count").is_none()).skip(1) {
            let hint = "one class at most takes the rest: give this one a `count`";
            self.pile.hint(&second.at, "a second class without `count`", hint);
        }
        classes.map(Tree::List)
    }

    fn class(&mut self, node: &Node, course: &Course) -> Option<Tree> {
        if !matches!(node.is, Is::Table(_)) {
            self.pile.add(&node.at, format!("a class is {}, not a table", node.word()));
            return None;
        }
        let filled = self.fill(node)?;
        let mut inside = course.clone();
        ARRIVAL.iter().for_each(|name| inside.names.bind(name, Shape::Leaf, false));
        let with = self.parameters(&filled, &mut inside);
        let http = KINDS.iter().find(|kind| kind.name == "http").expect("requests are a kind");
        self.known_keys(&filled.table, "a class", &[CLASS, REQUEST]);
        self.required_keys(&filled.table, "a class", CLASS);
        self.required_keys(&filled.table, "a class", REQUEST);
        self.choices(&filled.table, "a class", http.choices);
        let mut class = self.fields(&filled.table, CLASS, &inside);
        if !with.is_empty() {
            let with = with.into_iter().map(|(name, tree)| (literal(&name), tree)).collect();
            class.push((literal("with"), Tree::Table(with)));
        }
        class.extend(self.fields(&filled.table, REQUEST, &inside));
        Some(Tree::Table(class))
    }
}
