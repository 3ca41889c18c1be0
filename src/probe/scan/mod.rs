//! The kind `scan`: secrets and canaries of the run, searched by value, in every disguise, wherever they may not be.
//!
//! Haystacks are the tables of a database, what services say (as it was heard, before it was rid of its secrets) and the
//! files of the record. All are read as streams: a scan holds no more than a window of any of them. What it finds is told
//! by the needle's name and its place, never by its value.
//!
//! A scan that cannot find anything would find nothing. So each needle is put into a sink on purpose, in every encoding,
//! and must be found there by the same walk; what was asked for and is not seen leaves no observation.

mod files;
mod needles;
mod packed;
mod sieve;
mod sink;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Blind, Params, Site};
use crate::redact::Encoding;
use needles::Needles;
use sieve::{Found, Spot};

/// One thing that was searched.
struct Haystack {
    /// `table:public.notes`, `log:api`, `file:timeline.jsonl`.
    name: String,
    kind: &'static str,
    bytes: u64,
    /// Of a table: how many rows, and which columns can hold what is searched for.
    rows: Option<(u64, Vec<String>)>,
    hits: Vec<Hit>,
}

/// A needle in a haystack: where it was found first, and how often.
struct Hit {
    needle: usize,
    encoding: Encoding,
    place: String,
    times: u64,
}

/// `{needles, tables, logs, record, encodings}` → `{haystacks: […], needles: […]}`.
pub(super) async fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let encodings = encodings(&params.texts("encodings")?)?;
    let secrets = site.paper.secrets();
    let needles = Arc::new(Needles::new(&params.texts("needles")?, &secrets, &encodings));
    let unseen = away(&needles, sink::unseen).await?;
    if let Some(why) = blindness(&needles, &unseen, &encodings) {
        return Err(Blind::because(why));
    }
    let mut haystacks = Vec::new();
    if let Some(tables) = params.table("tables")? {
        let db = tables.get("db").and_then(Value::as_str);
        let db = db.ok_or_else(|| Blind::because("`tables` names no `db`"))?;
        haystacks.extend(tables::search(db, &needles, site).await?);
    }
    let texts = files::logs(&params.texts("logs")?, site)?;
    let planted = site.planted.clone();
    haystacks.extend(away(&needles, move |needles| files::search(texts, &planted, needles)).await?);
    if params.flag("record")? {
        let folder = site.paper.folder();
        haystacks.extend(away(&needles, move |needles| files::record(&folder, needles)).await?);
    }
    Ok(json!({
        "haystacks": haystacks.iter().map(|haystack| haystack.on_paper(&needles)).collect::<Value>(),
        "needles": on_paper(&needles, &unseen),
    }))
}

/// Search on a thread that may be kept busy: a load may be running beside.
async fn away<T: Send + 'static>(
    needles: &Arc<Needles>,
    search: impl FnOnce(&Arc<Needles>) -> Result<T, Blind> + Send + 'static,
) -> Result<T, Blind> {
    let needles = Arc::clone(needles);
    let searched = tokio::task::spawn_blocking(move || search(&needles)).await;
    searched.map_err(|error| Blind::because(format!("the search broke off: {error}")))?
}

/// The encodings a gate names; none means all.
fn encodings(words: &[String]) -> Result<Vec<Encoding>, Blind> {
    if words.is_empty() {
        return Ok(Encoding::ALL.to_vec());
    }
    let named = |word: &String| {
        let mut all = Encoding::ALL.into_iter();
        all.find(|encoding| encoding.word() == word)
            .ok_or_else(|| Blind::because(format!("there is no encoding `{word}`")))
    };
    words.iter().map(named).collect()
}

/// What was asked for and cannot be found even where it was put on purpose.
fn blindness(needles: &Needles, unseen: &[Vec<Encoding>], asked: &[Encoding]) -> Option<String> {
    let names = needles.names().zip(unseen);
    names
        .filter(|((_, values), _)| *values > 0)
        .find_map(|((name, _), unseen)| {
            let encoding = unseen.iter().find(|encoding| asked.contains(encoding))?;
            Some(format!(
                "the scan does not find `{name}` as {} where it was put on purpose",
                encoding.word()
            ))
        })
}

fn on_paper(needles: &Needles, unseen: &[Vec<Encoding>]) -> Value {
    let one = |((name, values), unseen): ((&str, usize), &Vec<Encoding>)| {
        let unseen: Vec<_> = unseen.iter().map(|encoding| encoding.word()).collect();
        json!({ "name": name, "planted": values, "unseen_in_sink": unseen })
    };
    needles.names().zip(unseen).map(one).collect()
}

impl Haystack {
    fn new(name: String, kind: &'static str) -> Self {
        Self {
            name,
            kind,
            bytes: 0,
            rows: None,
            hits: Vec::new(),
        }
    }

    /// Add what one walk found, each at a place in words.
    fn add(&mut self, found: Found, place: impl Fn(u64) -> String) {
        for ((needle, encoding), Spot { at, times }) in found {
            self.hits.push(Hit {
                needle,
                encoding,
                place: place(at),
                times,
            });
        }
    }

    fn on_paper(&self, needles: &Needles) -> Value {
        let hit = |hit: &Hit| {
            json!({
                "needle": needles.name(hit.needle),
                "encoding": hit.encoding.word(),
                "where": hit.place,
                "times": hit.times,
            })
        };
        let mut seen = json!({ "name": self.name, "kind": self.kind, "bytes": self.bytes });
        if let Some((rows, columns)) = &self.rows {
            seen["rows"] = (*rows).into();
            seen["columns"] = json!(columns);
        }
        seen["hits"] = self.hits.iter().map(hit).collect();
        seen
    }
}
