//! Values that refer to something: services, databases, files, probes above.

use std::collections::BTreeSet;

use crate::{
    cel::{Part, Text},
    name,
};

use super::{
    course::Course,
    desk::Desk,
    functions::Stance,
    model::Tree,
    node::Node,
    types::Type,
    value::{is_variable, literal},
};

pub(super) const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl Desk<'_> {
    pub(super) fn reference(
        &mut self,
        holds: Type,
        node: &Node,
        what: &str,
        course: &Course,
    ) -> Option<Tree> {
        match holds {
            Type::Service => self.service(node, what, course, false),
            Type::Services => self.service(node, what, course, true),
            Type::Database => self.database(node, what, course),
            Type::OnClone => self.on_clone(node, what, course),
            Type::File => self.file(node, what, course),
            Type::Request => self.request(node, what, course),
            Type::Pattern => self.pattern(node, what, course),
            Type::Pointer => self.pointer(node, what, course),
            Type::Setting => self.setting(node, what, course),
            Type::Load => self.look(node, what, course, &["load"]),
            Type::Document => self.document(node, what, course),
            Type::Probe => self.look(node, what, course, &[]),
            Type::Classes => self.classes(node, what, course),
            Type::Changes => {
                let changes = self.changes(node, course, None)?;
                Some(changes.into_tree(node))
            }
            _ => self.tree(node, what, &course.names, Stance::Doing),
        }
    }

    fn service(&mut self, node: &Node, what: &str, course: &Course, or_all: bool) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Constant)?;
        if let Some(name) = text.literal().filter(|name| !(or_all && *name == "*")) {
            self.known_service(node, name);
        }
        Some(Tree::Text(text))
    }

    pub(super) fn known_service(&mut self, node: &Node, name: &str) {
        let known = &self.shared.services;
        if !known.contains_key(name) {
            let known = known.keys().map(String::as_str);
            self.pile.unknown(
                &node.at,
                format!("no service `{name}` in `suite.toml`"),
                name,
                known,
            );
        }
    }

    pub(super) fn known_port(&mut self, node: &Node, what: &str, service: &str) {
        let portless = self
            .shared
            .services
            .get(service)
            .is_some_and(|address| address.port.is_none());
        if portless && !self.shared.doubtful.contains(service) {
            let hint = format!("give it one in `suite.toml`: `{service} = {{ port = … }}`");
            self.pile
                .hint(&node.at, format!("{what}: service `{service}` has no port"), hint);
        }
    }

    fn database(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Constant)?;
        if let Some(name) = text.literal() {
            self.known_database(node, name);
        }
        Some(Tree::Text(text))
    }

    pub(super) fn known_database(&mut self, node: &Node, name: &str) {
        let known = &self.shared.databases;
        if !known.contains_key(name) {
            let known = known.keys().map(String::as_str);
            self.pile
                .unknown(&node.at, format!("no database `{name}` in `[db]`"), name, known);
        }
    }

    /// Where else a database can be looked at: in a copy of the gate's own.
    fn on_clone(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let tree = self.value(Type::OneOf(&["clone"]), node, what, course)?;
        if !course.has_clone {
            self.pile.hint(
                &node.at,
                format!("{what}: the gate has no database of its own"),
                "give it one: `clone = \"…\"`, the name of a `[snapshot]` of `suite.toml`",
            );
            return None;
        }
        Some(tree)
    }

    /// The name of a probe above, of one of these kinds; of any when there are none.
    fn look(&mut self, node: &Node, what: &str, course: &Course, kinds: &[&str]) -> Option<Tree> {
        let name = self.words(node, what)?;
        let is = |above: &super::course::Above| {
            kinds.is_empty() || above.kind.is_some_and(|kind| kinds.contains(&kind.name))
        };
        let good = course
            .looks
            .iter()
            .filter(|(_, above)| is(above))
            .map(|(name, _)| name.as_str());
        if !good.clone().any(|known| known == name) {
            let sort = if kinds.is_empty() {
                String::new()
            } else {
                format!("{} ", kinds.join(" or "))
            };
            self.pile.unknown(
                &node.at,
                format!("{what}: no {sort}probe `{name}` above"),
                &name,
                good,
            );
            return None;
        }
        Some(Tree::Text(literal(&name)))
    }

    /// A probe above that sees a document, and one only.
    fn document(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let tree = self.look(node, what, course, &["http", "file"])?;
        let looped = node
            .text()
            .and_then(|name| course.looks.get(name))
            .is_some_and(|above| above.looped);
        if looped {
            let hint = "name one that does not run over a list";
            self.pile
                .hint(&node.at, format!("{what}: there are many documents"), hint);
            return None;
        }
        Some(tree)
    }

    /// A file of the gate's folder or of the suite's. A name with `${…}` stands for every file it could mean.
    fn file(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Constant)?;
        if let Some(path) = text.literal().filter(|path| !name::is_safe_path(path)) {
            let hint = "a file is named from its gate's folder or the suite's, with `/`, without `..`";
            self.pile
                .hint(&node.at, format!("{what}: `{path}` leaves its folder"), hint);
            return None;
        }
        let own = self.folder_prefix();
        let meant = |prefix: &str| -> Vec<String> {
            let inside = self
                .files
                .keys()
                .filter_map(|file| Some((file, file.strip_prefix(prefix)?)));
            inside
                .filter(|(_, rest)| matches(&text, rest))
                .map(|(file, _)| file.clone())
                .collect()
        };
        let found = Some(meant(&own))
            .filter(|found| !found.is_empty())
            .unwrap_or_else(|| meant(""));
        if found.is_empty() {
            let near: Vec<_> = self
                .files
                .keys()
                .map(|file| file.strip_prefix(&own).unwrap_or(file))
                .collect();
            let message = format!(
                "{what}: no file `{}` in the gate's folder or the suite's",
                text.source()
            );
            self.pile.unknown(&node.at, message, text.source(), near);
        }
        self.used.extend(found);
        Some(Tree::Text(text))
    }

    fn folder_prefix(&self) -> String {
        if self.folder.is_empty() {
            String::new()
        } else {
            format!("{}/", self.folder)
        }
    }

    /// `METHOD service /path`: what is written without `${…}` is checked.
    fn request(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Doing)?;
        let mut words = text.source().splitn(3, ' ');
        let (method, service, path) = (words.next(), words.next(), words.next());
        let (Some(method), Some(service), Some(path)) = (method, service, path) else {
            let hint = "write `METHOD service /path`";
            self.pile.hint(
                &node.at,
                format!("{what}: `{}` is not a request", text.source()),
                hint,
            );
            return None;
        };
        let written = |word: &str| !word.contains("${");
        if written(method) && !METHODS.contains(&method) {
            self.pile.unknown(
                &node.at,
                format!("{what}: no method `{method}`"),
                method,
                METHODS.iter().copied(),
            );
        }
        if written(method) && written(service) {
            self.known_service(node, service);
            self.known_port(node, what, service);
        }
        if !path.starts_with('/') && !path.starts_with("${") {
            self.pile.hint(
                &node.at,
                format!("{what}: path `{path}`"),
                "a path begins with `/`",
            );
        }
        Some(Tree::Text(text))
    }

    /// `service.NAME`, or `NAME` for a variable of the compose file.
    fn setting(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Doing)?;
        if let Some(written) = text.literal() {
            let (service, variable) = match written.split_once('.') {
                Some((service, variable)) => (Some(service), variable),
                None => (None, written),
            };
            if let Some(service) = service {
                self.known_service(node, service);
            }
            if !is_variable(variable) {
                let hint = "write `service.NAME`, or `NAME` for a variable of the compose file";
                self.pile
                    .hint(&node.at, format!("{what}: `{written}` is not a setting"), hint);
            }
        }
        Some(Tree::Text(text))
    }
}

