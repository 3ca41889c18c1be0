//! `closure plan`: what a run would do, with its estimate. It touches nothing.

use serde_json::json;

use super::{Exit, arguments::PlanWish};
use crate::plan::{self, Plan};

pub(super) fn command(wish: &PlanWish) -> anyhow::Result<Exit> {
    let drawn = plan::draw(&wish.selection.wish()).map_err(|refusal| Exit::Usage.because(refusal))?;
    if wish.selection.json {
        println!("{:#}", json!({"sha256": drawn.plan.digest(), "plan": drawn.plan}));
    } else {
        print!("{}", in_words(&drawn.plan));
    }
    Ok(Exit::Pass)
}

fn in_words(plan: &Plan) -> String {
    let mut out = format!(
        "suite {}, profile {}\nservices {}\n\n",
        plan.suite,
        plan.profile,
        plan.services.join(" → ")
    );
    for gate in &plan.gates {
        let left_out = if gate.asked_for {
            ""
        } else {
            "  (left out by --only: not_run)"
        };
        out += &format!("{}  {}{left_out}\n", gate.id, gate.name);
        for look in &gate.looks {
            let during = look
                .during
                .as_ref()
                .map_or(String::new(), |span| format!(" during {span}"));
            let each = if look.for_each.is_empty() {
                String::new()
            } else {
                format!(" for each {}", look.for_each.join(", "))
            };
            out += &format!("    look     {:<16} {}{during}{each}\n", look.name, look.kind);
        }
        for control in &gate.controls {
            let kinds = control.sabotage.join(" + ");
            out += &format!(
                "    control  {:<16} {kinds} → {}\n",
                control.name,
                control.must_fail.join(", ")
            );
        }
    }
    if !plan.outside_profile.is_empty() {
        out += &format!("\noutside this profile: {}\n", plan.outside_profile.join(", "));
    }
    let estimate = &plan.estimate;
    out += &format!(
        "\nestimate: {:.0} s of mandated load and {:.0} s of the rest, after the build\nplan sha256 {}\n",
        estimate.load_s,
        estimate.rest_s,
        plan.digest()
    );
    out
}
