//! One held question under pressure: counterfeit after counterfeit of what it reads, judged again.

use serde_json::{Number, Value};

use super::{
    answer::answer,
    counterfeit,
    question::{Asks, Question},
    site::{self, Column, Step},
    target::{Target, values},
    verdict::{Edge, Standing},
    view::View,
};
use crate::{cel::Known, gate::model::Assertion};

/// How much one question may cost, in judgements of a small observation. A large one counts as many, so that the
/// bound is one of time and yet the same on every machine.
const BUDGET: u64 = 6_000;

/// What came of it.
#[derive(Default)]
pub(super) struct Pressed<'a> {
    pub(super) tally: Tally,
    pub(super) bites: Vec<Bite<'a>>,
    pub(super) edges: Vec<Edge>,
}

/// Counterfeits by what they did.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) killed: u64,
    pub(super) noticed: u64,
    pub(super) survived: u64,
    pub(super) judged: u64,
    pub(super) capped: bool,
    spent: u64,
}

/// Places where a counterfeit broke the question: one, or a whole column.
pub(super) struct Bite<'a> {
    pub(super) probe: &'a str,
    pub(super) pattern: Vec<Step>,
    pub(super) places: Vec<Vec<Step>>,
}

impl<'a> Bite<'a> {
    fn of(column: &Column<'a>, places: Vec<Vec<Step>>) -> Self {
        Self {
            probe: column.probe,
            pattern: column.pattern(),
            places,
        }
    }
}

/// The pressing of one question.
pub(super) struct Press<'a> {
    question: &'a Question<'a>,
    view: &'a View<'a>,
    targets: Vec<Target<'a>>,
    found: Pressed<'a>,
}

impl<'a> Press<'a> {
    pub(super) fn on(question: &'a Question<'a>, view: &'a View<'a>) -> Self {
        let probes = question.reading.probes().into_iter();
        let seen: Vec<_> = probes
            .filter_map(|probe| Some((probe, view.observation(probe)?)))
            .collect();
        let all: u64 = seen.iter().map(|(_, seen)| values(seen)).sum();
        let target = |(probe, seen): &(&'a str, &Value)| {
            Target::of(probe, seen, &question.reading.fields, all - values(seen))
        };
        let mut press = Self {
            question,
            view,
            targets: seen.iter().map(target).collect(),
            found: Pressed::default(),
        };
        press.keep_what_tells();
        press
    }

    /// A question that does not hold over what it mentions reads more than it names; the whole is judged then.
    fn keep_what_tells(&mut self) {
        for target in 0..self.targets.len() {
            if self.targets[target].forms.len() > 1 && self.standing(target, 0, None) != Standing::Held {
                self.targets[target].forms.remove(0);
            }
        }
    }

    /// Each column place by place until one bites, all columns in turns, so that a long one cannot starve the rest.
    /// After the first turn the columns that did not bite are frozen whole, whatever is left of the budget: a series
    /// falls to nothing less, and no sentence is to be called decorative for want of time.
    pub(super) fn run(mut self) -> Pressed<'a> {
        let mut open = self.columns();
        let mut frozen = Vec::new();
        let length = |(_, column): &(usize, Column<'_>)| column.spread().len();
        for turn in 0..open.iter().map(length).max().unwrap_or(0) {
            open.retain(|(target, column)| !self.bites(*target, column, turn));
            if turn == 0 {
                let wide = open
                    .iter()
                    .filter(|(target, column)| self.freeze(*target, column));
                frozen = wide.map(|(_, column)| column.clone()).collect();
            }
        }
        // What fell as a whole and at no single place is taken away as a whole.
        for column in frozen {
            let pattern = column.pattern();
            if open
                .iter()
                .any(|(_, other)| other.probe == column.probe && other.pattern() == pattern)
            {
                self.found.bites.push(Bite::of(&column, column.places.clone()));
            }
        }
        self.found
    }

    /// Whether the column bites at its next place; true ends its turns.
    fn bites(&mut self, target: usize, column: &Column<'a>, turn: usize) -> bool {
        let spread = column.spread();
        let Some(place) = spread.get(turn) else {
            return false;
        };
        let bit = self.alter(target, place);
        if bit {
            self.found.bites.push(Bite::of(column, vec![place.to_vec()]));
        }
        bit
    }

