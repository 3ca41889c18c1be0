//! The kill matrix: which counterfeit breaks which question, and which absence nobody notices.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Case,
    abreast::abreast,
    answer::answer,
    press::{Bite, Press, Pressed},
    question::Question,
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
    let answers = abreast(&held, |question| Press::on(question, view).run());
    let names = held.iter().map(|question| question.name.as_str());
    let mut pressed: BTreeMap<_, _> = names.zip(answers).collect();
    let mut absences = Absences::default();
    for question in &case.questions {
        let live = live(&question.name, controls);
        let mut row = Kills {
            assertion: question.name.clone(),
            live,
            ..Kills::default()
        };
        if let Some(Pressed { tally, bites, edges }) = pressed.remove(question.name.as_str()) {
            absences.of(bites, view);
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
    let noticed = abreast(&absences.all, |absence| absence.noticed(&held, view));
    for (absence, noticed) in absences.all.iter().zip(noticed) {
        matrix.judged += noticed.judged;
        if !noticed.by_one {
            matrix.unnoticed.push(absence.in_words());
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

/// What is taken away from observations, each once.
#[derive(Default)]
struct Absences<'a> {
    known: BTreeSet<(&'a str, Vec<Step>, bool)>,
    all: Vec<Absence<'a>>,
}

/// Something taken away from one observation.
enum Absence<'a> {
    /// A field, at one place or in its whole column.
    Dropped { probe: &'a str, places: Vec<Vec<Step>> },
    /// Every element of a list.
    Emptied { probe: &'a str, place: Vec<Step> },
}

/// What came of an absence.
struct Noticed {
    judged: u64,
    by_one: bool,
}

impl<'a> Absences<'a> {
    /// A bitten field is dropped; every list around it, and itself when it is one, is emptied.
    fn of(&mut self, bites: Vec<Bite<'a>>, view: &View<'_>) {
        for Bite {
            probe,
            pattern,
            places,
        } in bites
        {
            let place = places[0].clone();
            for length in 0..=place.len() {
                let list = view
                    .observation(probe)
                    .and_then(|seen| site::at(seen, &place[..length]));
                let full = list
                    .and_then(Value::as_array)
                    .is_some_and(|list| !list.is_empty());
                if full && self.known.insert((probe, pattern[..length].to_vec(), false)) {
                    let place = place[..length].to_vec();
                    self.all.push(Absence::Emptied { probe, place });
                }
            }
            if self.known.insert((probe, pattern, true)) {
                self.all.push(Absence::Dropped { probe, places });
            }
        }
    }
}

impl Absence<'_> {
    fn probe(&self) -> &str {
        match self {
            Self::Dropped { probe, .. } | Self::Emptied { probe, .. } => probe,
        }
    }

    /// What is left of the observation; none when there was nothing to take.
    fn left(&self, view: &View<'_>) -> Option<Value> {
        let mut left = view.observation(self.probe())?.clone();
        match self {
            Self::Dropped { places, .. } => {
                let dropped = places
                    .iter()
                    .filter(|place| site::drop_field(&mut left, place))
                    .count();
                (dropped > 0).then_some(left)
            }
            Self::Emptied { place, .. } => {
                *site::at_mut(&mut left, place)? = Value::Array(Vec::new());
                Some(left)
            }
        }
    }

    /// Whether one of these questions no longer holds without it. Nothing that was there to be taken is nothing to notice.
    fn noticed(&self, held: &[&Question<'_>], view: &View<'_>) -> Noticed {
        let Some(left) = self.left(view) else {
            return Noticed {
                judged: 0,
                by_one: true,
            };
        };
        let mut judged = 0;
        let by_one = held.iter().any(|question| {
            let reads = question.reading.probes().contains(self.probe());
            judged += u64::from(reads);
            reads && {
                let view = view.with(self.probe(), &left, &question.reading.derives);
                answer(question, &view).standing != Standing::Held
            }
        });
        Noticed { judged, by_one }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Dropped { probe, places } => format!("`{}` dropped", site::spelled(probe, &places[0])),
            Self::Emptied { probe, place } => format!("`{}` emptied", site::spelled(probe, place)),
        }
    }
}
