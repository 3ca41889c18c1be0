//! `x-closure`: how a service runs on this host, without a container.

use super::complaint::Complaints;
use super::field::{Field, Table};
use super::model::Native;
use super::subset::{self, NATIVE_KEY};

/// What can take the place of an image.
const PROVIDED: &str = "postgres";

pub(super) fn read(field: Field<'_>, complaints: &mut Complaints) -> Option<Native> {
    let table = Table::read(field.node, "`x-closure`", subset::NATIVE, complaints)?;
    let mut argv = |key: &str| {
        let words = table.field(key).and_then(|field| words(field, complaints));
        words.unwrap_or_default()
    };
    let (run, prepare, health) = (argv("argv"), argv("prepare"), argv("health"));
    let provides = table.text("provides", complaints);
    let listen = table.text("listen", complaints);
    match (table.field("provides"), table.field("argv")) {
        (None, None) => complaints.say(
            field.place(),
            format!("`{NATIVE_KEY}` has neither `provides` nor `argv`"),
        ),
        (Some(_), Some(argv)) => complaints.say(argv.place(), "what is provided has no `argv`"),
        (Some(field), None) if provides.as_ref().is_some_and(|name| name != PROVIDED) => {
            let message = format!("`{}` cannot be provided", provides.clone().unwrap_or_default());
            complaints.hint(field.place(), message, format!("only `{PROVIDED}` can"));
        }
        _ => {}
    }
    Some(Native {
        provides,
        argv: run,
        prepare,
        listen,
        health,
    })
}

/// A list of words with a program at its head.
fn words(field: Field<'_>, complaints: &mut Complaints) -> Option<Vec<String>> {
    let words = field.texts(complaints)?;
    if words.first().is_none_or(String::is_empty) {
        complaints.say(field.place(), format!("`{}` names no program", field.key));
    }
    Some(words)
}