    fn columns(&self) -> Vec<(usize, Column<'a>)> {
        let fields = &self.question.reading.fields;
        let of = |(at, target): (usize, &Target<'a>)| {
            let columns = site::columns(target.probe, &target.whole().altered, fields);
            columns.into_iter().map(move |column| (at, column))
        };
        self.targets.iter().enumerate().flat_map(of).collect()
    }

    /// All alterations of one place. True when one of them bit; a number then has its edges told.
    fn alter(&mut self, target: usize, place: &[Step]) -> bool {
        let whole = self.targets[target].whole();
        let Some(original) = site::at(&whole.altered, place).cloned() else {
            return false;
        };
        let dear = whole.is_dear();
        let alterations = counterfeit::alterations(&original, &self.question.reading.literals);
        let mut killing = Vec::new();
        for altered in alterations {
            let standing = self.trial(target, place, &altered);
            if standing.is_some_and(|standing| self.count(standing) == Standing::Broken) {
                killing.push(altered);
                if dear {
                    return true;
                }
            }
        }
        if let (Value::Number(number), false) = (&original, killing.is_empty()) {
            let edge = self.edge(target, place, number, &killing);
            self.found.edges.extend(edge);
        }
        !killing.is_empty()
    }

    /// Replace a whole column. True when that broke the question.
    fn freeze(&mut self, target: usize, column: &Column<'_>) -> bool {
        let whole = &self.targets[target].whole().altered;
        let first = site::at(whole, &column.places[0]).filter(|_| column.places.len() > 1);
        let is_so = |frozen: &Value| {
            column
                .places
                .iter()
                .all(|place| site::at(whole, place) == Some(frozen))
        };
        let mut counterfeits = first.map(counterfeit::frozen).unwrap_or_default();
        counterfeits.retain(|frozen| !is_so(frozen));
        let mut bit = false;
        for frozen in counterfeits {
            let places: Vec<&[Step]> = column.places.iter().map(Vec::as_slice).collect();
            let standing = self.over_forms(target, &places, &frozen, |_, _| true);
            bit |= standing.is_some_and(|standing| self.count(standing) == Standing::Broken);
        }
        bit
    }

    /// From the value towards the nearest killing one on each side, halve the distance until the edge is found.
    fn edge(&mut self, target: usize, place: &[Step], number: &Number, killing: &[Value]) -> Option<Edge> {
        const EXACT: f64 = 9e15;
        let actual = number.as_f64().filter(|n| n.abs() < EXACT)?;
        let killing = || killing.iter().filter_map(Value::as_f64);
        let below = killing().filter(|n| *n < actual).max_by(f64::total_cmp);
        let above = killing().filter(|n| *n > actual).min_by(f64::total_cmp);
        let below = below.map(|killer| self.nearest(target, place, number, killer).unwrap_or(killer));
        let above = above.map(|killer| self.nearest(target, place, number, killer).unwrap_or(killer));
        Some(Edge {
            path: site::spelled(self.targets[target].probe, place),
            actual,
            below,
            above,
        })
    }

    /// The breaking value nearest to the number, on the side of one that is known to break.
    fn nearest(&mut self, target: usize, place: &[Step], number: &Number, killer: f64) -> Option<f64> {
        let (mut holds, mut kills) = (number.as_f64()?, killer);
        while !next_to(number, holds, kills) {
            let altered = counterfeit::like(number, f64::midpoint(holds, kills))?;
            let value = altered.as_f64()?;
            match self.trial(target, place, &altered)? {
                Standing::Broken => kills = value,
                _ => holds = value,
            }
        }
        Some(kills)
    }

    fn count(&mut self, standing: Standing) -> Standing {
        match standing {
            Standing::Broken => self.found.tally.killed += 1,
            Standing::Held => self.found.tally.survived += 1,
            Standing::Blind | Standing::Empty | Standing::Unreached => self.found.tally.noticed += 1,
        }
        standing
    }

    /// Judge a counterfeit at one place. `None` when the budget is spent.
    fn trial(&mut self, target: usize, place: &[Step], altered: &Value) -> Option<Standing> {
        self.over_forms(target, &[place], altered, |press, form| {
            press.affords(target, form, place)
        })
    }

