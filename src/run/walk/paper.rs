//! What a walk finds, written down; and the names that what was found so far lends to the next look.

use serde_json::Value;

use super::{Around, Seen, Walk};
use crate::{
    cel::Scope,
    observation::{Look, Names},
    run::looks::Made,
};

impl Walk<'_> {
    /// Write down what a probe of the gate saw.
    pub(super) fn keep(&self, name: &str, seen: &Seen) {
        let mut found = self.found.borrow_mut();
        if let Some(value) = &seen.value {
            found.seen.insert(name.to_owned(), value.clone());
        }
        if let Some(reason) = &seen.blind {
            found.blind.insert(name.to_owned(), Value::String(reason.clone()));
        }
    }

    /// Write a look down, redacted, with how and when it was made.
    pub(super) fn made(&self, made: Made, kind: &str, path: &str, begin_ms: u64, tries: u32) -> Seen {
        let paper = &self.site.paper;
        let seen = match made.seen {
            Ok(observation) => {
                let mut observation = paper.redact_json(&observation);
                if let Value::Object(fields) = &mut observation {
                    fields.insert("t_ms".into(), begin_ms.into());
                }
                Seen::of(observation)
            }
            Err(reason) => Seen::blind(paper.redact(&reason)),
        };
        self.note(Look {
            probe: path.to_owned(),
            kind: kind.to_owned(),
            params: paper.redact_json(&made.params),
            begin_ms,
            end_ms: self.site.clock.ms(),
            tries,
        });
        seen
    }

    /// Add raw files of a look to the record.
    pub(super) fn write(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), String> {
        let written = files
            .into_iter()
            .try_for_each(|(path, bytes)| self.record.verbatim(&path, &bytes));
        written.map_err(|error| format!("the record cannot be written: {error}"))
    }

    /// Names without the secrets of the run.
    pub(super) fn redacted(&self, names: &Names) -> Names {
        let of = |(name, value): (&String, &Value)| (name.clone(), self.site.paper.redact_json(value));
        names.iter().map(of).collect()
    }

    /// Keep a look; of one that is made again and again, keep the last.
    pub(super) fn note(&self, look: Look) {
        let mut found = self.found.borrow_mut();
        match found.looks.last_mut() {
            Some(last) if last.probe == look.probe && look.tries > 1 => {
                *last = Look {
                    begin_ms: last.begin_ms,
                    ..look
                };
            }
            _ => found.looks.push(look),
        }
    }

    /// Bind every name a look may use: constants, lets, what was seen so far, and what stands around it.
    pub(super) fn bind(&self, scope: &mut Scope<'_>, around: &Around) {
        let found = self.found.borrow();
        for names in [self.constants, self.lets, &found.seen, around] {
            names.iter().for_each(|(name, value)| scope.bind(name, value));
        }
    }
}
