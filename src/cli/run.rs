//! `closure run`: bring the topology up, pass it through the gates, seal the evidence, and say what came of it.

use std::io::IsTerminal as _;

use serde_json::json;

use super::{
    Exit,
    arguments::{RunWish, SubstrateWish},
    looked,
    progress::Progress,
    refused, told,
};
use crate::{
    judge::{
        probes_read,
        verdict::{GateVerdict, Proof, Standing},
    },
    outcome::Outcome,
    report::authority,
    run::{self, Ending, Order, Ran},
};

pub(super) fn command(wish: &RunWish) -> anyhow::Result<Exit> {
    let quiet = wish.quiet || wish.selection.json;
    let progress = Progress::new(quiet, std::io::stderr().is_terminal());
    let order = Order {
        wish: wish.selection.wish(),
        substrate: match wish.substrate {
            SubstrateWish::Auto => run::Wanted::Auto,
            SubstrateWish::Docker => run::Wanted::Docker,
            SubstrateWish::Native => run::Wanted::Native,
        },
        artifact_dir: wish.artifact_dir.clone(),
        env_file: wish.env_file.clone(),
        keep: wish.keep,
    };
    let ran = run::run(&order, &|news| progress.tell(&news));
    progress.finish();
    let ran = ran.map_err(refused)?;
    let exit = exit_of(&ran);
    if wish.selection.json {
        println!("{:#}", as_json(&ran, exit));
    } else {
        print!("{}", in_words(&ran));
    }
    Ok(exit)
}

/// The exit code that equals what the pack says.
fn exit_of(ran: &Ran) -> Exit {
    if ran.broken_pack.is_some() {
        return Exit::Bug;
    }
    match ran.ending {
        Ending::Interrupted(_) => Exit::Interrupted,
        Ending::NotUp(_) | Ending::Lost(_) => Exit::NotUp,
        Ending::Unwritten(_) => Exit::Unwritten,
        Ending::Whole | Ending::Stopped(_) => match ran.case.outcome() {
            Outcome::Pass => Exit::Pass,
            Outcome::Fail => Exit::Failed,
            Outcome::Unproven | Outcome::Inconclusive | Outcome::NotRun => Exit::Unproven,
        },
    }
}

fn as_json(ran: &Ran, exit: Exit) -> serde_json::Value {
    let authority = authority(&ran.case);
    json!({
        "outcome": ran.case.outcome(),
        "exit_code": exit.code(),
        "run_authority": authority.run_authority,
        "authoritative": authority.authoritative,
        "authority_withheld": authority.withheld,
        "stopped_by": ran.case.stopped_by(),
        "gates": ran.case.verdicts.iter().map(|verdict| json!({
            "id": verdict.gate, "outcome": verdict.outcome, "reasons": verdict.reasons,
        })).collect::<Vec<_>>(),
        "pack": ran.archive,
        "sha256": ran.sha256,
        "broken_pack": ran.broken_pack,
        "left_behind": ran.left_behind,
    })
}

/// The closing summary: what failed first, then the outcome, what it may claim, where the pack is, how to check it.
fn in_words(ran: &Ran) -> String {
    let case = &ran.case;
    let mut lines = vec![String::new()];
    for verdict in &case.verdicts {
        lines.extend(gate_in_words(verdict, case));
    }
    let (proven, controls) = case.controls_proven();
    let assertions: usize = case.verdicts.iter().map(|verdict| verdict.assertions.len()).sum();
    let kills = case.verdicts.iter().flat_map(|verdict| &verdict.kills.rows);
    let (live, counterfeits) = kills.fold((0, 0), |(live, counterfeits), row| {
        (live + row.live.len(), counterfeits + row.killed)
    });
    lines.push(format!(
        "{} gates, {assertions} assertions, {proven} of {controls} controls proven, {live} live kills, \
         {counterfeits} counterfeit kills",
        case.verdicts.len(),
    ));
    lines.push(format!("outcome    {}", case.outcome()));
    if let Some(reason) = case.stopped_by() {
        lines.push(format!("stopped    {reason}"));
    }
    let authority = authority(case);
    if authority.authoritative {
        lines.push(format!("authority  {}, authoritative", authority.run_authority));
    } else {
        lines.push(format!(
            "authority  {}, not authoritative:",
            authority.run_authority
        ));
        for reason in &authority.withheld {
            lines.push(format!("             - {reason}"));
        }
    }
    if let Some(words) = &ran.broken_pack {
        lines.push(format!(
            "BROKEN     the pack does not verify; please report this as a bug in closure:\n{words}"
        ));
    }
    for left in &ran.left_behind {
        lines.push(format!("LEFT       {left}"));
    }
    lines.push(format!("pack       {}", ran.archive.display()));
    lines.push(format!("sha256     {}", ran.sha256));
    lines.push(format!("verify     closure verify {}", ran.archive.display()));
    if !case.plan.only.is_empty() {
        lines.push(
            "`--only` left gates out: this run proves nothing about them, and is never authoritative"
                .to_owned(),
        );
    }
    lines.join("\n") + "\n"
}

fn gate_in_words(verdict: &GateVerdict, case: &crate::report::Case) -> Vec<String> {
    if verdict.outcome == Outcome::Pass {
        return Vec::new();
    }
    let claim = case
        .plan
        .gates
        .iter()
        .find(|gate| gate.id == verdict.gate)
        .map_or("", |gate| gate.claim.as_str());
    let gate = case.suite.gates.iter().find(|gate| gate.id == verdict.gate);
    let pass = case
        .records
        .get(&verdict.gate)
        .and_then(|record| record.pass.as_ref());
    let mut lines = vec![format!(
        "{} {}: {claim}",
        verdict.outcome.word().to_uppercase(),
        verdict.gate
    )];
    for assertion in verdict
        .assertions
        .iter()
        .filter(|assertion| assertion.standing != Standing::Held)
    {
        lines.extend(told::assertion(assertion));
        let looked = gate.zip(pass).map_or_else(Vec::new, |(gate, pass)| {
            looked::in_words(&probes_read(gate, &assertion.name), pass)
        });
        lines.extend(looked.into_iter().map(|words| format!("      looked    {words}")));
    }
    for control in verdict
        .controls
        .iter()
        .filter(|control| control.proof != Proof::Proven)
    {
        lines.push(format!(
            "  control {}: {}{}",
            control.control,
            control.proof.word(),
            control
                .note
                .as_ref()
                .map_or(String::new(), |note| format!(": {note}"))
        ));
    }
    for reason in &verdict.reasons {
        lines.push(format!("  {reason}"));
    }
    lines.push(format!(
        "  hint: see `gates/{id}/` in the pack, or ask `closure explain {id}`\n",
        id = verdict.gate
    ));
    lines
}
