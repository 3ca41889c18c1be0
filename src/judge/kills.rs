//! The kill matrix: which counterfeit breaks which question, and which absence nobody notices.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Case,
    answer::answer,
    press::{Bite, Press, Pressed},
    site::{self, Step},
    verdict::{AssertionVerdict, ControlVerdict, KillMatrix, Kills, Proof, Standing},
    view::View,
};

/// Press every held question with counterfeits of what it reads, then take away what bit.
pub(super) fn matrix(
    case: &Case<'_>,
    view: &View<'_>,
    assertions: &[AssertionVerdict],
    controls: &[ControlVerdict],
) -> KillMatrix {
    let mut matrix = KillMatrix::default();
    let held: Vec<_> = (case.questions.iter().zip(assertions))
        .filter(|(_, verdict)| verdict.standing == Standing::Held)
        .map(|(question, _)| question)
        .collect();
    let mut absences = Absences::default();
    for question in &case.questions {
        let live = live(&question.name, controls);
        let mut row = Kills {
            assertion: question.name.clone(),
            live,
            ..Kills::default()
        };
        if held.iter().any(|other| other.name == question.name) {
            let Pressed { tally, bites, edges } = Press::on(question, view).run();
            absences.of(&bites, view);
            row.killed = tally.killed;
            row.noticed = tally.noticed;
            row.survived = tally.survived;
            row.capped = tally.capped;
            row.decorative = row.live.is_empty() && row.killed == 0;
            row.edges = edges;
            matrix.judged += tally.judged;
        }
        matrix.rows.push(row);
    }
    for absence in absences.all {
        let reads =
            |question: &&&super::Question<'_>| question.reading.probes().contains(absence.probe.as_str());
        let altered = |question: &super::Question<'_>| {
            let view = view.with(&absence.probe, &absence.left, &question.reading.derives);
            answer(question, &view).standing
        };
        let mut concerned = held.iter().filter(reads).inspect(|_| matrix.judged += 1);
        if concerned.all(|question| altered(question) == Standing::Held) {
            matrix.unnoticed.push(absence.what);
        }
    }
    matrix
}

/// The proven controls that broke a question.
fn live(question: &str, controls: &[ControlVerdict]) -> Vec<String> {
    let broke = |control: &&ControlVerdict| {
        control.proof == Proof::Proven && control.broken.iter().any(|broken| broken == question)
    };
    controls.iter().filter(broke).map(label).collect()
}

/// `owner_dsn[service=api]`.
fn label(control: &ControlVerdict) -> String {
    if control.vars.is_empty() {
        return control.control.clone();
    }
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let vars: Vec<String> = control
        .vars
        .iter()
        .map(|(name, value)| format!("{name}={}", plain(value)))
        .collect();
    format!("{}[{}]", control.control, vars.join(","))
}

/// Observations from which something was taken away, each once.
#[derive(Default)]
struct Absences {
    known: BTreeSet<(String, Vec<Step>, bool)>,
    all: Vec<Absence>,
}

struct Absence {
    what: String,
    probe: String,
    left: Value,
}

impl Absences {
    /// A bitten field is dropped; every list around it, and itself when it is one, is emptied.
    fn of(&mut self, bites: &[Bite<'_>], view: &View<'_>) {
        for bite in bites {
            let Some(seen) = view.observation(bite.probe) else {
                continue;
            };
            self.dropped(bite, seen);
            let place = &bite.places[0];
            for length in 0..=place.len() {
                self.emptied(bite, &place[..length], seen);
            }
        }
    }

    fn dropped(&mut self, bite: &Bite<'_>, seen: &Value) {
        if !self
            .known
            .insert((bite.probe.to_owned(), bite.pattern.clone(), true))
        {
            return;
        }
        let mut left = seen.clone();
        let dropped = bite
            .places
            .iter()
            .filter(|place| site::drop_field(&mut left, place))
            .count();
        if dropped > 0 {
            self.all.push(Absence {
                what: format!("`{}` dropped", site::spelled(bite.probe, &bite.places[0])),
                probe: bite.probe.to_owned(),
                left,
            });
        }
    }

    fn emptied(&mut self, bite: &Bite<'_>, place: &[Step], seen: &Value) {
        let full = site::at(seen, place)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        let pattern = bite.pattern[..place.len()].to_vec();
        if !full || !self.known.insert((bite.probe.to_owned(), pattern, false)) {
            return;
        }
        let mut left = seen.clone();
        if let Some(list) = site::at_mut(&mut left, place) {
            *list = Value::Array(Vec::new());
        }
        self.all.push(Absence {
            what: format!("`{}` emptied", site::spelled(bite.probe, place)),
            probe: bite.probe.to_owned(),
            left,
        });
    }
}
