//! What a counterfeit is put into: an observation as it is being altered, and what of it is enough to judge.

use std::collections::BTreeSet;

use serde_json::Value;

use super::site;

/// Values in an observation that cost as much as one judgement.
const VALUES_A_JUDGEMENT: u64 = 500;

/// From this cost of a judgement on, a counterfeit is tried on what the question mentions of the observation before it
/// is tried on all of it, and a place that bit is left alone: no more alterations, no edges.
const DEAR: u64 = 8;

/// An observation the question reads, as it is and as it is being altered.
pub(super) struct Target<'a> {
    pub(super) probe: &'a str,
    /// The observation, and before it, when that is dear, what the question mentions of it. A counterfeit that breaks
    /// the question over the first counts only when it breaks it over the last.
    pub(super) forms: Vec<Form>,
}

pub(super) struct Form {
    pub(super) altered: Value,
    pub(super) cost: u64,
}

impl Form {
    fn of(altered: Value, beside: u64) -> Self {
        let cost = 1 + (values(&altered) + beside) / VALUES_A_JUDGEMENT;
        Self { altered, cost }
    }

    pub(super) fn is_dear(&self) -> bool {
        self.cost >= DEAR
    }
}

impl<'a> Target<'a> {
    /// `beside`: how many values the question reads besides, in other observations. Each judgement goes through them, too.
    pub(super) fn of(probe: &'a str, seen: &Value, fields: &BTreeSet<String>, beside: u64) -> Self {
        let whole = Form::of(seen.clone(), beside);
        let lean = whole
            .is_dear()
            .then(|| Form::of(site::lean(seen, fields), beside));
        let worth_it = lean.filter(|lean| lean.cost < whole.cost);
        Self {
            probe,
            forms: worth_it.into_iter().chain([whole]).collect(),
        }
    }

    pub(super) fn whole(&self) -> &Form {
        &self.forms[self.forms.len() - 1]
    }
}

/// How many values there are in one, itself among them.
pub(super) fn values(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(values).sum::<u64>(),
        _ => 1,
    }
}
