//! Assertions: what must be true of the observations.

use crate::cel::Sentence;

use super::{
    course::Course,
    desk::Desk,
    keys,
    model::Assertion,
    modifiers::shape_of,
    node::{Entry, Is, Node},
};

impl Desk<'_> {
    /// The assertions of a gate, in the order in which they are written. Together with the `until`s above they are
    /// what controls may promise to break.
    pub(super) fn assertions(&mut self, gate: &Node, course: &mut Course) -> Vec<Assertion> {
        let entries = self.named(gate, "assert", "assertion");
        let mut assertions = Vec::new();
        for entry in entries {
            if !course.promised.insert(entry.key.clone()) {
                let message = format!("the `until` of probe `{}` is an assertion of that name already", entry.key);
                self.pile.add(&entry.at, message);
            }
            assertions.extend(self.assertion(entry, course));
        }
        assertions
    }

    fn assertion(&mut self, entry: &Entry, course: &Course) -> Option<Assertion> {
        let node = &entry.value;
        if !self.table(node, &format!("assertion `{}`", entry.key), &[keys::ASSERTION]) {
            return None;
        }
        let each = node.get("each").map(|each| self.sentence(each, "`each`", &course.names));
        let names = match &each {
            Some(Some(each)) => course.names.with("it", shape_of(each, &course.names).element().clone()),
            Some(None) => course.names.with("it", super::shape::Shape::Any),
            None => course.names.clone(),
        };
        let that = node.get("that").and_then(|that| self.sentence(that, "`that`", &names));
        let says = node.get("says").and_then(|says| self.words(says, "`says`"));
        let at_least = self.at_least(node, course);
        let otherwise = node.get("otherwise");
        let good = otherwise.is_none_or(|node| {
            self.value(keys::ASSERTION[4].holds, node, "`otherwise`", course).is_some()
        });
        Some(Assertion {
            name: entry.key.clone(),
            that: that?,
            each: each.unwrap_or_default(),
            at_least: at_least?,
            says: says?,
            otherwise_inconclusive: good && otherwise.is_some(),
        })
    }

    /// How many elements must have been examined: one, unless something else is written.
    fn at_least(&mut self, node: &Node, course: &Course) -> Option<Sentence> {
        let Some(written) = node.get("at_least") else { return Sentence::compile("1").ok() };
        if node.get("each").is_none() {
            self.pile.add(&written.at, "`at_least` counts elements of `each`; there is no `each`");
        }
        match written.is {
            Is::Int(1..) => self.sentence(&written.spelled(), "`at_least`", &course.names),
            Is::Int(_) => {
                let hint = "the least is 1: nothing examined is never a pass";
                self.pile.hint(&written.at, "`at_least` would let an empty list pass", hint);
                None
            }
            _ => self.sentence(written, "`at_least`", &course.names),
        }
    }
}
