//! A change that was made: its record, what it does to the looks of a pass, and the way back.

use serde_json::{Value, json};

use super::{Journal, Override, Undo, journal::Ticket, word};
use crate::{
    gate::model,
    observation::{ChangeRecord, Look},
    probe::{Change, Site},
};

/// A change while it is being made.
pub(super) struct Draft {
    pub(super) record: ChangeRecord,
    pub(super) undo: Option<(Undo, Ticket)>,
    pub(super) effect: Effect,
}

/// What looks must know about a change.
#[derive(Default)]
pub(super) enum Effect {
    /// Nothing: it stands on the running topology.
    #[default]
    None,
    /// They are made inside its transaction.
    Rollback(super::sql::Open),
    /// Startups are made with it.
    Scratch(Change),
    /// A probe asks something else.
    Override(Override),
    /// It stands between them and a service.
    Proxy(super::proxy::InTheWay),
}

impl Draft {
    pub(super) fn new(change: &model::Change) -> Self {
        let record = ChangeRecord {
            kind: change.kind.clone(),
            place: word(change.place).to_owned(),
            ..ChangeRecord::default()
        };
        Self {
            record,
            undo: None,
            effect: Effect::None,
        }
    }

    pub(super) fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.record.facts.insert(name.to_owned(), value.into());
    }

    pub(super) fn applied(self, made_ms: u64, landed_ms: u64) -> Applied {
        let Self { record, undo, effect } = self;
        Applied {
            record,
            undo,
            effect,
            made_ms,
            landed_ms,
            undo_ms: 0,
            undone_ms: 0,
        }
    }
}

/// A change that was made, or tried.
pub struct Applied {
    /// What goes to paper.
    pub record: ChangeRecord,
    undo: Option<(Undo, Ticket)>,
    effect: Effect,
    made_ms: u64,
    landed_ms: u64,
    undo_ms: u64,
    undone_ms: u64,
}

impl Applied {
    /// The site as looks must see it while this change stands. Pass it on to the next change of a list, so that
    /// several share one transaction.
    pub fn stands_on(&self, site: &Site) -> Site {
        let mut site = site.clone();
        match &self.effect {
            Effect::Rollback(open) => site.rollback = Some(open.rollback.clone()),
            Effect::Scratch(change) => site.scratch.push(change.clone()),
            Effect::None | Effect::Override(_) | Effect::Proxy(_) => {}
        }
        site
    }

    /// What a probe is made to ask instead, when this is a change of kind `probe`.
    pub fn overrides(&self) -> Option<&Override> {
        match &self.effect {
            Effect::Override(change) => Some(change),
            _ => None,
        }
    }

    /// Fill in the witness of a change of kind `probe` from the looks before it, under it, and after it: the
    /// parameters as they were executed. Other kinds have their witness already.
    pub fn witnessed(&mut self, before: &[Look], after: &[Look], undone: Option<&[Look]>) {
        if let Effect::Override(change) = &self.effect {
            self.record.witness.before = change.executed(before);
            self.record.witness.after = change.executed(after);
            // The gate's own probe was never touched: without another look it is what it was before.
            self.record.witness.undone = change.executed(undone.unwrap_or(before));
        }
    }

    /// Undo the change, once. A failure is told in the facts as `undo_error` and leaves `undone` null, so that the
    /// control comes out as not restored.
    pub async fn undo(&mut self, site: &Site, journal: &Journal) {
        let _middle = journal.middle().await;
        self.undo_ms = site.clock.ms();
        let outcome = match (std::mem::take(&mut self.effect), self.undo.take()) {
            (Effect::Rollback(open), _) => open.end(&mut self.record).await,
            (Effect::Scratch(change), _) => super::compose::lift(&change, site, &mut self.record),
            (Effect::Override(change), _) => {
                // What it asked is still wanted on paper; there is nothing to take back.
                self.effect = Effect::Override(change);
                Ok(())
            }
            (Effect::Proxy(proxy), Some((undo, ticket))) => {
                proxy.tell(site, &mut self.record);
                undo.end(site, journal, ticket, &mut self.record).await
            }
            (Effect::None, Some((undo, ticket))) => undo.end(site, journal, ticket, &mut self.record).await,
            (Effect::None | Effect::Proxy(_), None) => Ok(()),
        };
        if outcome.is_err() || self.record.witness.before.is_null() {
            // What was never seen before cannot be compared: such a change failed, and says so in `error`.
            self.record.witness.undone = Value::Null;
        }
        if let Err(why) = outcome {
            self.record
                .facts
                .insert("undo_error".into(), site.paper.redact(&why).into());
        }
        self.undone_ms = site.clock.ms();
    }

    /// The observation of a probe of kind `change`, once undone. `exit_code` is that of a service the change ended.
    pub fn observation(&self) -> Value {
        json!({
            "landed": self.record.landed(),
            "undone": self.record.undone(),
            "made_ms": self.made_ms,
            "landed_ms": self.landed_ms,
            "undo_ms": self.undo_ms,
            "undone_ms": self.undone_ms,
            "exit_code": self.record.facts.get("exit_code").cloned().unwrap_or_default(),
            "witness": self.record.witness,
        })
    }
}
