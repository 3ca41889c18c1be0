//! One question asked of one pass: how it stands, and what to tell about it.

use serde_json::{Map, Value};

use super::{
    question::{Asks, Question},
    verdict::{AssertionVerdict, Standing},
    view::View,
};
use crate::{
    cel::{EvalError, Known, Scope, Sentence},
    gate::model::{Assertion, Until},
    observation::Names,
};

/// How a question stands, without anything that costs to tell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) standing: Standing,
    pub(super) examined: u64,
    pub(super) at_least: u64,
    /// Index of the first element that is false or cannot be judged.
    pub(super) first: Option<usize>,
    pub(super) note: Option<String>,
}

impl Answer {
    fn blind(why: impl Into<String>) -> Self {
        Self {
            standing: Standing::Blind,
            examined: 0,
            at_least: 1,
            first: None,
            note: Some(why.into()),
        }
    }
}

/// Ask a question of a pass.
pub(super) fn answer(question: &Question<'_>, view: &View<'_>) -> Answer {
    let answer = match (&question.asks, view.failed(question.reading.derives.iter())) {
        (_, Some(why)) => Answer::blind(why),
        (Asks::Assertion(assertion), None) => of_assertion(assertion, view),
        (Asks::Until { probe, step, until }, None) => of_until(probe, *step, until, view),
    };
    match answer.standing {
        Standing::Blind => explain(question, view, answer),
        _ => answer,
    }
}

fn of_assertion(assertion: &Assertion, view: &View<'_>) -> Answer {
    let at_least = match view.scope.know(&assertion.at_least).map(|known| known.whole()) {
        // A floor below one would let an empty list pass.
        Ok(Some(floor)) => u64::try_from(floor).unwrap_or(0).max(1),
        Ok(None) => return Answer::blind("`at_least` is not a whole number"),
        Err(error) => return Answer::blind(format!("`at_least`: {error}")),
    };
    let Some(each) = &assertion.each else {
        return tally(
            std::iter::once(view.scope.truth(&assertion.that)),
            at_least,
            false,
        );
    };
    let elements = match view.scope.know(each).map(Known::elements) {
        Ok(Some(elements)) => elements,
        Ok(None) => return Answer::blind("`each` is not a list"),
        Err(error) => return Answer::blind(format!("`each`: {error}")),
    };
    let mut scope = view.scope.child();
    let truths = elements.into_iter().map(|element| {
        scope.give("it", element);
        scope.truth(&assertion.that)
    });
    tally(truths, at_least, true)
}

fn of_until(probe: &str, step: Option<&str>, until: &Until, view: &View<'_>) -> Answer {
    let Some(seen) = view.observation(probe) else {
        return Answer::blind("the look was not made");
    };
    let (looks, missing) = looks(seen, step);
    let answer = tally(looks.iter().map(|look| met(look, until, view)), 1, true);
    match answer.standing {
        Standing::Held | Standing::Empty if missing => Answer::blind("a step of the group was not reached"),
        _ => answer,
    }
}

/// Whether one look met its `until`. A look that gave up before it did says so itself.
fn met(look: &Value, until: &Until, view: &View<'_>) -> Result<bool, EvalError> {
    let mut scope = view.scope.child();
    for name in until.that.reads() {
        if let Some(field) = look.get(&name) {
            scope.bind(&name, field);
        }
    }
    let truth = scope.truth(&until.that)?;
    Ok(truth && look.get("settled") != Some(&Value::Bool(false)))
}

/// The looks a probe or a step made, loops laid flat, and whether an element of the group lacks the step.
fn looks<'v>(seen: &'v Value, step: Option<&str>) -> (Vec<&'v Value>, bool) {
    let outer = flat(seen);
    let Some(step) = step else { return (outer, false) };
    let inner: Vec<_> = outer.iter().map(|element| element.get(step)).collect();
    let missing = inner.iter().any(Option::is_none);
    (inner.into_iter().flatten().flat_map(flat).collect(), missing)
}

fn flat(seen: &Value) -> Vec<&Value> {
    seen.as_array()
        .map_or_else(|| vec![seen], |list| list.iter().collect())
}

