//! Variables filled into a tree.

use super::complaint::Complaints;
use super::subset::{did_you_mean, is_interpolated};
use super::template::{Reference, Template, Values};
use super::tree::{Node, Value};
use super::variables::Form;
use crate::name::nearest;

/// Fill every text of a file. Without values, a text with a variable becomes unknown; with them, a variable that is
/// missing is complained about. Either way a text that cannot be taken apart is, and `$$` becomes `$`.
pub(super) fn fill(root: &mut Node, values: Option<&Values>, complaints: &mut Complaints) {
    root.each_text(&mut Vec::new(), is_interpolated, &mut |_, node| {
        let Value::Text(text) = &node.value else { return };
        node.value = match (Template::parse(text), values) {
            (Err(fault), _) => {
                complaints.hint(&node.place_inside(fault.at), fault.message, fault.hint);
                Value::Unknown
            }
            (Ok(template), None) if !template.references().is_empty() => Value::Unknown,
            (Ok(template), values) => fill_one(node, &template, values.unwrap_or(&Values::new()), complaints),
        };
    });
}

fn fill_one(node: &Node, template: &Template, values: &Values, complaints: &mut Complaints) -> Value {
    let mut whole = true;
    let text = template.fill(values, &mut |reference| {
        let (message, hint) = lament(reference, values);
        complaints.push(&node.place_inside(reference.at), message, hint);
        whole = false;
    });
    if whole { Value::Text(text) } else { Value::Unknown }
}

/// Why it cannot be filled in, and what to do about it.
fn lament(reference: &Reference, values: &Values) -> (String, Option<String>) {
    let name = &reference.name;
    let lacks = if values.contains_key(name) {
        "is empty"
    } else {
        "is not set"
    };
    let near = nearest(name, values.keys().map(String::as_str))
        .filter(|near| near != name)
        .map(did_you_mean);
    match reference.form {
        Form::Required if reference.written.is_empty() => {
            (format!("required variable `{name}` {lacks}"), near)
        }
        Form::Required => (
            format!("required variable `{name}` {lacks}: {}", reference.written),
            near,
        ),
        _ => {
            let hint = near.unwrap_or_else(|| format!("write `${{{name}-}}` when it may stand for nothing"));
            (format!("variable `{name}` {lacks}"), Some(hint))
        }
    }
}
