//! Changes on the wire: what `http` and `proxy` must say beyond their types.

use super::{
    course::Course,
    desk::Desk,
    functions::Stance,
    kinds::{ONE_BODY, ONE_EDIT},
    model::Tree,
    node::{Is, Node},
    reference::METHODS,
};

impl Desk<'_> {
    /// The request that undoes another is written out, part by part: its headers are made from its exact body.
    pub(super) fn http_undo(&mut self, change: &Node) {
        let Some(undo) = change.get("undo") else { return };
        let hint = "write `undo = { request = \"METHOD service /path\" }`";
        if self.written_out(undo, "`undo`", hint) {
            self.choices(undo, "`undo`", &[ONE_BODY]);
        }
    }

    /// A proxy stands before a port, and alters something of what it is about.
    pub(super) fn proxy(&mut self, change: &Node) {
        if let Some(service) = change.get("service")
            && let Some(name) = service.text()
        {
            self.known_port(service, "`service`", name);
        }
        let hint = "write `edit = { remove = \"/field\" }` or `edit = { replace = \"/field\", with = 1 }`";
        if let Some(edit) = change.get("edit")
            && self.written_out(edit, "`edit`", hint)
        {
            self.choices(edit, "`edit`", &[ONE_EDIT]);
        }
        let hint = "write `reply = { status = 503 }`";
        if let Some(reply) = change.get("reply")
            && self.written_out(reply, "`reply`", hint)
        {
            self.choices(reply, "`reply`", &[ONE_BODY]);
            if let Some(status) = reply.get("status")
                && matches!(status.is, Is::Int(status) if !(200..600).contains(&status))
            {
                self.pile
                    .hint(&status.at, "`status` is no answer's", "from 200 to 599");
            }
        }
        if let Some(freeze) = change.get("freeze")
            && matches!(freeze.is, Is::Bool(false))
        {
            self.pile
                .add(&freeze.at, "a proxy that does not freeze does nothing");
        }
        if let Some(share) = change.get("share") {
            let outside = match share.is {
                Is::Int(share) => share != 1,
                Is::Float(share) => !(share > 0.0 && share <= 1.0),
                _ => false,
            };
            if outside {
                self.pile.hint(
                    &share.at,
                    "`share` is no part of the requests",
                    "above 0, up to 1; 1 means all of them",
                );
            }
        }
    }

    /// Complain about one lone expression where the parts are to be read before anything starts.
    fn written_out(&mut self, node: &Node, what: &str, hint: &str) -> bool {
        let is_expression = node.text().is_some_and(|text| text.starts_with("${"));
        if is_expression {
            self.pile
                .hint(&node.at, format!("{what} is a string, not a table"), hint);
        }
        matches!(node.is, Is::Table(_))
    }

    /// `METHOD /path`: what is written without `${…}` is checked.
    pub(super) fn pattern(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Doing)?;
        let Some((method, path)) = text.source().split_once(' ') else {
            let message = format!("{what}: `{}` matches no request", text.source());
            let hint = "write `METHOD /path`; `*` stands for anything";
            self.pile.hint(&node.at, message, hint);
            return None;
        };
        if !method.contains("${") && method != "*" && !METHODS.contains(&method) {
            let known = METHODS.iter().copied();
            self.pile
                .unknown(&node.at, format!("{what}: no method `{method}`"), method, known);
        }
        if !path.starts_with('/') && !path.starts_with("${") {
            let hint = "a path begins with `/`; the service stands under `service`";
            self.pile.hint(&node.at, format!("{what}: path `{path}`"), hint);
        }
        Some(Tree::Text(text))
    }

    /// `/calls/0/id`: what is written without `${…}` is checked.
    pub(super) fn pointer(&mut self, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let text = self.text(node, what, &course.names, Stance::Doing)?;
        if !text.source().starts_with('/') && !text.source().starts_with("${") {
            let message = format!("{what}: `{}` points at nothing", text.source());
            let hint = "a JSON pointer begins with `/`: `/calls/0/id`";
            self.pile.hint(&node.at, message, hint);
        }
        Some(Tree::Text(text))
    }
}
