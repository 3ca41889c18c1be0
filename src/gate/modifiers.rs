//! What any probe may say about when and how often it looks.

use std::time::Duration;

use super::{
    course::Course,
    desk::Desk,
    duration::{FORMS, duration},
    functions::Stance,
    model::{LookAt, Probe, Until},
    names::Names,
    node::{Is, Node},
    shape::Shape,
    types::Kind,
};
use crate::cel::{Sentence, Text};

/// Pause between looks when the probe names none.
const POLL: Duration = Duration::from_millis(100);

impl Desk<'_> {
    /// Loop variables, bound in the names for everything the loop runs over.
    pub(super) fn loops(&mut self, node: &Node, names: &mut Names) -> Vec<(String, Sentence)> {
        if !matches!(node.is, Is::Table(_)) {
            self.pile
                .add(&node.at, format!("`for_each` is {}, not a table", node.word()));
            return Vec::new();
        }
        let outside = names.clone();
        let mut loops = Vec::new();
        for entry in node.entries() {
            if !self.bare_name(&entry.key, &entry.at, "loop variable") {
                continue;
            }
            let what = format!("`{}`", entry.key);
            let Some(sentence) = self.sentence(&entry.value, &what, &outside) else {
                names.bind(&entry.key, Shape::Any, true);
                continue;
            };
            let constant = self.is_constant(&sentence, &outside);
            names.bind(
                &entry.key,
                shape_of(&sentence, &outside).element().clone(),
                constant,
            );
            loops.push((entry.key.clone(), sentence));
        }
        loops
    }

    /// A probe that has nothing but its modifiers.
    pub(super) fn modified(
        &mut self,
        table: &Node,
        kind: Option<&Kind>,
        shape: &Shape,
        course: &Course,
    ) -> Probe {
        let own_within = kind.is_some_and(|kind| kind.params.iter().any(|param| param.name == "within"));
        Probe {
            name: String::new(),
            look: LookAt::Steps(Vec::new()),
            with: Vec::new(),
            for_each: Vec::new(),
            at_once: self.at_once(table),
            until: self.until(table, kind, own_within, shape, course),
            during: self.during(table, course),
            at: self.in_span(table, "at", course),
            every: self.in_span(table, "every", course),
            delay: self.delay(table, course),
            once: self.flag(table, "once"),
        }
    }

    fn flag(&mut self, table: &Node, key: &str) -> bool {
        let Some(node) = table.get(key) else { return false };
        let Is::Bool(flag) = node.is else {
            self.pile.add(
                &node.at,
                format!("`{key}` is {}, not `true` or `false`", node.word()),
            );
            return false;
        };
        flag
    }

    fn at_once(&mut self, table: &Node) -> bool {
        if let Some(node) = table.get("at_once").filter(|_| table.get("for_each").is_none()) {
            self.pile.add(
                &node.at,
                "`at_once` starts the elements of `for_each` together; there is no `for_each`",
            );
        }
        self.flag(table, "at_once")
    }

    fn until(
        &mut self,
        table: &Node,
        kind: Option<&Kind>,
        own_within: bool,
        shape: &Shape,
        course: &Course,
    ) -> Option<Until> {
        let Some(node) = table.get("until") else {
            let orphans = ["within", "poll", "says"]
                .into_iter()
                .filter(|key| !(own_within && *key == "within"));
            for (key, orphan) in orphans.filter_map(|key| Some((key, table.get(key)?))) {
                self.pile.add(
                    &orphan.at,
                    format!("`{key}` belongs to an `until`, and there is none"),
                );
            }
            return None;
        };
        if !kind.is_some_and(|kind| kind.repeats) {
            let who = kind.map_or_else(|| "a group".to_owned(), |kind| format!("kind `{}`", kind.name));
            self.pile.add(
                &node.at,
                format!("{who} is not looked at again: it cannot have `until`"),
            );
        } else if table.get("every").is_some() {
            self.pile
                .add(&node.at, "a probe has `until` or `every`, not both");
        }
        let that = self.compiled(node, "`until`");
        if let Some(that) = &that {
            self.sees_only_itself(that, node, shape, course);
        }
        let within = self
            .needed(table, "within", "a deadline")
            .and_then(|n| self.duration(n, "`within`", course));
        let says = self
            .needed(table, "says", "words")
            .and_then(|node| self.words(node, "`says`"));
        let poll = table
            .get("poll")
            .map_or(Some(POLL), |node| self.fixed_duration(node, "`poll`"));
        Some(Until {
            that: that?,
            within: within?,
            poll: poll?,
            says: says?,
        })
    }

    /// An `until` sees constants and the look's own fields by bare name: it could be made long after the others.
    fn sees_only_itself(&mut self, that: &Sentence, node: &Node, shape: &Shape, course: &Course) {
        let mut names = own_fields(shape, &course.names);
        for name in &that.reads() {
            if names.get(name).is_none() && course.names.get(name).is_some() {
                let hint = "it sees constants and its own look's fields; compare looks in an assertion";
                self.pile
                    .hint(&node.at, format!("`until` does not see the look `{name}`"), hint);
                names.bind(name, Shape::Any, false);
            }
        }
        self.examine(that, &node.at, &names, Stance::Judging);
    }

    fn needed<'n>(&mut self, table: &'n Node, key: &str, what: &str) -> Option<&'n Node> {
        let found = table.get(key);
        if let (None, Some(until)) = (found, table.get("until")) {
            self.pile.add(&until.at, format!("`until` needs {what}: `{key}`"));
        }
        found
    }

    /// A duration that is known when it is read.
    pub(super) fn fixed_duration(&mut self, node: &Node, what: &str) -> Option<Duration> {
        let written = self.words(node, what)?;
        let read = duration(&written).ok();
        if read.is_none() {
            self.pile
                .hint(&node.at, format!("{what}: `{written}` is not a duration"), FORMS);
        }
        read
    }

    /// The span a probe stands in: a load or a change above, in the same sequence.
    fn during(&mut self, table: &Node, course: &Course) -> Option<String> {
        let node = table.get("during")?;
        let name = self.words(node, "`during`")?;
        let lane = || {
            course
                .lane
                .iter()
                .filter_map(|name| Some((name, course.looks.get(name)?)))
        };
        let spans = || lane().filter(|(_, above)| above.kind.is_some_and(|kind| kind.span) && !above.looped);
        if spans().any(|(span, _)| *span == name) {
            return Some(name);
        }
        match lane().find(|(look, _)| **look == name) {
            // It could not be read, and has had its complaint.
            Some((_, above)) if above.kind.is_none() && !above.group => {}
            Some((_, above)) if above.looped => {
                self.pile.add(
                    &node.at,
                    format!("`{name}` runs over a list: nothing can stand inside it"),
                );
            }
            Some(_) => {
                let hint = "loads and changes last; other looks are over at once";
                self.pile.hint(&node.at, format!("`{name}` is no span"), hint);
            }
            None => {
                let known = spans().map(|(span, _)| span.as_str());
                self.pile
                    .unknown(&node.at, format!("no span `{name}` above"), &name, known);
            }
        }
        Some(name)
    }

    fn in_span(&mut self, table: &Node, key: &str, course: &Course) -> Option<Text> {
        let node = table.get(key)?;
        if table.get("during").is_none() {
            self.pile.add(
                &node.at,
                format!("`{key}` counts inside a span; there is no `during`"),
            );
        }
        self.duration(node, &format!("`{key}`"), course)
    }

    fn delay(&mut self, table: &Node, course: &Course) -> Option<Text> {
        let node = table.get("delay")?;
        if node.text() == Some("to the second") {
            return self.text(node, "`delay`", &course.names, Stance::Doing);
        }
        self.duration(node, "`delay`", course)
    }
}

/// What an `until` sees: constants, and the look's own fields by bare name.
fn own_fields(shape: &Shape, names: &Names) -> Names {
    let mut seen = names.unobserved();
    if let Shape::Fields(fields) = shape {
        for (field, shape) in fields {
            seen.bind(field, shape.clone(), false);
        }
    }
    seen
}

/// What a sentence's value looks like, when it is a place in something known.
///
/// The sentence is asked with a field that nobody has: if it is a place, the field lies on a path.
pub(super) fn shape_of(sentence: &Sentence, names: &Names) -> Shape {
    const NOBODY_HAS: &str = "closure_place";
    let Ok(asked) = Sentence::compile(&format!("({}).{NOBODY_HAS}", sentence.source())) else {
        return Shape::Any;
    };
    let place = asked.paths().iter().find_map(|path| match path.as_slice() {
        [root, steps @ .., last] if last == NOBODY_HAS => Some((root.clone(), steps.to_vec())),
        _ => None,
    });
    let shape = place.and_then(|(root, steps)| names.get(&root)?.shape.follow(&steps).ok().cloned());
    shape.unwrap_or(Shape::Any)
}
