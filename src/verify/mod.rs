//! A whole pack into a verified one: every outcome and every derived file made again from the raw files, and compared.
//!
//! Only [`verify`] makes a [`Verified`]. It opens no socket, and collects every doubt before it judges.

mod again;
mod contract;
mod doubt;
mod open;
mod raw;

use std::{fs, path::Path};

use crate::{
    pack::{Finding, Refusal, Whole},
    plan::{self, Wish},
    report::Case,
};

pub use doubt::{Doubt, Reason};
pub use open::{Unjudged, open};

/// What a reviewer brings along.
#[derive(Clone, Debug, Default)]
pub struct Trust<'a> {
    /// The suite as the reviewer's own checkout holds it.
    pub gates: Option<&'a Path>,
    /// The plan's digest.
    pub plan_digest: Option<&'a str>,
}

/// A pack whose recorded outcome follows from its own evidence.
pub struct Verified {
    case: Case,
    whole: Whole,
}

impl Verified {
    /// The record, judged again.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The pack.
    pub fn pack(&self) -> &Whole {
        &self.whole
    }
}

/// What verification comes to.
pub enum Verification {
    /// The pack is not whole: nothing in it was looked at.
    NotWhole(Vec<Finding>),
    /// It is whole, but what it says does not follow from what it holds.
    Doubtful(Vec<Doubt>),
    /// It is whole, and what it says follows.
    Sound(Box<Verified>),
}

/// Why there is nothing to verify.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The pack cannot be read.
    #[error("{0}")]
    Pack(String),
    /// The reviewer's own suite cannot be read.
    #[error("{0}")]
    Gates(String),
}

/// Verify a pack: a zip, or the folder it was made from.
pub fn verify(path: &Path, trust: &Trust<'_>) -> Result<Verification, Unreadable> {
    if fs::metadata(path).is_err() {
        return Err(Unreadable::Pack(format!("there is no pack `{}`", path.display())));
    }
    let whole = match Whole::read(path) {
        Ok(whole) => whole,
        Err(Refusal::NotWhole(findings)) => return Ok(Verification::NotWhole(findings)),
        Err(refusal @ Refusal::Unreadable { .. }) => return Err(Unreadable::Pack(refusal.to_string())),
    };
    let case = match open(&whole) {
        Ok(case) => case,
        Err(doubts) => return Ok(Verification::Doubtful(doubts)),
    };
    let mut doubts = raw::check(&case, &whole);
    doubts.extend(contract::check(&case, &whole));
    doubts.extend(again::compare(&case, &whole));
    doubts.extend(against(&case, trust)?);
    if doubts.is_empty() {
        Ok(Verification::Sound(Box::new(Verified { case, whole })))
    } else {
        Ok(Verification::Doubtful(doubts))
    }
}

/// The gate text in the pack against the text the reviewer holds.
fn against(case: &Case, trust: &Trust<'_>) -> Result<Vec<Doubt>, Unreadable> {
    let mut doubts = Vec::new();
    let ours = case.plan.digest();
    if let Some(expected) = trust.plan_digest
        && expected != ours.as_str()
    {
        doubts.push(Doubt::new(
            Reason::OtherPlan,
            "plan.json",
            "SHA-256 of the plan",
            expected,
            &ours,
        ));
    }
    if let Some(folder) = trust.gates {
        let wish = Wish {
            suite: folder.to_owned(),
            profile: case.plan.profile.clone(),
            only: case.plan.only.clone(),
        };
        let theirs = plan::draw(&wish)
            .map_err(|refusal| Unreadable::Gates(refusal.to_string()))?
            .plan;
        for (mine, other) in pairs(case, &theirs) {
            doubts.push(Doubt::new(
                Reason::OtherGates,
                mine,
                "SHA-256 of its text",
                other.0,
                other.1,
            ));
        }
    }
    Ok(doubts)
}

/// What differs between the reviewer's plan and the pack's: path, expected and actual digest.
fn pairs(case: &Case, theirs: &plan::Plan) -> Vec<(String, (String, String))> {
    let mut all = vec![
        (
            "suite.toml".to_owned(),
            (
                theirs.suite_sha256.to_string(),
                case.plan.suite_sha256.to_string(),
            ),
        ),
        (
            "the compose file".to_owned(),
            (
                theirs.compose_sha256.to_string(),
                case.plan.compose_sha256.to_string(),
            ),
        ),
    ];
    let of = |plan: &plan::Plan, id: &str| {
        plan.gates
            .iter()
            .find(|gate| gate.id == id)
            .map_or("no such gate".to_owned(), |gate| gate.sha256.to_string())
    };
    let mut ids: Vec<&String> = theirs
        .gates
        .iter()
        .chain(&case.plan.gates)
        .map(|gate| &gate.id)
        .collect();
    ids.sort();
    ids.dedup();
    all.extend(
        ids.into_iter()
            .map(|id| (format!("gates/{id}/"), (of(theirs, id), of(&case.plan, id)))),
    );
    all.retain(|(_, (expected, actual))| expected != actual);
    all
}
