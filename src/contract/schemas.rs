//! JSON Schema, as `OpenAPI` 3.1 means it: draft 2020-12, with its formats. The one file that names the crate.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Display,
};

use jsonschema::{Draft, Registry, ValidationError, Validator};
use serde_json::Value;

use super::hidden;

/// The name under which the schemas of a contract refer to one another.
const CONTRACT: &str = "urn:contract";

/// The schemas of one contract, built when they are asked for.
pub(super) struct Schemas<'r> {
    registry: &'r Registry<'r>,
    built: BTreeMap<String, Validator>,
}

/// What a schema says of one value.
#[derive(Default)]
pub(super) struct Said {
    pub(super) faults: Vec<Fault>,
    /// Faults that may be owed to what was taken out of the value: they are not held against it.
    pub(super) excused: usize,
}

/// One thing that is wrong with a value.
pub(super) struct Fault {
    /// The keyword that it breaks.
    pub(super) keyword: String,
    /// Where in the value, as a JSON pointer.
    pub(super) place: String,
    /// In words, which do not repeat the value.
    pub(super) message: String,
}

/// Do something with the schemas of a contract. Nothing outside it is ever fetched.
pub(super) fn with<T>(
    contract: &Value,
    then: impl FnOnce(&mut Schemas<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let mut named = contract.clone();
    if let Some(fields) = named.as_object_mut() {
        fields.insert("$id".to_owned(), CONTRACT.into());
    }
    let unread = Registry::new().add(CONTRACT, &named).map_err(unreadable)?;
    let registry = unread.prepare().map_err(unreadable)?;
    then(&mut Schemas {
        registry: &registry,
        built: BTreeMap::new(),
    })
}

fn unreadable(error: impl Display) -> String {
    format!("the schemas of the contract cannot be read: {error}")
}

impl Schemas<'_> {
    /// Everything the schema at a place of the contract finds wrong with a value.
    pub(super) fn say(&mut self, place: &str, value: &Value) -> Result<Said, String> {
        let mut said = Said::default();
        for error in self.built(place)?.iter_errors(value) {
            if hidden::excuses(error.kind().keyword(), error.instance()) {
                said.excused += 1;
            } else {
                said.faults.push(fault(&error));
            }
        }
        Ok(said)
    }

    /// Whether the schema at a place of the contract takes a value.
    pub(super) fn take(&mut self, place: &str, value: &Value) -> Result<bool, String> {
        Ok(self.built(place)?.is_valid(value))
    }

    fn built(&mut self, place: &str) -> Result<&Validator, String> {
        match self.built.entry(place.to_owned()) {
            Entry::Occupied(built) => Ok(built.into_mut()),
            Entry::Vacant(vacant) => {
                let reference = serde_json::json!({ "$ref": format!("{CONTRACT}#{}", fragment(place)) });
                let validator = jsonschema::options()
                    .with_draft(Draft::Draft202012)
                    .with_registry(self.registry)
                    .should_validate_formats(true)
                    .build(&reference)
                    .map_err(|error| format!("the schema at `#{place}` is none: {error}"))?;
                Ok(vacant.insert(validator))
            }
        }
    }
}

fn fault(error: &ValidationError<'_>) -> Fault {
    Fault {
        keyword: error.kind().keyword().to_owned(),
        place: error.instance_path().as_str().to_owned(),
        message: error.masked().to_string(),
    }
}

/// A JSON pointer as the fragment of an URI.
fn fragment(place: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=?".contains(&byte);
    let encoded = place.bytes().map(|byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}
