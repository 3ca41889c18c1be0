//! Which exchanges of a record are judged.

use super::{Asked, Reach};
use crate::exchange::Exchange;

/// The exchanges of the service that count, each with the number of its line.
pub(super) fn chosen(asked: &Asked, record: &[u8]) -> Result<Vec<(usize, Exchange)>, String> {
    let held = super::lines(record);
    if held < asked.lines {
        return Err(format!(
            "{} exchanges were on record, and {held} are",
            asked.lines
        ));
    }
    let mut chosen = Vec::new();
    let lines = record.split(|byte| *byte == b'\n').take(asked.lines);
    for (number, line) in (1..).zip(lines) {
        let exchange: Exchange =
            serde_json::from_slice(line).map_err(|error| format!("exchange {number}: {error}"))?;
        if exchange.service == asked.service && counts(asked, &exchange.asked_by) {
            chosen.push((number, exchange));
        }
    }
    Ok(chosen)
}

/// Those of a gate's own pass and of its closing passes count. Those of a control count in its own red pass, and nowhere
/// else: they are not what the service said.
fn counts(asked: &Asked, asked_by: &str) -> bool {
    let mut parts = asked_by.splitn(3, '/');
    let (Some(gate), Some(pass), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (own_gate, own_pass) = asked.pass.split_once('/').unwrap_or((&asked.pass, ""));
    if gate != own_gate && asked.exchanges == Reach::Gate {
        return false;
    }
    pass == "pass" || is_closing(pass) || (gate == own_gate && pass == own_pass)
}

fn is_closing(pass: &str) -> bool {
    pass.strip_prefix("closing.")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{Asked, Reach, counts};

    fn asked(pass: &str, exchanges: Reach) -> Asked {
        Asked {
            spec: "served".into(),
            service: "api".into(),
            exchanges,
            mutants: 1,
            pass: pass.into(),
            lines: 0,
        }
    }

    #[test]
    fn what_controls_provoked_counts_in_their_own_red_pass_and_nowhere_else() {
        let green = asked("B/pass", Reach::Run);
        let red = asked("B/spoiled.1.red", Reach::Run);
        for (asked_by, in_green, in_red) in [
            ("A/pass/look[3]", true, true),
            ("A/closing.0/look", true, true),
            ("A/spoiled.1.red/look", false, false),
            ("B/pass/look", true, true),
            ("B/spoiled.1.red/look", false, true),
            ("B/spoiled.2.red/look", false, false),
            ("B/spoiled.1/sabotage", false, false),
            ("B/witness/look", false, false),
            ("B/closing.x/look", false, false),
            ("nobody", false, false),
        ] {
            assert_eq!(counts(&green, asked_by), in_green, "{asked_by}");
            assert_eq!(counts(&red, asked_by), in_red, "{asked_by}");
        }
    }

    #[test]
    fn a_gate_that_asks_for_its_own_sees_no_other() {
        let own = asked("B/pass", Reach::Gate);
        assert!(counts(&own, "B/pass/look") && counts(&own, "B/closing.0/look"));
        assert!(!counts(&own, "A/pass/look"));
    }
}
