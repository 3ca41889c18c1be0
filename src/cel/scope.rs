//! A scope: names bound to values, and the evaluation of sentences and texts over them.

use std::fmt;

use cel::{
    Context, ExecutionError, IdedExpr,
    common::{
        ast::{Expr, operators},
        types::{CelBool, CelInt},
        value::{CowVal, Val},
    },
    objects::Value as CelValue,
};
use serde_json::{Map, Value};

use super::{Part, Sentence, Text, anatomy, value};

/// Why a sentence has no value here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    message: String,
}

impl EvalError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// A value in CEL's own form: bound many times, converted once.
pub struct Known(Box<dyn Val>);

impl Known {
    /// The value of a JSON document.
    pub fn of(value: &Value) -> Self {
        Self(value::to_cel(value))
    }

    /// The JSON document of the value.
    pub fn json(&self) -> Result<Value, EvalError> {
        value::to_json(self.0.as_ref())
    }

    /// The elements, when the value is a list.
    pub fn elements(self) -> Option<Vec<Self>> {
        let items: Vec<Box<dyn Val>> = self.0.try_into().ok()?;
        Some(items.into_iter().map(Self).collect())
    }

    /// The number, when the value is a whole one.
    pub fn whole(&self) -> Option<i64> {
        self.0.downcast_ref::<CelInt>().map(|n| *n.inner())
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Known").field(&self.json()).finish()
    }
}

/// Names bound to values, inside the names of its parent.
pub struct Scope<'w> {
    context: Context<'w, 'static>,
}

impl<'w> Scope<'w> {
    pub(super) fn inside(parent: &'w Context<'w, 'static>) -> Self {
        Self {
            context: parent.new_inner_scope(),
        }
    }

    /// A scope inside this one: it sees every name of this one and may hide it.
    pub fn child(&self) -> Scope<'_> {
        Scope {
            context: self.context.new_inner_scope(),
        }
    }

    /// Bind a name to a value, or bind it anew.
    pub fn bind(&mut self, name: &str, value: &Value) {
        self.context.add_variable_as_val(name, value::to_cel(value));
    }

    /// Bind a name to a value that is needed nowhere else.
    pub fn give(&mut self, name: &str, known: Known) {
        self.context.add_variable_as_val(name, known.0);
    }

    /// The value of a sentence in CEL's own form.
    pub fn know(&self, sentence: &Sentence) -> Result<Known, EvalError> {
        let value = self.resolve(sentence.program())?;
        Ok(Known(value.into_owned()))
    }

    /// The value of a sentence. Fails when it cannot be evaluated or its value is not JSON.
    pub fn eval(&self, sentence: &Sentence) -> Result<Value, EvalError> {
        value::to_json(self.resolve(sentence.program())?.as_ref())
    }

    /// Whether a sentence is true. Fails also when its value is neither true nor false.
    pub fn truth(&self, sentence: &Sentence) -> Result<bool, EvalError> {
        self.truth_of(sentence.program())
    }

    /// The value of a text: of its one `${…}` when it is nothing else, of its parts joined otherwise.
    pub fn text(&self, text: &Text) -> Result<Value, EvalError> {
        if let [Part::Expr(sentence)] = text.parts() {
            return self.eval(sentence);
        }
        let mut joined = String::new();
        for part in text.parts() {
            match part {
                Part::Literal(literal) => joined.push_str(literal),
                Part::Expr(sentence) => joined.push_str(&in_text(&self.eval(sentence)?, sentence)?),
            }
        }
        Ok(Value::String(joined))
    }

    /// The values of the free paths a sentence touches, by their spelling; those that cannot be had are left out.
    pub fn touched(&self, sentence: &Sentence) -> Map<String, Value> {
        let mut values = Map::new();
        for (spelling, node) in &sentence.anatomy().touched {
            let value = self
                .resolve(node)
                .and_then(|value| value::to_json(value.as_ref()));
            if let Ok(value) = value {
                values.insert(spelling.clone(), value);
            }
        }
        values
    }

    /// Both sides of the comparison that makes a sentence false: of the sentence itself, or of the first part of its
    /// `&&` that is.
    pub fn failing_sides(&self, sentence: &Sentence) -> Option<(Value, Value)> {
        let mut node = &sentence.anatomy().plain;
        while let Expr::Call(call) = &node.expr
            && call.func_name == operators::LOGICAL_AND
            && let [left, right] = call.args.as_slice()
        {
            node = if self.truth_of(left) == Ok(false) {
                left
            } else {
                right
            };
        }
        let (_, left, right) = anatomy::comparison(node)?;
        let side = |node| value::to_json(self.resolve(node).ok()?.as_ref()).ok();
        Some((side(left)?, side(right)?))
    }

    fn truth_of(&self, node: &IdedExpr) -> Result<bool, EvalError> {
        let value = self.resolve(node)?;
        match value.downcast_ref::<CelBool>() {
            Some(truth) => Ok(*truth.inner()),
            None => Err(EvalError::new(format!(
                "it is of type {}, neither true nor false",
                value.get_type().name()
            ))),
        }
    }

    fn resolve<'e>(&'e self, node: &'e IdedExpr) -> Result<CowVal<'e, 'static>, EvalError> {
        let value: Result<CowVal<'e, 'static>, ExecutionError> = CelValue::resolve_val(node, &self.context);
        value.map_err(|error| value::in_words(&error))
    }
}

