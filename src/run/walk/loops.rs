//! A probe over the elements of its loop.

use futures::future::join_all;
use serde_json::Value;

use super::{Around, Seen, Walk};
use crate::{gate::model::Probe, observation::Names};

impl Walk<'_> {
    /// A probe over the elements of its loop, or once.
    pub(super) async fn looped(&self, probe: &Probe, around: &Around) -> Seen {
        if probe.for_each.is_empty() {
            return self.one(probe, around, &probe.name).await;
        }
        let elements = match self.elements(probe, around) {
            Ok(elements) => elements,
            Err(reason) => return Seen::blind(reason),
        };
        let looks = elements
            .iter()
            .enumerate()
            .map(|(at, vars)| self.element(probe, around, vars, at));
        let all: Vec<Seen> = if probe.at_once {
            join_all(looks).await
        } else {
            let mut all = Vec::with_capacity(elements.len());
            for look in looks {
                all.push(look.await);
            }
            all
        };
        let reasons: Vec<String> = all.iter().filter_map(|seen| seen.blind.clone()).collect();
        Seen {
            met: all.iter().all(|seen| seen.met),
            value: Some(
                all.into_iter()
                    .map(|seen| seen.value.unwrap_or_default())
                    .collect(),
            ),
            blind: (!reasons.is_empty()).then(|| reasons.join("; ")),
        }
    }

    /// One element of a loop: its variables first, then what was seen.
    async fn element(&self, probe: &Probe, around: &Around, vars: &Names, at: usize) -> Seen {
        if let Some(value) = self.carried_element(probe, at) {
            return Seen::of(value);
        }
        let mut inner = around.clone();
        inner.extend(vars.clone());
        let seen = self.one(probe, &inner, &format!("{}[{at}]", probe.name)).await;
        let mut element = self.redacted(vars);
        if let Some(Value::Object(fields)) = &seen.value {
            element.extend(fields.clone());
        }
        Seen {
            value: Some(Value::Object(element)),
            ..seen
        }
    }

    /// The earlier observation of a loop's element that this pass does not repeat.
    fn carried_element(&self, probe: &Probe, at: usize) -> Option<Value> {
        let (pass, repeats) = self.carried?;
        let picked = repeats.get(&probe.name)?.as_ref()?;
        let earlier = pass.seen.get(&probe.name)?.get(at)?;
        let mut scope = self.world.scope();
        self.bind(&mut scope, &Around::new());
        scope.bind("it", earlier);
        (scope.truth(picked) == Ok(false)).then(|| earlier.clone())
    }

    /// Every combination of the loop's variables, in order.
    fn elements(&self, probe: &Probe, around: &Around) -> Result<Vec<Names>, String> {
        let mut combinations = vec![Names::new()];
        for (variable, over) in &probe.for_each {
            let mut longer = Vec::new();
            for names in combinations {
                let mut scope = self.world.scope();
                self.bind(&mut scope, around);
                names.iter().for_each(|(name, value)| scope.bind(name, value));
                let list = scope
                    .eval(over)
                    .map_err(|error| format!("for_each `{variable}`: {error}"))?;
                let Value::Array(values) = list else {
                    return Err(format!("for_each `{variable}`: it is not a list"));
                };
                longer.extend(values.into_iter().map(|value| {
                    let mut names = names.clone();
                    names.insert(variable.clone(), value);
                    names
                }));
            }
            combinations = longer;
        }
        Ok(combinations)
    }
}