    /// How the question stands with the counterfeit at each of these places: over each form of the observation, as
    /// long as it is broken and one `may`.
    fn over_forms(
        &mut self,
        target: usize,
        places: &[&[Step]],
        altered: &Value,
        mut may: impl FnMut(&mut Self, usize) -> bool,
    ) -> Option<Standing> {
        let forms = self.targets[target].forms.len();
        let mut standing = Standing::Broken;
        for form in 0..forms {
            if standing != Standing::Broken {
                break;
            }
            if !may(self, form) {
                return None;
            }
            standing = if form + 1 < forms {
                self.over(
                    target,
                    form,
                    places,
                    &site::lean(altered, &self.question.reading.fields),
                )
            } else {
                self.over(target, form, places, altered)
            };
        }
        Some(standing)
    }

    /// Put a counterfeit in its places, judge, and put the truth back.
    fn over(&mut self, target: usize, form: usize, places: &[&[Step]], altered: &Value) -> Standing {
        let mut truths = Vec::with_capacity(places.len());
        for place in places {
            if let Some(value) = site::at_mut(&mut self.targets[target].forms[form].altered, place) {
                truths.push((place, std::mem::replace(value, altered.clone())));
            }
        }
        let element = match places {
            [place] => self.alone(target, form, place),
            _ => None,
        };
        let standing = self.standing(target, form, element);
        for (place, truth) in truths {
            if let Some(value) = site::at_mut(&mut self.targets[target].forms[form].altered, place) {
                *value = truth;
            }
        }
        standing
    }

    fn affords(&mut self, target: usize, form: usize, place: &[Step]) -> bool {
        let cost = if self.alone(target, form, place).is_some() {
            1
        } else {
            self.targets[target].forms[form].cost
        };
        let affordable = self.found.tally.spent + cost <= BUDGET;
        if affordable {
            self.found.tally.spent += cost;
        } else {
            self.found.tally.capped = true;
        }
        affordable
    }

    /// How the question stands now: over one element alone, or over the whole altered observation.
    fn standing(&mut self, target: usize, form: usize, element: Option<(&Assertion, Known)>) -> Standing {
        self.found.tally.judged += 1;
        if let Some((assertion, element)) = element {
            return self.of_element(assertion, element);
        }
        let Target { probe, forms } = &self.targets[target];
        let view = self
            .view
            .with(probe, &forms[form].altered, &self.question.reading.derives);
        answer(self.question, &view).standing
    }

    /// The one element a counterfeit is in, when it can change the answer for no other: `each` is the list itself,
    /// and the sentence reads the observation through `it` alone.
    fn alone(&self, target: usize, form: usize, place: &[Step]) -> Option<(&'a Assertion, Known)> {
        let Asks::Assertion(assertion) = self.question.asks else {
            return None;
        };
        let Target { probe, forms } = &self.targets[target];
        let altered = &forms[form].altered;
        let each = assertion.each.as_ref().filter(|each| each.is_path())?.place()?;
        if each[0] != *probe || self.question.reading.beside.contains(*probe) {
            return None;
        }
        let steps = place.get(..each.len())?;
        let (last, keys) = steps.split_last()?;
        let same = keys
            .iter()
            .zip(&each[1..])
            .all(|(step, key)| *step == Step::Key(key.clone()));
        let listed = same && matches!(last, Step::At(_));
        let element = listed.then(|| site::at(altered, steps)).flatten()?;
        Some((assertion, Known::of(element)))
    }

    fn of_element(&self, assertion: &Assertion, element: Known) -> Standing {
        let mut scope = self.view.scope.child();
        scope.give("it", element);
        match scope.truth(&assertion.that) {
            Ok(true) => Standing::Held,
            Ok(false) => Standing::Broken,
            Err(_) => Standing::Blind,
        }
    }
}

/// True when nothing worth telling lies between two numbers.
fn next_to(model: &Number, a: f64, b: f64) -> bool {
    let gap = (a - b).abs();
    if model.is_f64() {
        gap <= 1e-4 * a.abs().max(b.abs()).max(1e-3)
    } else {
        gap <= 1.0
    }
}