/// How a value is written between other characters.
fn in_text(value: &Value, sentence: &Sentence) -> Result<String, EvalError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(EvalError::new(format!(
            "`{}` is not a string, a number or a boolean, and cannot be a part of a text",
            sentence.source()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cel::{Sentence, Text, World};

    fn eval(source: &str, with: &Value) -> Result<Value, String> {
        let world = World::pure();
        let mut scope = world.scope();
        scope.bind("x", with);
        let sentence = Sentence::compile(source).expect("a good sentence");
        scope.eval(&sentence).map_err(|error| error.to_string())
    }

    #[test]
    fn integers_stay_integers_both_ways() {
        let all = json!({"a": 41, "b": -1, "c": 1.0, "d": 18_446_744_073_709_551_615_u64, "e": 9_007_199_254_740_993_i64});
        assert_eq!(eval("x", &all), Ok(all.clone()));
        assert_eq!(
            eval("x.a - 50 < 0 && x.a * 2 == 82 && -x.a == -41", &all),
            Ok(json!(true))
        );
        assert_eq!(eval("x.c", &all).map(|v| v.is_f64()), Ok(true));
    }

    #[test]
    fn what_json_has_no_word_for_is_an_error() {
        for source in [
            "b'abc'",
            "{1: 2}",
            "1.0 / 0.0",
            "optional.of(1)",
            "type(1)",
            "[1, [b'x']]",
        ] {
            assert!(eval(source, &json!(null)).is_err(), "{source}");
        }
    }

    #[test]
    fn a_missing_field_is_an_error_and_never_false() {
        assert_eq!(
            eval("x.missing < 1", &json!({})),
            Err("no such key `missing`".into())
        );
        assert_eq!(eval("y == 1", &json!({})), Err("nothing is called `y`".into()));
        assert_eq!(eval("x[5]", &json!([1])), Err("index 5 is out of bounds".into()));
    }

    #[test]
    fn always_is_false_of_nothing() {
        assert_eq!(eval("x.always(e, e.ok)", &json!([])), Ok(json!(false)));
        assert_eq!(eval("x.always(e, e.ok)", &json!([{"ok": true}])), Ok(json!(true)));
        assert_eq!(
            eval("x.always(e, e.ok)", &json!([{"ok": true}, {"ok": false}])),
            Ok(json!(false))
        );
        assert!(eval("x.always(e, e.ok)", &json!([{"ok": true}, {}])).is_err());
    }

    #[test]
    fn maps_are_walked_by_their_sorted_keys() {
        let fields = json!({"q": 1, "z": 1, "a": 1, "m": 1, "b": 1, "k": 1});
        for _ in 0..20 {
            assert_eq!(
                eval("x.map(k, k)", &fields),
                Ok(json!(["a", "b", "k", "m", "q", "z"]))
            );
        }
    }

    #[test]
    fn one_expression_keeps_its_type_and_several_make_a_string() {
        let world = World::pure();
        let mut scope = world.scope();
        scope.bind("n", &json!(7));
        scope.bind("l", &json!([1]));
        let text = |source: &str| scope.text(&Text::parse(source).expect("a good text"));
        assert_eq!(text("${n}"), Ok(json!(7)));
        assert_eq!(text("${l}"), Ok(json!([1])));
        assert_eq!(text("${n}s of ${n + 1}"), Ok(json!("7s of 8")));
        assert_eq!(text("plain"), Ok(json!("plain")));
        assert!(text("a ${l}").is_err());
    }

    #[test]
    fn a_child_hides_a_name_and_its_parent_keeps_it() {
        let world = World::pure();
        let mut outer = world.scope();
        outer.bind("a", &json!(1));
        let sentence = Sentence::compile("a").expect("a name");
        let mut inner = outer.child();
        inner.bind("a", &json!(2));
        assert_eq!(inner.eval(&sentence), Ok(json!(2)));
        assert_eq!(outer.eval(&sentence), Ok(json!(1)));
    }

    #[test]
    fn the_failing_comparison_is_the_first_false_part() {
        let world = World::pure();
        let mut scope = world.scope();
        scope.bind("s", &json!({"sent": 9, "planned": 10, "dropped": 0}));
        let sentence =
            Sentence::compile("s.dropped == 0 && s.sent == s.planned && s.sent > 0").expect("good");
        assert_eq!(scope.failing_sides(&sentence), Some((json!(9), json!(10))));
        let touched = Value::Object(scope.touched(&sentence));
        assert_eq!(touched, json!({"s.dropped": 0, "s.sent": 9, "s.planned": 10}));
    }
}
