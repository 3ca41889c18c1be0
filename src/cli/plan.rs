//! `closure plan`: what a run would do, with its estimate. It touches nothing.

use std::time::Duration;

use serde_json::json;

use super::{
    Exit,
    arguments::PlanWish,
    columns::{count, row, widest},
};
use crate::plan::{self, Drawn, Plan, PlannedGate, PlannedLook};

pub(super) fn command(wish: &PlanWish) -> anyhow::Result<Exit> {
    let drawn = plan::draw(&wish.selection.wish()).map_err(|refusal| Exit::Usage.because(refusal))?;
    if wish.selection.json {
        println!("{:#}", json!({"sha256": drawn.plan.digest(), "plan": drawn.plan}));
    } else {
        print!("{}", in_words(&drawn));
    }
    Ok(Exit::Pass)
}

fn in_words(drawn: &Drawn) -> String {
    let plan = &drawn.plan;
    let controls = plan.gates.iter().map(|gate| gate.controls.len()).sum();
    let mut text = format!(
        "suite {}, profile {}: {}, {}\n",
        plan.suite,
        plan.profile,
        count(plan.gates.len(), "gate"),
        count(controls, "control"),
    );
    text += &row(0, 8, "services", &plan.services.join(", "));
    for gate in &plan.gates {
        text += &of_gate(gate);
    }
    text.push('\n');
    if !plan.outside_profile.is_empty() {
        text += &row(
            0,
            8,
            "outside",
            &format!(
                "of this profile, without outcome: {}",
                plan.outside_profile.join(", ")
            ),
        );
    }
    let allowed = drawn
        .suite
        .profiles
        .get(&plan.profile)
        .map(|profile| profile.within);
    text += &row(0, 8, "takes", &takes(plan, allowed));
    text += &row(0, 8, "sha256", plan.digest().as_str());
    text
}

fn of_gate(gate: &PlannedGate) -> String {
    let left_out = if gate.asked_for {
        ""
    } else {
        "  (left out by --only: it will be not_run)"
    };
    let mut text = format!("\n{}  {}{left_out}\n", gate.id, gate.name);
    let looks = gate.looks.iter().map(|look| look.name.as_str());
    let width = widest(looks.chain(gate.controls.iter().map(|control| control.name.as_str())));
    for look in &gate.looks {
        text += &row(2, 9 + width, &format!("look     {}", look.name), &of_look(look));
    }
    for control in &gate.controls {
        let words = format!(
            "{}, until red: {}",
            control.sabotage.join(" and "),
            control.must_fail.join(", ")
        );
        text += &row(2, 9 + width, &format!("control  {}", control.name), &words);
    }
    text
}

fn of_look(look: &PlannedLook) -> String {
    let each = match look.for_each.as_slice() {
        [] => String::new(),
        variables => format!(", for each {}", variables.join(" and ")),
    };
    let during = look.during.as_ref();
    let during = during.map_or_else(String::new, |span| format!(", while {span} lasts"));
    look.kind.clone() + &each + &during
}

/// How long it is going to take, against what the profile allows.
fn takes(plan: &Plan, allowed: Option<Duration>) -> String {
    let estimate = &plan.estimate;
    let words = format!(
        "about {} once everything is built: {} of mandated load, {} of the rest",
        time(estimate.total_s()),
        time(estimate.load_s),
        time(estimate.rest_s)
    );
    let allowed = allowed.map(|allowed| allowed.as_secs_f64());
    match allowed {
        None => words,
        Some(allowed) if estimate.total_s() > allowed => {
            format!(
                "{words}; more than the profile allows, which is {}",
                time(allowed)
            )
        }
        Some(allowed) => format!("{words}; the profile allows {}", time(allowed)),
    }
}

/// `59 s`, `2 min 5 s`.
fn time(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.round())
        .unwrap_or_default()
        .as_secs();
    match (whole / 60, whole % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_told_in_minutes_and_seconds() {
        assert_eq!(
            [0.4, 59.2, 60.0, 125.0].map(time),
            ["0 s", "59 s", "1 min", "2 min 5 s"]
        );
    }
}
