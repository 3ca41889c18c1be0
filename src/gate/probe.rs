//! Probes: the looks of a gate, in order.

use super::{
    course::{Above, Course},
    desk::Desk,
    keys,
    kinds::{ALWAYS_SEEN, KINDS, SEEN_UNTIL, kind},
    model::{LookAt, Probe, Tree},
    node::{Is, Node},
    shape::Shape,
    types::Kind,
};

/// How deep groups may nest.
const DEEPEST: usize = 4;

impl Desk<'_> {
    /// A list of probes, or of the steps of a group. What they see is passed on to what stands below.
    pub(super) fn probes(&mut self, list: &Node, what: &str, course: &mut Course) -> Vec<Probe> {
        let Is::List(elements) = &list.is else {
            self.pile.add(
                &list.at,
                format!("{what}s are {}, not a list of tables", list.word()),
            );
            return Vec::new();
        };
        elements
            .iter()
            .filter_map(|element| self.named_probe(element, what, course))
            .collect()
    }

    fn named_probe(&mut self, node: &Node, what: &str, course: &mut Course) -> Option<Probe> {
        if !matches!(node.is, Is::Table(_)) {
            self.pile
                .add(&node.at, format!("a {what} is {}, not a table", node.word()));
            return None;
        }
        if node.get("name").is_none() {
            self.pile.add(&node.at, format!("a {what} lacks `name`"));
        }
        let name = node
            .get("name")
            .and_then(|name| self.fresh_name(name, what, course));
        let called = name.clone().unwrap_or_default();
        let read = self.probe(node, &called, course);
        let name = name?;
        // Whatever refers to a probe that could not be read is not to be blamed for its mistakes.
        let unread = || Above {
            kind: None,
            looped: false,
            group: false,
            shape: Shape::Any,
        };
        let (probe, above) = read.map_or_else(|| (None, unread()), |(probe, above)| (Some(probe), above));
        course.pass(&name, above);
        probe
    }

    fn fresh_name(&mut self, node: &Node, what: &str, course: &Course) -> Option<String> {
        let name = self.words(node, "`name`")?;
        if !self.bare_name(&name, &node.at, what) {
            return None;
        }
        if course.names.get(&name).is_some() && (what == "probe" || course.lane.contains(&name)) {
            self.pile.add(
                &node.at,
                format!("the name `{name}` is taken by a let or a probe above"),
            );
        }
        Some(name)
    }

    /// One probe, whatever its name. Comes back with what it sees.
    pub(super) fn probe(&mut self, node: &Node, name: &str, course: &mut Course) -> Option<(Probe, Above)> {
        let filled = self.fill(node)?;
        let mut inside = course.clone();
        let for_each = match filled.table.get("for_each") {
            Some(loops) => self.loops(loops, &mut inside.names),
            None => Vec::new(),
        };
        if filled.table.get("every").is_some() {
            inside.names.bind("i", Shape::Leaf, false);
        }
        let with = self.parameters(&filled, &mut inside);
        let table = &filled.table;
        let (look, kind, mut shape) = self.look_at(name, table, &inside, course)?;
        if table.get("until").is_some() {
            shape = shape.and(seen(SEEN_UNTIL));
            course.promise(name);
        }
        let probe = Probe {
            name: name.to_owned(),
            look,
            with,
            for_each,
            ..self.modified(table, kind, &shape, &inside)
        };
        let shape = self.repeated(shape, table, &inside);
        let above = Above {
            kind,
            looped: table.get("for_each").is_some(),
            group: kind.is_none(),
            shape,
        };
        Some((probe, above))
    }

    /// What is done: one kind, or steps.
    fn look_at(
        &mut self,
        name: &str,
        table: &Node,
        inside: &Course,
        course: &mut Course,
    ) -> Option<(LookAt, Option<&'static Kind>, Shape)> {
        match (table.get("kind"), table.get("step")) {
            (Some(written), None) => {
                let kind = self.kind(written)?;
                let what = of_kind(kind);
                self.known_keys(table, &what, &[keys::PROBE, kind.params]);
                self.required_keys(table, &what, kind.params);
                self.choices(table, &what, kind.choices);
                self.says_something(table, kind, inside);
                let params = Tree::Table(self.fields(table, kind.params, inside));
                let look = LookAt::Kind {
                    kind: kind.name.to_owned(),
                    params,
                };
                Some((look, Some(kind), Shape::seen(kind.sees).and(seen(ALWAYS_SEEN))))
            }
            (None, Some(steps)) => {
                self.known_keys(table, "a group", &[keys::PROBE]);
                if course.depth == DEEPEST {
                    self.pile.add(
                        &steps.at,
                        format!("groups inside groups, more than {DEEPEST} deep"),
                    );
                    return None;
                }
                let mut lane = inside.inside(inside.names.clone());
                let steps = self.probes(steps, "step", &mut lane);
                for step in &lane.promised {
                    course.promise(&format!("{name}.{step}"));
                }
                let fields = steps.iter().filter_map(|step| {
                    let above = lane.looks.get(&step.name)?;
                    Some((step.name.clone(), above.shape.clone()))
                });
                let shape = Shape::Fields(fields.collect()).and(seen(ALWAYS_SEEN));
                Some((LookAt::Steps(steps), None, shape))
            }
            (Some(_), Some(steps)) => {
                self.pile
                    .add(&steps.at, "a probe has a `kind` or steps, not both");
                None
            }
            (None, None) => {
                self.pile.add(&table.at, "a probe needs `kind`, `use` or `step`");
                None
            }
        }
    }

    /// Complain about a look that its keys allow and that could see nothing.
    fn says_something(&mut self, table: &Node, kind: &Kind, course: &Course) {
        match kind.name {
            "exec" => self.says_what_runs(table),
            "scan" => self.says_what_is_searched(table),
            "contract" => self.says_whose_contract(table, course),
            _ => {}
        }
    }

    /// What it is judged by must be found again, by name, in what the gate saw; and it answers to requests at all.
    fn says_whose_contract(&mut self, table: &Node, course: &Course) {
        if course.depth > 0 {
            self.pile.hint(
                &table.at,
                "a contract among the steps of a group",
                "write it as a probe of the gate itself",
            );
        }
        if let Some(service) = table.get("service")
            && let Some(name) = service.text()
        {
            self.known_port(service, "`service`", name);
        }
    }

    fn says_what_is_searched(&mut self, table: &Node) {
        for key in ["needles", "logs", "encodings"] {
            if let Some(list) = table.get(key).filter(|list| is_empty_list(list)) {
                self.pile.add(
                    &list.at,
                    format!("a scan that looks for nothing: `{key}` is empty"),
                );
            }
        }
        let is_written = |key: &&str| table.get(key).is_some();
        if !["tables", "logs", "record"].iter().any(is_written) {
            let hint = "give it `tables = { db = … }`, `logs` or `record = true`";
            self.pile.hint(&table.at, "a scan that looks nowhere", hint);
        }
    }

    fn says_what_runs(&mut self, table: &Node) {
        if let Some(run) = table.get("run").filter(|run| is_empty_list(run)) {
            self.pile.hint(
                &run.at,
                "`run` names no program",
                "write the program and its arguments, each a text of its own",
            );
        }
    }

    fn kind(&mut self, written: &Node) -> Option<&'static Kind> {
        let name = self.words(written, "`kind`")?;
        let found = kind(&name);
        if found.is_none() {
            let known = KINDS.iter().map(|kind| kind.name);
            self.pile
                .unknown(&written.at, format!("no kind `{name}`"), &name, known);
        }
        found
    }

    /// The observation of a probe that is looked at along a span, or over a list.
    fn repeated(&mut self, mut shape: Shape, table: &Node, inside: &Course) -> Shape {
        if table.get("every").is_some() {
            let point = shape.and([("i".to_owned(), Shape::Leaf)]);
            shape = Shape::Fields([("points".to_owned(), point.list())].into()).and(seen(ALWAYS_SEEN));
        }
        let Some(loops) = table.get("for_each").map(Node::entries) else {
            return shape;
        };
        for variable in loops.iter().filter(|variable| shape.has(&variable.key)) {
            let message = format!(
                "loop variable `{}` hides a field of what is observed",
                variable.key
            );
            self.pile.add(&variable.at, message);
        }
        let variables = loops.iter().filter_map(|variable| {
            let known = inside.names.get(&variable.key)?;
            Some((variable.key.clone(), known.shape.clone()))
        });
        shape.and(variables).list()
    }
}

fn is_empty_list(node: &Node) -> bool {
    matches!(&node.is, Is::List(elements) if elements.is_empty())
}

/// A probe of a kind, in words.
pub(super) fn of_kind(kind: &Kind) -> String {
    format!("a probe of kind `{}`", kind.name)
}

fn seen(fields: &[(&str, super::types::Sees)]) -> std::collections::BTreeMap<String, Shape> {
    match Shape::seen(fields) {
        Shape::Fields(fields) => fields,
        _ => std::collections::BTreeMap::new(),
    }
}