/// Could the text mean this file? Its literal parts stand in it in order, the first at its beginning, the last at its
/// end, and what an expression stands for holds no `/`.
fn matches(text: &Text, file: &str) -> bool {
    let mut reached = BTreeSet::from([0]);
    for part in text.parts() {
        let step = |at: &usize| -> Vec<usize> {
            let rest = &file[*at..];
            match part {
                Part::Literal(literal) if rest.starts_with(literal.as_str()) => vec![at + literal.len()],
                Part::Literal(_) => Vec::new(),
                Part::Expr(_) => {
                    let name = rest.split('/').next().unwrap_or_default();
                    name.char_indices()
                        .map(|(offset, c)| at + offset + c.len_utf8())
                        .collect()
                }
            }
        };
        reached = reached.iter().flat_map(step).collect();
    }
    reached.contains(&file.len())
}

#[cfg(test)]
mod tests {
    use super::matches;
    use crate::cel::Text;

    #[test]
    fn a_text_with_expressions_means_every_file_it_could_become() {
        let means = |text: &str, file: &str| matches(&Text::parse(text).expect("a text"), file);
        assert!(means("a.sql", "a.sql"));
        assert!(!means("a.sql", "a.sqlx"));
        assert!(means("${q}.sql", "spend.sql"));
        assert!(means("sql/${q}_${r}.sql", "sql/a_b.sql"));
        assert!(!means("${q}.sql", ".sql"));
        assert!(!means("${q}.sql", "deep/spend.sql"));
    }
}
