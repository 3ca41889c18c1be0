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
    let mut lines = vec![format!(
        "suite {}, profile {}\nservices {}\n",
        plan.suite,
        plan.profile,
        plan.services.join(" → ")
    )];
    for gate in &plan.gates {
        let left_out = if gate.asked_for {
            ""
        } else {
            "  (left out by --only: not_run)"
        };
        lines.push(format!("{}  {}{left_out}", gate.id, gate.name));
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
            lines.push(format!(
                "    look     {:<16} {}{during}{each}",
                look.name, look.kind
            ));
        }
        for control in &gate.controls {
            let kinds = control.sabotage.join(" + ");
            lines.push(format!(
                "    control  {:<16} {kinds} → {}",
                control.name,
                control.must_fail.join(", ")
            ));
        }
    }
    if !plan.outside_profile.is_empty() {
        lines.push(format!(
            "\noutside this profile: {}",
            plan.outside_profile.join(", ")
        ));
    }
    let estimate = &plan.estimate;
    lines.push(format!(
        "\nestimate: {:.0} s of mandated load and {:.0} s of the rest, after the build\nplan sha256 {}",
        estimate.load_s,
        estimate.rest_s,
        plan.digest()
    ));
    lines.join("\n") + "\n"
}
