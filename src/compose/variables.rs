//! Which variables a compose file asks for, where, and what it says when they are missing.

use super::complaint::Place;
use super::subset::is_interpolated;
use super::template::{Reference, Template};
use super::tree::{Node, Value};

/// How a variable is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `$VAR`, `${VAR}`: must be set; there is no message.
    Plain,
    /// `${VAR-default}`, `${VAR:-default}`.
    Default,
    /// `${VAR?message}`, `${VAR:?message}`.
    Required,
    /// `${VAR+instead}`, `${VAR:+instead}`.
    Alternative,
}

/// One place where a variable stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The service in whose description it stands; none outside of `services`.
    pub service: Option<String>,
    /// The keys that lead to it inside of the service, joined with `.`: `environment.DATABASE_URL`, `ports.0`.
    /// A variable in an `environment` written as a list has the same key as in one written as a map.
    pub key: String,
    /// Where.
    pub place: Place,
    /// How it is asked for.
    pub form: Form,
    /// True when an empty value counts as none: `:-`, `:?`, `:+`.
    pub non_empty: bool,
    /// What stands for it when it is missing, as it is written; possibly empty.
    pub fallback: Option<String>,
    /// What the file says when it is missing.
    pub message: Option<String>,
}

impl Variable {
    /// True when the file gives a value of its own in place of a missing one.
    pub fn has_default(&self) -> bool {
        self.fallback.is_some()
    }
}

/// Every variable of a file, in the order in which they stand.
pub(super) fn variables(root: &Node) -> Vec<Variable> {
    let mut found = Vec::new();
    root.clone()
        .each_text(&mut Vec::new(), is_interpolated, &mut |path, node| {
            let Value::Text(text) = &node.value else { return };
            // Texts that cannot be taken apart were refused when the file was read.
            let Ok(template) = Template::parse(text) else {
                return;
            };
            let (service, key) = address(path, text);
            let one = |reference: &Reference| variable(reference, service.clone(), key.clone(), node);
            found.extend(template.references().into_iter().map(one));
        });
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found
}

fn variable(reference: &Reference, service: Option<String>, key: String, node: &Node) -> Variable {
    let written = |form| (reference.form == form).then(|| reference.written.clone());
    Variable {
        name: reference.name.clone(),
        service,
        key,
        place: node.place_inside(reference.at),
        form: reference.form,
        non_empty: reference.non_empty,
        fallback: written(Form::Default),
        message: written(Form::Required).filter(|message| !message.is_empty()),
    }
}

/// The service and the key of a text.
fn address(path: &[String], text: &str) -> (Option<String>, String) {
    let is_index = |step: &str| step.bytes().all(|b| b.is_ascii_digit());
    match path {
        [top, service, list, step] if top == "services" && list == "environment" && is_index(step) => {
            let name = text.split('=').next().unwrap_or_default();
            (Some(service.clone()), format!("environment.{name}"))
        }
        [top, service, rest @ ..] if top == "services" => (Some(service.clone()), rest.join(".")),
        _ => (None, path.join(".")),
    }
}