/// One false outweighs everything: a violation is proven whatever else could not be seen.
fn tally(truths: impl Iterator<Item = Result<bool, EvalError>>, at_least: u64, listed: bool) -> Answer {
    let (mut examined, mut broken, mut blind) = (0, None, None);
    for (at, truth) in truths.enumerate() {
        examined += 1;
        match truth {
            Ok(false) => broken = broken.or(Some(at)),
            Err(error) if blind.is_none() => blind = Some((at, error.to_string())),
            Ok(true) | Err(_) => {}
        }
    }
    let (standing, first, note) = match (broken, blind) {
        (Some(at), _) => (Standing::Broken, Some(at), None),
        (None, Some((at, why))) => (Standing::Blind, Some(at), Some(why)),
        (None, None) if examined < at_least => {
            let note = format!("{examined} examined where at least {at_least} are needed");
            (Standing::Empty, None, Some(note))
        }
        (None, None) => (Standing::Held, None, None),
    };
    Answer {
        standing,
        examined: if standing == Standing::Blind && !listed {
            0
        } else {
            examined
        },
        at_least,
        first: first.filter(|_| listed),
        note,
    }
}

/// A question that could not be judged because of an unmet `until` above what it reads is unreached; one whose look
/// could not be made says why.
fn explain(question: &Question<'_>, view: &View<'_>, answer: Answer) -> Answer {
    let reading = &question.reading;
    let pass = view.pass();
    if let Some(name) = pass.unreached.iter().find(|name| reading.touches(name)) {
        return Answer {
            standing: Standing::Unreached,
            note: Some(format!(
                "`{name}` was not reached: an `until` above it was not met"
            )),
            ..answer
        };
    }
    match pass.blind.iter().find(|(name, _)| reading.touches(name)) {
        Some((name, why)) => {
            let why = why.as_str().map_or_else(|| why.to_string(), str::to_owned);
            Answer {
                note: Some(format!("`{name}` could not be looked at: {why}")),
                ..answer
            }
        }
        None => answer,
    }
}

/// A question answered in full: with the values it touched, and the element that fails.
pub(super) fn verdict(question: &Question<'_>, view: &View<'_>) -> AssertionVerdict {
    let answer = answer(question, view);
    let that = question.that();
    let (each, element) = match &question.asks {
        Asks::Assertion(assertion) => (
            assertion.each.as_ref().map(|each| each.source().to_owned()),
            failing(assertion, view, answer.first),
        ),
        Asks::Until { probe, step, .. } => {
            let looks = view.observation(probe).map(|seen| looks(seen, *step).0);
            let look = looks.and_then(|looks| looks.get(answer.first.unwrap_or(0)).copied());
            (None, look.map(Known::of))
        }
    };
    let mut scope = view.scope.child();
    let element = element.and_then(|known| known.json().ok());
    bind_element(&mut scope, question, element.as_ref());
    let sides = if answer.standing == Standing::Broken {
        scope.failing_sides(that)
    } else {
        None
    };
    AssertionVerdict {
        name: question.name.clone(),
        says: question.says().to_owned(),
        expression: that.source().to_owned(),
        each,
        standing: answer.standing,
        examined: answer.examined,
        at_least: answer.at_least,
        otherwise_inconclusive: question.otherwise_inconclusive(),
        expected: sides.map(|(_, expected)| brief(expected)),
        actual: touched(&scope, that),
        element: answer.first.zip(element).map(indexed),
        note: answer.note,
    }
}

fn failing(assertion: &Assertion, view: &View<'_>, first: Option<usize>) -> Option<Known> {
    let elements = view.scope.know(assertion.each.as_ref()?).ok()?.elements()?;
    elements.into_iter().nth(first.unwrap_or(0))
}

fn bind_element(scope: &mut Scope<'_>, question: &Question<'_>, element: Option<&Value>) {
    match (&question.asks, element) {
        (Asks::Assertion(_), Some(element)) => scope.bind("it", element),
        (Asks::Until { until, .. }, Some(Value::Object(fields))) => {
            for name in until.that.reads() {
                if let Some(field) = fields.get(&name) {
                    scope.bind(&name, field);
                }
            }
        }
        _ => {}
    }
}

fn indexed((at, element): (usize, Value)) -> Value {
    let mut shown = Map::new();
    shown.insert("index".to_owned(), at.into());
    shown.insert("value".to_owned(), brief(element));
    Value::Object(shown)
}

fn touched(scope: &Scope<'_>, that: &Sentence) -> Names {
    let values = scope.touched(that).into_iter();
    values.map(|(path, value)| (path, brief(value))).collect()
}

/// A value small enough for a report: the observation itself stands beside it in the pack.
fn brief(value: Value) -> Value {
    const LONGEST: usize = 2_000;
    let length = value.to_string().len();
    if length <= LONGEST {
        return value;
    }
    Value::String(match &value {
        Value::Array(items) => format!("… a list of {} elements", items.len()),
        Value::Object(fields) => format!("… a map of {} entries", fields.len()),
        _ => format!("… {length} bytes"),
    })
}
