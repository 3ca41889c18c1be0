//! The contract of a service against what the service said: an `OpenAPI` document, and the exchanges on record.
//!
//! Pure: a function of the document and of the first so many lines of `exchanges.jsonl`, so that a run and an auditor
//! who only holds the pack come to the same. What an observation rests on stands in it, under `asked`.
//!
//! Nothing is held against a service that paper does not show. A body that was cut, or that is no text, is *skipped*: its
//! status, media type and headers are judged all the same. Where a secret was taken out (`‹…›`), whatever a keyword says of
//! the hidden text is not judged; that it is a string, and how many there are, is.

mod books;
mod choice;
mod hidden;
mod media;
mod mutants;
mod schemas;
mod spec;
#[cfg(test)]
mod tests;
mod verdict;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use books::Books;
use spec::Spec;

/// What is judged: by which contract, whose answers, and which of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The probe that saw the contract.
    pub spec: String,
    /// The service that gave it.
    pub service: String,
    /// Whose exchanges.
    pub exchanges: Reach,
    /// Real bodies of each cell that are broken, to see whether the contract refuses them.
    pub mutants: usize,
    /// Gate and pass that ask: `EG8.6/pass`.
    pub pass: String,
    /// How many exchanges were on record by then.
    pub lines: usize,
}

/// Whose exchanges are judged. What controls provoked is left out, except by a control itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Those of every gate.
    Run,
    /// Those of the gate that asks.
    Gate,
}

impl Reach {
    /// The reach of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "run" => Some(Self::Run),
            "gate" => Some(Self::Gate),
            _ => None,
        }
    }
}

/// How many whole lines a record of exchanges holds.
pub fn lines(record: &[u8]) -> usize {
    record.split(|byte| *byte == b'\n').count() - 1
}

/// The `contract` observation. The error says why the contract, or the record, cannot be read.
pub fn observe(asked: &Asked, contract: &Value, record: &[u8]) -> Result<Value, String> {
    let spec = Spec::read(contract)?;
    let exchanges = choice::chosen(asked, record)?;
    schemas::with(contract, |schemas| {
        let mut books = Books::of(&spec, asked.mutants);
        for (line, exchange) in &exchanges {
            books.enter(*line, exchange, schemas)?;
        }
        let broken = mutants::all(&spec, &books, schemas)?;
        Ok(books.on_paper(asked, &broken))
    })
}
