//! Mounts: named volumes, and folders beside the compose file.

use super::complaint::Complaints;
use super::field::{Field, Table};
use super::links::{Link, Target};
use super::model::Mount;
use super::subset;
use super::tree::Value;

const EXAMPLES: &str = "as in `data:/var/lib/data` or `./conf:/etc/conf:ro`";

pub(super) fn read(field: Field<'_>, links: &mut Vec<Link>, complaints: &mut Complaints) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for item in field.items(complaints).unwrap_or_default() {
        let mount = match item.node.value {
            Value::Map(_) => long(item, complaints),
            _ => short(item, complaints),
        };
        let Some(mount) = mount.filter(|mount| is_sound(mount, item, complaints)) else {
            continue;
        };
        if mounts.iter().any(|earlier| earlier.target == mount.target) {
            complaints.say(
                item.place(),
                format!("something is mounted at `{}` already", mount.target),
            );
        }
        if !is_path(&mount.source) {
            links.push(Link::new(Target::Volume, &mount.source, item.place()));
        }
        mounts.push(mount);
    }
    mounts
}

/// `source:target[:ro|rw]`.
fn short(item: Field<'_>, complaints: &mut Complaints) -> Option<Mount> {
    let text = item.text(complaints)?;
    let parts: Vec<&str> = text.split(':').collect();
    let read_only = parts.get(2) == Some(&"ro");
    match parts[..] {
        [source, target] | [source, target, "ro" | "rw"] => Some(Mount {
            source: source.to_owned(),
            target: target.to_owned(),
            read_only,
        }),
        [_] => {
            complaints.hint(
                item.place(),
                format!("`{text}` is a volume without a name"),
                EXAMPLES,
            );
            None
        }
        _ => {
            complaints.hint(item.place(), format!("`{text}` is not a mount"), EXAMPLES);
            None
        }
    }
}

fn long(item: Field<'_>, complaints: &mut Complaints) -> Option<Mount> {
    let table = Table::read(item.node, "a mount", subset::MOUNT, complaints)?;
    let mut text = |key: &str| {
        table
            .required(key, "a mount", complaints)
            .and_then(|field| field.text(complaints))
    };
    let (kind, source, target) = (text("type"), text("source"), text("target"));
    let read_only = table.boolean("read_only", complaints);
    let (kind, mount) = (
        kind?,
        Mount {
            source: source?,
            target: target?,
            read_only,
        },
    );
    let expected = if is_path(&mount.source) { "bind" } else { "volume" };
    if kind != expected {
        let message = format!(
            "a mount of `{}` has the type `{expected}`, not `{kind}`",
            mount.source
        );
        complaints.say(item.place(), message);
    }
    Some(mount)
}

fn is_sound(mount: &Mount, item: Field<'_>, complaints: &mut Complaints) -> bool {
    let source = mount.source.as_str();
    let is_name = !source.is_empty()
        && source
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if !is_path(source) && !is_name {
        let message = format!("`{source}` is neither the name of a volume nor a path");
        complaints.hint(item.place(), message, "a path begins with `./`, `../` or `/`");
        return false;
    }
    if !mount.target.starts_with('/') {
        complaints.say(
            item.place(),
            format!("`{}` is not an absolute path", mount.target),
        );
        return false;
    }
    true
}

fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/'])
}
