//! The change `probe`: closure lying to itself. A probe of the gate asks something else in the red pass.
//!
//! The gate is never touched: the override is applied to a copy, and its witness is what was executed.

use serde_json::{Map, Value, json};

use super::applied::{Draft, Effect};
use crate::{
    cel::{Sentence, Text},
    gate::{
        model::{LookAt, Probe, Tree},
        tree::literal,
    },
    observation::Look,
    probe::{Blind, Params},
};

/// What one probe is made to ask instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The probe's name; `group.step` inside a group.
    pub probe: String,
    /// Path of a parameter (`rps`, `make.service`, `class.0.count`) or name of a modifier (`every`, `at`, `delay`,
    /// `within`, `until`), and its value.
    pub set: Map<String, Value>,
}

/// `{probe, set}`.
pub(super) fn make(params: Params<'_>, draft: &mut Draft) -> Result<(), Blind> {
    let set = params
        .table("set")?
        .ok_or_else(|| Blind::because("`set` is missing"))?
        .clone();
    let change = Override {
        probe: params.text("probe")?.to_owned(),
        set,
    };
    draft.record.witness.after = json!(change.set);
    draft.effect = Effect::Override(change);
    Ok(())
}

impl Override {
    /// A copy of the probe that asks what the override says. Give it the probe, or the group, it names.
    pub fn apply(&self, probe: &Probe) -> Result<Probe, String> {
        let mut copy = probe.clone();
        let target = match (self.probe.split_once('.'), &mut copy.look) {
            (Some((_, name)), LookAt::Steps(steps)) => steps.iter_mut().find(|step| step.name == name),
            _ => Some(&mut copy),
        };
        let target = target.ok_or_else(|| format!("no probe `{}`", self.probe))?;
        for (path, value) in &self.set {
            set(target, path, value).map_err(|why| format!("`{path}` of `{}`: {why}", self.probe))?;
        }
        Ok(copy)
    }

    /// What was executed at each path, in the looks of this probe: the witness. Null when there was no look.
    pub fn executed(&self, looks: &[Look]) -> Value {
        let own = |look: &&Look| look.probe.split('[').next() == Some(self.probe.as_str());
        let mut own = looks.iter().filter(own).peekable();
        if own.peek().is_none() {
            return Value::Null;
        }
        let params: Vec<&Value> = own.map(|look| &look.params).collect();
        let at = |path: &String| {
            let mut values: Vec<Value> = Vec::new();
            for value in params.iter().map(|params| find(params, path).clone()) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            (path.clone(), values.into())
        };
        self.set.keys().map(at).collect::<Map<_, _>>().into()
    }
}

/// The value at a path of executed parameters; null when there is none.
fn find<'a>(params: &'a Value, path: &str) -> &'a Value {
    let step = |value: Option<&'a Value>, part: &str| match value? {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    };
    path.split('.').fold(Some(params), step).unwrap_or(&Value::Null)
}

fn set(probe: &mut Probe, path: &str, value: &Value) -> Result<(), String> {
    let text = || {
        let words = value.as_str().ok_or("it must be a text")?;
        Text::parse(&words.replace("${", "$${")).map_err(|fault| fault.to_string())
    };
    match (path, &mut probe.until) {
        ("every", _) => probe.every = Some(text()?),
        ("at", _) => probe.at = Some(text()?),
        ("delay", _) => probe.delay = Some(text()?),
        ("within", Some(until)) => until.within = text()?,
        ("until", Some(until)) => {
            let that = value.as_str().ok_or("it must be a sentence")?;
            until.that = Sentence::compile(that).map_err(|fault| fault.to_string())?;
        }
        _ => match &mut probe.look {
            LookAt::Kind { params, .. } => *slot(params, path)? = literal(value)?,
            LookAt::Steps(_) => return Err("a group has no parameters of its own".into()),
        },
    }
    Ok(())
}

