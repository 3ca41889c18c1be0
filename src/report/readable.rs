//! `REPORT.md`: the same model for people. What was claimed, what was seen, which file shows it.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Case, Claim, authority::authority, gates::control_path};
use crate::{
    judge::verdict::{AssertionVerdict, GateVerdict, Proof, Standing},
    outcome::Outcome,
    pack::layout,
};

pub(super) fn write(
    case: &Case,
    claims: &[Claim],
    faults: &BTreeMap<String, String>,
    files: &mut BTreeMap<String, Vec<u8>>,
) {
    files.insert(
        layout::REPORT_MD.into(),
        report(case, claims, faults).into_bytes(),
    );
}

fn report(case: &Case, claims: &[Claim], faults: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    head(case, &mut out);
    table(case, &mut out);
    matrix(case, claims, &mut out);
    for (planned, verdict) in case.plan.gates.iter().zip(&case.verdicts) {
        let _ = writeln!(
            out,
            "\n## {} {}: {}\n\n> {}\n",
            verdict.gate, planned.name, verdict.outcome, planned.claim
        );
        gate(verdict, &mut out);
    }
    missing(faults, &mut out);
    out
}

/// What is not in the pack because nothing that was seen could fill it.
fn missing(faults: &BTreeMap<String, String>, out: &mut String) {
    if !faults.is_empty() {
        out.push_str("\n## Not made: what was seen does not say it\n\n");
    }
    for (paper, reason) in faults {
        let _ = writeln!(out, "- `{paper}`: {}", cell(reason));
    }
}

fn head(case: &Case, out: &mut String) {
    let authority = authority(case);
    let (proven, controls) = case.controls_proven();
    let _ = writeln!(out, "# {}: {}\n", case.plan.suite, case.outcome());
    let _ = writeln!(
        out,
        "Run `{}` on {}, profile `{}`.",
        case.sealed("run_id"),
        case.sealed("substrate"),
        case.plan.profile
    );
    if let Some(reason) = case.stopped_by() {
        let _ = writeln!(out, "\n**This run did not reach its end: {reason}.**");
    }
    let _ = writeln!(out, "\n{proven} of {controls} controls proven.");
    if authority.authoritative {
        let _ = writeln!(out, "\nAuthoritative for `{}`.", authority.run_authority);
    } else {
        let _ = writeln!(out, "\nNot authoritative:\n");
        for reason in &authority.withheld {
            let _ = writeln!(out, "- {reason}");
        }
    }
}

/// What each gate came to, in figures.
fn table(case: &Case, out: &mut String) {
    out.push_str("\n| gate | outcome | assertions held | controls proven | counterfeits killed |\n");
    out.push_str("|---|---|---:|---:|---:|\n");
    for verdict in &case.verdicts {
        let held = verdict
            .assertions
            .iter()
            .filter(|a| a.standing == Standing::Held)
            .count();
        let proven = verdict
            .controls
            .iter()
            .filter(|c| c.proof == Proof::Proven)
            .count();
        let killed: u64 = verdict.kills.rows.iter().map(|row| row.killed).sum();
        let _ = writeln!(
            out,
            "| {id} | {} | {held}/{} | {proven}/{} | {killed}/{} |",
            verdict.outcome,
            verdict.assertions.len(),
            verdict.controls.len(),
            verdict.kills.judged,
            id = verdict.gate,
        );
    }
    if !case.plan.outside_profile.is_empty() {
        let _ = writeln!(
            out,
            "\nOutside this profile, without outcome: {}.",
            case.plan.outside_profile.join(", ")
        );
    }
}

/// The gate-to-evidence matrix: each claim, how it reads, and every file of the pack that shows it.
fn matrix(case: &Case, claims: &[Claim], out: &mut String) {
    out.push_str("\n## Claims and their evidence\n\n");
    out.push_str("| claim of | reads | claim | evidence |\n|---|---|---|---|\n");
    for claim in claims {
        let paths: Vec<String> = claim
            .evidence()
            .into_iter()
            .map(|path| format!("`{}`", cell(path)))
            .collect();
        let _ = writeln!(
            out,
            "| {} | **{}** | {} | {} |",
            claim.gate,
            claim.reads.word(),
            cell(&claim.claim),
            paths.join("<br>"),
        );
    }
    for id in &case.plan.outside_profile {
        let _ = writeln!(out, "| {id} | | outside this profile | |");
    }
}

fn gate(verdict: &GateVerdict, out: &mut String) {
    for reason in &verdict.reasons {
        let _ = writeln!(out, "- {reason}");
    }
    if verdict.outcome != Outcome::Pass && !verdict.reasons.is_empty() {
        out.push('\n');
    }
    out.push_str("| assertion | says | standing | examined | could be broken by |\n|---|---|---|---:|---|\n");
    for assertion in &verdict.assertions {
        row(verdict, assertion, out);
    }
    for control in &verdict.controls {
        let _ = writeln!(
            out,
            "\n**{}** {}: {} ([record]({}))",
            control.proof.word(),
            control.control,
            control.says,
            control_path(verdict, control)
        );
        if let Some(note) = &control.note {
            let _ = writeln!(out, "  {note}");
        }
    }
}

fn row(verdict: &GateVerdict, assertion: &AssertionVerdict, out: &mut String) {
    let kills = verdict
        .kills
        .rows
        .iter()
        .find(|row| row.assertion == assertion.name);
    let broken_by = kills.map_or_else(String::new, |row| {
        let mut words: Vec<String> = row.live.clone();
        words.push(format!("{} counterfeits", row.killed));
        words.join(", ")
    });
    let standing = assertion.standing.word();
    let _ = writeln!(
        out,
        "| `{}` | {} | {standing} | {} | {broken_by} |",
        assertion.name,
        cell(&assertion.says),
        assertion.examined,
    );
    if assertion.standing == Standing::Broken {
        let actual = serde_json::to_string(&assertion.actual).unwrap_or_default();
        let _ = writeln!(
            out,
            "| | `{}` actual `{}` | | | |",
            cell(&assertion.expression),
            cell(&actual)
        );
    }
}

/// Text that cannot leave its cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('`', "'")
}
