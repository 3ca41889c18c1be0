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
            let list: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
            format!("{list}\nthe pack is not whole: {} finding(s)\n", findings.len())
        }
        Verification::Doubtful(doubts) => {
            let list: String = doubts.iter().map(|doubt| format!("{doubt}\n")).collect();
            format!(
                "{list}\nthe pack is whole, but {} thing(s) in it cannot be derived from its evidence\n",
                doubts.len()
            )
        }
        Verification::Sound(verified) => sound(verified),
    }
}

fn sound(verified: &Verified) -> String {
    let case = verified.case();
    let mut out = String::new();
    for verdict in &case.verdicts {
        out += &format!("{:<12} {}\n", verdict.outcome.word(), verdict.gate);
    }
    let authority = authority(case);
    out += &format!(
        "\noutcome    {}, derived again from the evidence\n",
        case.outcome()
    );
    if let Some(reason) = case.stopped_by() {
        out += &format!("stopped    {reason}\n");
    }
    out += &format!(
        "authority  {}, {}authoritative\n",
        authority.run_authority,
        if authority.authoritative { "" } else { "not " }
    );
    out += &format!(
        "plan       {}\nroot       {}\n",
        case.plan.digest(),
        verified.pack().root()
    );
    out += "the pack is whole but unauthenticated: nobody has signed it\n";
    out
}
