//! The books: what was said of each cell of operation, status and media type, and what is wrong with any of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Asked,
    mutants::Broken,
    schemas::Schemas,
    spec::Spec,
    verdict::{self, Cell, Verdict},
};
use crate::exchange::Exchange;

/// So many violations, and so many skipped exchanges, are told one by one; the cells count all of them.
const TOLD: usize = 50;

/// All that is known of the answers so far.
pub(super) struct Books<'c> {
    spec: &'c Spec<'c>,
    /// Bodies of each cell that are kept.
    samples: usize,
    pub(super) cells: BTreeMap<Cell, Account>,
    violations: Vec<Value>,
    skipped: Vec<Value>,
    unanswered: usize,
    excused: usize,
}

/// What is known of one cell.
#[derive(Default)]
pub(super) struct Account {
    undeclared: Option<&'static str>,
    seen: usize,
    validated: usize,
    violations: usize,
    first_asked_by: String,
    /// Where the schema of the bodies stands; empty when there is none.
    pub(super) schema: String,
    /// Real bodies, by their shapes: another one of the same shape would teach nothing new.
    pub(super) bodies: BTreeMap<String, Value>,
}

impl<'c> Books<'c> {
    /// Books with a cell for everything that is declared.
    pub(super) fn of(spec: &'c Spec<'c>, samples: usize) -> Self {
        let mut cells = BTreeMap::new();
        for operation in &spec.operations {
            for response in &operation.responses {
                let forms = response.content.iter().map(|form| form.media.essence.clone());
                let without_body = response.content.is_empty().then(String::new);
                for media in forms.chain(without_body) {
                    let cell = Cell {
                        operation: operation.name.clone(),
                        status: response.status(),
                        media,
                    };
                    cells.insert(cell, Account::default());
                }
            }
        }
        Self {
            spec,
            samples,
            cells,
            violations: Vec::new(),
            skipped: Vec::new(),
            unanswered: 0,
            excused: 0,
        }
    }

    /// Enter one exchange, which stands in so-and-so-many-th place of the record.
    pub(super) fn enter(
        &mut self,
        line: usize,
        exchange: &Exchange,
        schemas: &mut Schemas<'_>,
    ) -> Result<(), String> {
        if exchange.status == 0 || exchange.error.is_some() {
            self.unanswered += 1;
            return Ok(());
        }
        let Verdict {
            cell,
            undeclared,
            faults,
            excused,
            skipped,
            body,
        } = verdict::judge(self.spec, exchange, schemas)?;
        for wrong in faults.iter().take(TOLD.saturating_sub(self.violations.len())) {
            self.violations.push(json!({
                "operation": cell.operation,
                "status": exchange.status,
                "media": cell.media,
                "part": wrong.part,
                "where": wrong.fault.place,
                "keyword": wrong.fault.keyword,
                "message": wrong.fault.message,
                "line": line,
                "asked_by": exchange.asked_by,
            }));
        }
        if let Some(why) = skipped.filter(|_| self.skipped.len() < TOLD) {
            self.skipped.push(json!({
                "operation": cell.operation,
                "status": exchange.status,
                "why": why,
                "line": line,
                "asked_by": exchange.asked_by,
            }));
        }
        self.excused += excused;
        let account = self.cells.entry(cell).or_default();
        if account.seen == 0 {
            account.undeclared = undeclared;
            account.first_asked_by.clone_from(&exchange.asked_by);
        }
        account.seen += 1;
        account.validated += usize::from(undeclared.is_none() && skipped.is_none());
        account.violations += faults.len();
        if let Some((schema, body)) = body {
            account.schema = schema;
            account.keep(body, self.samples);
        }
        Ok(())
    }

    /// The observation.
    pub(super) fn on_paper(self, asked: &Asked, broken: &Broken) -> Value {
        let cells = || self.cells.iter();
        let undeclared = cells().filter_map(|(cell, account)| {
            Some(json!({
                "operation": cell.operation,
                "status": cell.status,
                "media": cell.media,
                "what": account.undeclared?,
                "seen": account.seen,
                "asked_by": account.first_asked_by,
            }))
        });
        let unexercised = cells().filter(|(_, account)| account.seen == 0);
        json!({
            "asked": asked,
            "cells": cells().map(|(cell, account)| account.on_paper(cell)).collect::<Value>(),
            "undeclared": undeclared.collect::<Value>(),
            "unexercised": unexercised
                .map(|(cell, _)| json!({"operation": cell.operation, "status": cell.status, "media": cell.media}))
                .collect::<Value>(),
            "open_cells": broken.open,
            "mutants": broken.by_keyword(),
            "unanswered": self.unanswered,
            "excused": self.excused,
            "violations": self.violations,
            "skipped": self.skipped,
        })
    }
}

impl Account {
    fn keep(&mut self, body: Value, most: usize) {
        if self.bodies.len() < most {
            self.bodies.entry(shape(&body)).or_insert(body);
        }
    }

    fn on_paper(&self, cell: &Cell) -> Value {
        json!({
            "operation": cell.operation,
            "status": cell.status,
            "media": cell.media,
            "declared": self.undeclared.is_none(),
            "seen": self.seen,
            "validated": self.validated,
            "violations": self.violations,
        })
    }
}

/// What kind of value it is, down to its leaves.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(items) => {
            let mut shapes: Vec<String> = items.iter().map(shape).collect();
            shapes.sort();
            shapes.dedup();
            format!("[{}]", shapes.join("|"))
        }
        Value::Object(fields) => {
            let shapes = fields
                .iter()
                .map(|(key, value)| format!("{key}:{}", shape(value)));
            format!("{{{}}}", shapes.collect::<Vec<_>>().join(","))
        }
    }
}
