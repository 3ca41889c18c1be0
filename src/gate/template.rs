//! Templates: partial probes, filled in where they are used. Filling works on the trees, before a probe is read, so
//! that what comes out is read like any other probe and every complaint points to where the offending text stands.

use super::{
    course::Course,
    desk::Desk,
    functions::Stance,
    keys,
    kinds,
    model::Tree,
    node::{Is, Node},
    shape::Shape,
};

/// How deep templates may use templates.
const DEEPEST: usize = 8;

/// A template, as written.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// Names of its parameters.
    of: Vec<String>,
    /// The partial probe.
    body: Node,
}

/// A probe without `use`: what its templates say, with what the probe says laid over it.
pub(super) struct Filled {
    pub(super) table: Node,
    /// The templates used, outermost first, each with what its parameters are filled with.
    uses: Vec<(String, Node)>,
}

impl Desk<'_> {
    /// Lay a probe over the template it uses, and that over the one which the template uses. Nothing comes back when
    /// there is no such template.
    pub(super) fn fill(&mut self, probe: &Node) -> Option<Filled> {
        let mut filled = Filled { table: probe.clone(), uses: Vec::new() };
        while let Some(used) = filled.table.get("use").cloned() {
            let name = self.words(&used, "`use`")?;
            let Some(template) = self.shared.templates.get(&name) else {
                let known = self.shared.templates.keys().map(String::as_str);
                self.pile.unknown(&used.at, format!("no template `{name}` in `suite.toml`"), &name, known);
                return None;
            };
            if filled.uses.len() == DEEPEST {
                self.pile.add(&used.at, format!("templates use templates more than {DEEPEST} deep"));
                return None;
            }
            let nothing = Node { at: filled.table.at.clone(), is: Is::Table(Vec::new()) };
            let with = filled.table.get("with").cloned().unwrap_or(nothing);
            filled.uses.push((name, with));
            filled.table = filled.table.without(&["use", "with"]).over(&template.body);
        }
        if let Some(with) = filled.table.get("with") {
            self.pile.add(&with.at, "`with` fills a template, and there is no `use`");
            filled.table = filled.table.without(&["with"]);
        }
        Some(filled)
    }

    /// What the parameters are filled with. They are bound in the course's names, for everything below.
    pub(super) fn parameters(&mut self, filled: &Filled, course: &mut Course) -> Vec<(String, Tree)> {
        let mut bound = Vec::new();
        for (name, with) in &filled.uses {
            let Some(template) = self.shared.templates.get(name) else { continue };
            if !matches!(with.is, Is::Table(_)) {
                self.pile.add(&with.at, format!("`with` is {}, not a table", with.word()));
                continue;
            }
            for entry in with.entries().iter().filter(|entry| !template.of.contains(&entry.key)) {
                let message = format!("template `{name}` has no parameter `{}`", entry.key);
                self.pile.unknown(&entry.at, message, &entry.key, template.of.iter().map(String::as_str));
            }
            let outside = course.clone();
            for parameter in &template.of {
                let value = with.get(parameter);
                if value.is_none() {
                    self.pile.add(&with.at, format!("template `{name}` needs its parameter `{parameter}`"));
                }
                let tree = value.and_then(|value| self.parameter(parameter, value, &outside, course));
                bound.extend(tree.map(|tree| (parameter.clone(), tree)));
                if value.is_none() {
                    course.names.bind(parameter, Shape::Any, true);
                }
            }
        }
        bound
    }

    fn parameter(&mut self, name: &str, value: &Node, outside: &Course, course: &mut Course) -> Option<Tree> {
        let tree = self.tree(value, &format!("`{name}`"), &outside.names, Stance::Doing);
        let constant = tree.as_ref().is_none_or(|tree| self.is_constant_tree(tree, &outside.names));
        course.names.bind(name, Shape::written(value), constant);
        tree
    }

    /// A template, with what can be said about it before it is used. The rest shows where it is.
    pub(super) fn template(&mut self, name: &str, node: &Node) -> Option<Template> {
        let what = format!("template `{name}`");
        if !matches!(node.is, Is::Table(_)) {
            self.pile.add(&node.at, format!("{what} is {}, not a table", node.word()));
            return None;
        }
        let of = self.parameter_names(node, &what);
        let body = node.without(&["of"]);
        if let Some(own) = body.get("name") {
            self.pile.add(&own.at, format!("{what} has no `name`: the probe that uses it has"));
        }
        if let Some(kind) = body.get("kind").and_then(Node::text).and_then(kinds::kind) {
            self.known_keys(&body, &what, &[keys::PROBE, kind.params]);
        }
        Some(Template { of, body: body.without(&["name"]) })
    }

    /// The names of parameters, of a template or of a function.
    pub(super) fn parameter_names(&mut self, node: &Node, what: &str) -> Vec<String> {
        let Some(of) = node.get("of") else { return Vec::new() };
        let words = self.list_of_words(of, &format!("`of` of {what}"));
        let good = words.into_iter().filter(|(at, word)| self.identifier(word, at, "parameter"));
        good.map(|(_, word)| word).collect()
    }
}
