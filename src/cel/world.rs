//! A world: the functions a sentence may call. The judging world is pure; a doing world has more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cel::{
    Context, ExecutionError, FunctionContext,
    common::value::{CowVal, Val},
    objects::Value as CelValue,
};
use serde_json::Value;

use super::{Scope, Sentence, language, pure, value};

/// A function written in Rust: JSON arguments, the receiver first, to a JSON value or the reason why not.
pub type Native = Arc<dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync>;

/// How the crate stores a function of a context; it does not export the name.
type Stored = Box<
    dyn for<'context, 'call> Fn(
            &mut FunctionContext<'context, 'call>,
        ) -> Result<CowVal<'context, 'call>, ExecutionError>
        + Send
        + Sync,
>;

/// Functions, and nothing bound yet.
pub struct World {
    root: Context<'static, 'static>,
}

impl World {
    /// CEL's own functions and the pure ones of [`PURE`](super::PURE).
    pub fn pure() -> Self {
        let mut world = Self {
            root: Context::with_env(Arc::clone(language::language())),
        };
        for (name, arity) in language::PURE {
            if let Some(function) = pure::by_name(name) {
                world.native(name, *arity, Arc::new(function));
            }
        }
        world
    }

    /// Add a function written in Rust. One that bears the name of CEL's own is never called.
    pub fn native(&mut self, name: &str, arity: usize, function: Native) {
        let stored: Stored = Box::new(move |call| {
            let args = arguments(call, arity)?;
            let args: Result<Vec<Value>, _> = args.iter().map(|arg| value::to_json(arg.as_ref())).collect();
            let args = args.map_err(|error| call.error(error))?;
            let result = function(&args).map_err(|message| call.error(message))?;
            Ok(CowVal::Owned(value::to_cel(&result)))
        });
        self.add(name, stored);
    }

    /// Add a suite's function: parameters and one expression, which may call whatever this world knows when it is
    /// evaluated. The caller refuses functions that end up calling themselves: see [`recursive`].
    pub fn define(&mut self, name: &str, of: &[String], is: &Sentence) {
        let (of, is) = (of.to_vec(), is.clone());
        let stored: Stored = Box::new(move |call| {
            let args = arguments(call, of.len())?;
            let mut inner = call.ptx.new_inner_scope();
            for (parameter, arg) in of.iter().zip(args) {
                inner.add_variable_as_val(parameter, arg);
            }
            Ok(CowVal::Owned(
                CelValue::resolve_val(is.program(), &inner)?.into_owned(),
            ))
        });
        self.add(name, stored);
    }

    /// A scope with no names in it.
    pub fn scope(&self) -> Scope<'_> {
        Scope::inside(&self.root)
    }

    fn add(&mut self, name: &str, stored: Stored) {
        // The only refusal is a name of CEL's own, which `is_taken` tells the reader of suites about.
        let _shadowed = self.root.add_function(name, stored);
    }
}

/// The arguments of a call, its receiver first.
fn arguments<'call>(
    call: &FunctionContext<'_, 'call>,
    arity: usize,
) -> Result<Vec<Box<dyn Val + 'call>>, ExecutionError> {
    let all = call.this.iter().chain(&call.args);
    let all: Vec<_> = all.map(|arg| arg.clone().into_owned()).collect();
    if all.len() == arity {
        Ok(all)
    } else {
        Err(ExecutionError::invalid_argument_count(arity, all.len()))
    }
}

/// The functions among these that end up calling themselves, which CEL must not.
pub fn recursive(functions: &BTreeMap<&str, &Sentence>) -> BTreeSet<String> {
    let reaches_itself = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<String> = vec![start.to_owned()];
        while let Some(name) = next.pop() {
            let called = functions
                .get(name.as_str())
                .map(|is| is.calls())
                .unwrap_or_default();
            if called.contains(start) {
                return true;
            }
            next.extend(called.into_iter().filter(|name| seen.insert(name.clone())));
        }
        false
    };
    let names = functions.keys().filter(|name| reaches_itself(name));
    names.map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use serde_json::json;

    use super::{World, recursive};
    use crate::cel::{PURE, Sentence};

    fn sentence(source: &str) -> Sentence {
        Sentence::compile(source).expect("a good sentence")
    }

    #[test]
    fn a_world_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&World::pure());
    }

    #[test]
    fn every_pure_name_has_its_function() {
        for (name, _) in PURE {
            assert!(super::pure::by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn suite_functions_call_each_other_and_native_ones() {
        let mut world = World::pure();
        world.native(
            "mint",
            1,
            Arc::new(|args| Ok(json!(format!("<{}>", args[0].as_str().unwrap_or("?"))))),
        );
        world.define("key", &["t".into()], &sentence("mint('key/' + t)"));
        world.define(
            "pair",
            &["a".into(), "b".into()],
            &sentence("[key(a), key(b), suite.x]"),
        );
        let mut scope = world.scope();
        scope.bind("suite", &json!({"x": 1}));
        let value = scope.eval(&sentence("pair('1', '2')")).expect("it evaluates");
        assert_eq!(value, json!(["<key/1>", "<key/2>", 1]));
    }

    #[test]
    fn a_call_with_the_wrong_number_of_arguments_is_an_error() {
        let world = World::pure();
        let error = world
            .scope()
            .eval(&sentence("near(1, 2)"))
            .expect_err("two of three");
        assert_eq!(error.to_string(), "2 arguments where 3 are taken");
    }

    #[test]
    fn functions_that_reach_themselves_are_found() {
        let (a, b, c) = (sentence("b(x)"), sentence("c(x) + a(x)"), sentence("x + 1"));
        let functions = BTreeMap::from([("a", &a), ("b", &b), ("c", &c)]);
        assert_eq!(recursive(&functions).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
