//! What a pack may claim: computed from what ran, where, and whether the machine held; never read from a flag.

use serde::Deserialize as _;
use serde_json::Value;

use super::Case;
use crate::{evidence::physics::Sample, outcome::Outcome};

/// What a pack may claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The profile whose every figure was driven; it names the summary's second file.
    pub run_authority: String,
    /// True only when every demand held through the whole run.
    pub authoritative: bool,
    /// Each reason for which authority is withheld, in words.
    pub withheld: Vec<String>,
}

/// Compute the authority of a judged record.
pub fn authority(case: &Case) -> Authority {
    let mut withheld = Vec::new();
    let mut unless = |holds: bool, reason: String| {
        if !holds {
            withheld.push(reason);
        }
    };
    let profile = &case.plan.profile;
    unless(
        profile == "full_physics",
        format!("profile `{profile}` is a subset"),
    );
    let substrate = case.sealed("substrate");
    unless(
        substrate == "docker",
        format!("substrate `{substrate}`: authority needs `docker`"),
    );
    unless(
        case.plan.only.is_empty(),
        format!("`--only {}` left gates out", case.plan.only.join(" ")),
    );
    unless(
        case.seal.get("keep") != Some(&Value::Bool(true)),
        "`--keep` left the topology up".into(),
    );
    if let Some(reason) = case.stopped_by() {
        unless(false, format!("the run did not reach its end: {reason}"));
    }
    unless(
        case.outcome() == Outcome::Pass,
        format!("the outcome is `{}`", case.outcome()),
    );
    for reason in machine(case).into_iter().chain(unwatched(case)) {
        unless(false, reason);
    }
    for reason in identity(case) {
        unless(false, reason);
    }
    Authority {
        run_authority: profile.clone(),
        authoritative: withheld.is_empty(),
        withheld,
    }
}

/// What the profile demands of the machine and did not get.
fn machine(case: &Case) -> Vec<String> {
    let Some(profile) = case.suite.profiles.get(&case.plan.profile) else {
        return Vec::new();
    };
    let host = |key: &str| {
        case.physics
            .pointer(&format!("/host/{key}"))
            .and_then(Value::as_f64)
    };
    let mut reasons = Vec::new();
    for (demand, wanted) in &profile.demands {
        let wanted = wanted.as_f64().unwrap_or(f64::INFINITY);
        let (seen, holds) = match demand.as_str() {
            "cpus" => (host("cpu_count"), host("cpu_count").is_some_and(|n| n >= wanted)),
            "mem_gib" => {
                let gib = host("mem_total_kib").map(|kib| kib / 1024.0 / 1024.0);
                (gib, gib.is_some_and(|n| n >= wanted))
            }
            "steal_pct" => {
                let steal = worst_steal(&case.physics);
                (steal, steal.is_some_and(|pct| pct <= wanted))
            }
            _ => (None, false),
        };
        if !holds {
            let seen = seen.map_or("not seen".to_owned(), |n| format!("{n:.1}"));
            reasons.push(format!("the machine: `{demand}` {seen}, demanded {wanted}"));
        }
    }
    reasons
}

/// The highest share of processor time that was stolen between two samples of the run, in per cent.
fn worst_steal(physics: &Value) -> Option<f64> {
    let samples = Vec::<Sample>::deserialize(physics.get("during")?).ok()?;
    let stolen = |pair: &[Sample]| pair[1].steal_pct_since(&pair[0]);
    samples.windows(2).filter_map(stolen).reduce(f64::max)
}

/// What the seal should be on and was never seen, or could not be looked at again: nobody knows whether it stayed the
/// same.
fn unwatched(case: &Case) -> Vec<String> {
    let first = case.seal.get("first");
    let is_sealed = |part: &str| first.and_then(|first| first.get(part)).is_some();
    let mut reasons: Vec<String> = case
        .suite
        .seal
        .keys()
        .filter(|part| !is_sealed(part))
        .map(|part| format!("the seal: `{part}` was never seen"))
        .collect();
    let boundaries = case.seal.get("boundaries").and_then(Value::as_array);
    for boundary in boundaries.into_iter().flatten() {
        let at = boundary.get("at").and_then(Value::as_str).unwrap_or_default();
        let unseen = boundary.get("unseen").and_then(Value::as_object);
        for (part, why) in unseen.into_iter().flatten() {
            let why = why.as_str().unwrap_or_default();
            reasons.push(format!(
                "the seal: `{part}` was not seen at boundary `{at}`: {why}"
            ));
        }
    }
    reasons
}

/// What is missing to say whose code was proven, and where.
fn identity(case: &Case) -> Vec<String> {
    let mut reasons = Vec::new();
    if case
        .physics
        .pointer("/github/run_id")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        reasons.push("no CI identity: the run has no run id".to_owned());
    }
    match case.seal.pointer("/git/dirty").and_then(Value::as_bool) {
        Some(false) => {}
        Some(true) => reasons.push("the working tree is dirty".to_owned()),
        None => reasons.push("the commit is not known".to_owned()),
    }
    reasons
}
