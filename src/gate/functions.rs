//! Which functions there are, how many arguments they take, and which of them act or know secrets.

use std::collections::BTreeMap;

use crate::cel::{BUILTIN, DOING, PURE, Sentence};

use super::complaint::{Pile, Spot};

/// Functions that hand out secrets: their values may stand in a request, never in what goes to paper as it is.
pub const SECRET_FUNCTIONS: &[&str] = &[
    "mint",
    "secret",
    "canary",
    "dsn",
    "dsn_password",
    "jwt",
    "jwt_with",
];

/// From where a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// A sentence: it sees observations and constants, and does nothing.
    Judging,
    /// A text whose value the plan must be able to tell.
    Constant,
    /// A text, evaluated while doing.
    Doing,
    /// A text that goes to paper as it is.
    Open,
}

/// The functions of one suite, CEL's and ours among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Functions(BTreeMap<String, Function>);

#[derive(Clone, Debug)]
struct Function {
    /// None: the function itself checks.
    takes: Option<usize>,
    /// The acting function it is or calls.
    acts: Option<String>,
    /// The function that knows secrets it is or calls.
    secret: Option<String>,
}

impl Functions {
    /// CEL's functions and ours.
    pub(super) fn builtin() -> Self {
        let own = |name: &str, takes, acts: bool| {
            let secret = SECRET_FUNCTIONS.contains(&name).then(|| name.to_owned());
            (
                name.to_owned(),
                Function {
                    takes,
                    acts: acts.then(|| name.to_owned()),
                    secret,
                },
            )
        };
        let builtin = BUILTIN.iter().map(|name| own(name, None, false));
        let pure = PURE.iter().map(|(name, takes)| own(name, Some(*takes), false));
        let doing = DOING.iter().map(|(name, takes)| own(name, Some(*takes), true));
        Self(builtin.chain(pure).chain(doing).collect())
    }

    /// Declare a suite's function. What it does is known once [`Functions::learn`] has been told.
    pub(super) fn declare(&mut self, name: &str, takes: usize) {
        let function = Function {
            takes: Some(takes),
            acts: None,
            secret: None,
        };
        self.0.insert(name.to_owned(), function);
    }

    /// A function acts when one that it calls acts, through as many others as it takes.
    pub(super) fn learn(&mut self, bodies: &[(&str, &Sentence)]) {
        let mut more = true;
        while std::mem::take(&mut more) {
            for (name, body) in bodies {
                let called: Vec<_> = body
                    .calls()
                    .iter()
                    .filter_map(|call| self.0.get(call).cloned())
                    .collect();
                let acts = called.iter().find_map(|f| f.acts.clone());
                let secret = called.iter().find_map(|f| f.secret.clone());
                let Some(function) = self.0.get_mut(*name) else {
                    continue;
                };
                more |= function.acts.is_none() && acts.is_some();
                more |= function.secret.is_none() && secret.is_some();
                function.acts = function.acts.take().or(acts);
                function.secret = function.secret.take().or(secret);
            }
        }
    }

    /// The sentence calls pure functions only.
    pub(super) fn all_pure(&self, sentence: &Sentence) -> bool {
        let pure = |name: &String| self.0.get(name).is_some_and(|function| function.acts.is_none());
        sentence.calls().iter().all(pure)
    }

    /// Complain about every call that cannot be made, or not from here.
    pub(super) fn check(&self, sentence: &Sentence, at: &Spot, stance: Stance, pile: &mut Pile) {
        for (name, given) in sentence.call_sites() {
            match self.0.get(name) {
                None => {
                    let known = self.0.keys().map(String::as_str);
                    pile.unknown(at, format!("unknown function `{name}`"), name, known);
                }
                Some(function) => function.check(name, *given, at, stance, pile),
            }
        }
        if sentence.uses_bare_all() {
            pile.hint(
                at,
                "`.all(…)` is true of an empty list",
                "write `.always(…)`, which is not",
            );
        }
    }
}

impl Function {
    /// Complain about one call of it, by the name it goes by.
    fn check(&self, name: &str, given: usize, at: &Spot, stance: Stance, pile: &mut Pile) {
        if let Some(takes) = self.takes.filter(|takes| *takes != given) {
            let plural = if takes == 1 { "" } else { "s" };
            pile.add(
                at,
                format!("`{name}` takes {takes} argument{plural}, not {given}"),
            );
        }
        match (stance, &self.acts, &self.secret) {
            (Stance::Judging, Some(acts), _) => pile.hint(
                at,
                format!("{} acts, and a sentence only judges", through(name, acts)),
                "give the value a name in `let`, and use that",
            ),
            (Stance::Constant, Some(acts), _) => pile.hint(
                at,
                format!(
                    "{} acts, and this must be known before anything starts",
                    through(name, acts)
                ),
                "use constants, `suite`, `profile` and loop variables over them",
            ),
            (Stance::Open, _, Some(secret)) => pile.hint(
                at,
                format!(
                    "{} hands out a secret, and this goes to paper as it is",
                    through(name, secret)
                ),
                "bind it: `bind` keeps secrets off paper",
            ),
            _ => {}
        }
    }
}

fn through(name: &str, reached: &str) -> String {
    if name == reached {
        format!("`{name}`")
    } else {
        format!("`{name}` (through `{reached}`)")
    }
}
