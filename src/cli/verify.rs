//! `closure verify`: is the pack whole, and does what it says follow from what it holds?

use serde_json::json;

use super::{Exit, arguments::VerifyWish};
use crate::{
    outcome::Outcome,
    report::authority,
    verify::{Trust, Unreadable, Verification, Verified, verify},
};

pub(super) fn command(wish: &VerifyWish) -> anyhow::Result<Exit> {
    let trust = Trust {
        gates: wish.gates.as_deref(),
        plan_digest: wish.plan_digest.as_deref(),
    };
    let verification = verify(&wish.pack, &trust).map_err(|error| match error {
        Unreadable::Pack(_) | Unreadable::Gates(_) => Exit::Usage.because(error),
    })?;
    let exit = exit_of(&verification);
    if wish.json {
        println!("{:#}", as_json(&verification, exit));
    } else {
        print!("{}", in_words(&verification));
    }
    Ok(exit)
}

fn exit_of(verification: &Verification) -> Exit {
    match verification {
        Verification::NotWhole(_) => Exit::NotWhole,
        Verification::Doubtful(_) => Exit::Unproven,
        Verification::Sound(verified) if verified.case().outcome() == Outcome::Pass => Exit::Pass,
        Verification::Sound(_) => Exit::Failed,
    }
}

fn as_json(verification: &Verification, exit: Exit) -> serde_json::Value {
    match verification {
        Verification::NotWhole(findings) => {
            json!({"verdict": "not_whole", "exit_code": exit.code(), "findings": findings})
        }
        Verification::Doubtful(doubts) => {
            json!({"verdict": "not_derivable", "exit_code": exit.code(), "findings": doubts})
        }
        Verification::Sound(verified) => {
            let authority = authority(verified.case());
            json!({
                "verdict": "derivable",
                "exit_code": exit.code(),
                "findings": [],
                "outcome": verified.case().outcome(),
                "run_authority": authority.run_authority,
                "authoritative": authority.authoritative,
                "authority_withheld": authority.withheld,
                "authenticated": false,
                "plan_sha256": verified.case().plan.digest(),
                "root_sha256": verified.pack().root(),
            })
        }
    }
}

fn in_words(verification: &Verification) -> String {
    match verification {
        Verification::NotWhole(findings) => {
            let list = list(findings);
            format!("{list}\nthe pack is not whole: {} finding(s)\n", findings.len())
        }
        Verification::Doubtful(doubts) => {
            let list = list(doubts);
            format!(
                "{list}\nthe pack is whole, but {} thing(s) in it cannot be derived from its evidence\n",
                doubts.len()
            )
        }
        Verification::Sound(verified) => sound(verified),
    }
}

/// One line each.
fn list(findings: &[impl ToString]) -> String {
    findings
        .iter()
        .map(|finding| finding.to_string() + "\n")
        .collect()
}

fn sound(verified: &Verified) -> String {
    let case = verified.case();
    let mut lines = Vec::new();
    for verdict in &case.verdicts {
        lines.push(format!("{:<12} {}", verdict.outcome.word(), verdict.gate));
    }
    let authority = authority(case);
    lines.push(format!(
        "\noutcome    {}, derived again from the evidence",
        case.outcome()
    ));
    if let Some(reason) = case.stopped_by() {
        lines.push(format!("stopped    {reason}"));
    }
    lines.push(format!(
        "authority  {}, {}authoritative",
        authority.run_authority,
        if authority.authoritative { "" } else { "not " }
    ));
    lines.push(format!(
        "plan       {}\nroot       {}",
        case.plan.digest(),
        verified.pack().root()
    ));
    lines.push("the pack is whole but unauthenticated: nobody has signed it".to_owned());
    lines.join("\n") + "\n"
}