/// Where a path leads; a table on the way grows the entry it lacks at the end of the path.
fn slot<'a>(tree: &'a mut Tree, path: &str) -> Result<&'a mut Tree, String> {
    let (part, rest) = path
        .split_once('.')
        .map_or((path, None), |(part, rest)| (part, Some(rest)));
    let next = match tree {
        Tree::Table(entries) => {
            let at = entries.iter().position(|(key, _)| key.literal() == Some(part));
            let at = match (at, rest) {
                (Some(at), _) => at,
                (None, None) => {
                    let key = Text::parse(&part.replace("${", "$${")).map_err(|fault| fault.to_string())?;
                    entries.push((key, Tree::Plain(Value::Null)));
                    entries.len() - 1
                }
                (None, Some(_)) => return Err(format!("there is no `{part}`")),
            };
            &mut entries[at].1
        }
        Tree::List(items) => {
            let at = part.parse::<usize>().ok().filter(|at| *at < items.len());
            &mut items[at.ok_or_else(|| format!("there is no element `{part}`"))?]
        }
        Tree::Plain(_) | Tree::Text(_) => return Err(format!("there is nothing below `{part}`")),
    };
    match rest {
        Some(rest) => slot(next, rest),
        None => Ok(next),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Override, find};
    use crate::{
        cel::World,
        gate::{
            model::{LookAt, Probe},
            tree::{evaluate, literal},
        },
        observation::Look,
    };

    fn probe(name: &str, params: &Value) -> Probe {
        let look = LookAt::Kind {
            kind: "load".into(),
            params: literal(params).expect("no expression"),
        };
        Probe {
            name: name.into(),
            look,
            with: vec![],
            for_each: vec![],
            at_once: false,
            until: None,
            during: None,
            at: None,
            every: None,
            delay: None,
            once: false,
        }
    }

    fn over(name: &str, set: &Value) -> Override {
        Override {
            probe: name.into(),
            set: set.as_object().expect("a table").clone(),
        }
    }

    fn params(probe: &Probe) -> Value {
        let LookAt::Kind { params, .. } = &probe.look else {
            panic!("not a kind")
        };
        evaluate(params, &World::pure().scope()).expect("no expression")
    }

    #[test]
    fn a_path_is_set_in_a_copy_only() {
        let own = probe(
            "storm",
            &json!({"rps": 15, "make": {"service": "api"}, "class": [{"count": "T"}]}),
        );
        let set =
            json!({"rps": 14, "make.service": "mock", "class.0.count": "${T}", "seconds": 5, "every": "1h"});
        let copy = over("storm", &set).apply(&own).expect("applied");
        assert_eq!(
            params(&copy),
            json!({"rps": 14, "make": {"service": "mock"}, "class": [{"count": "${T}"}], "seconds": 5})
        );
        assert_eq!(copy.every.expect("set").source(), "1h");
        assert_eq!(params(&own)["rps"], 15, "the gate's own probe is what it was");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused() {
        let own = probe("storm", &json!({"rps": 15, "class": []}));
        for path in ["make.service", "class.0.count", "rps.x", "class.x"] {
            let error = over("storm", &json!({path: 1})).apply(&own).expect_err(path);
            assert!(
                error.starts_with(&format!("`{path}` of `storm`: there is no")),
                "{error}"
            );
        }
        assert!(over("storm", &json!({"every": 5})).apply(&own).is_err());
    }

    #[test]
    fn a_step_of_a_group_can_be_set() {
        let mut group = probe("ask", &json!({}));
        group.look = LookAt::Steps(vec![
            probe("post", &json!({"a": 1})),
            probe("seen", &json!({"a": 1})),
        ]);
        let copy = over("ask.seen", &json!({"a": 2})).apply(&group).expect("applied");
        let LookAt::Steps(steps) = &copy.look else {
            panic!("still a group")
        };
        assert_eq!(
            (params(&steps[0])["a"].clone(), params(&steps[1])["a"].clone()),
            (json!(1), json!(2))
        );
        assert!(over("ask.none", &json!({"a": 2})).apply(&group).is_err());
    }

    #[test]
    fn the_witness_is_what_was_executed() {
        let look = |probe: &str, rps: i32| Look {
            probe: probe.into(),
            params: json!({"rps": rps}),
            ..Look::default()
        };
        let change = over("storm", &json!({"rps": 14}));
        assert_eq!(change.executed(&[look("other", 1)]), Value::Null);
        let looks = [look("storm[0]", 15), look("storm[1]", 15), look("storm[2]", 16)];
        assert_eq!(change.executed(&looks), json!({"rps": [15, 16]}));
        assert_eq!(find(&json!({"a": [{"b": 1}]}), "a.0.b"), &json!(1));
    }
}
