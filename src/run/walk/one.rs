//! One look with everything that may stand around it: a delay, template parameters, steps, an `until`.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::{Around, Seen, Walk};
use crate::{
    cel::Text,
    gate::{
        self,
        model::{LookAt, Probe, Until},
        tree::evaluate,
    },
    run::when,
};

impl Walk<'_> {
    /// One look (or one group of looks), with its delay, its template parameters and its `until`.
    pub(super) fn one<'w>(
        &'w self,
        probe: &'w Probe,
        around: &'w Around,
        path: &'w str,
    ) -> LocalBoxFuture<'w, Seen> {
        Box::pin(async move {
            let around = match self.with(probe, around) {
                Ok(around) => around,
                Err(reason) => return Seen::blind(reason),
            };
            if let Err(reason) = self.wait(probe, &around).await {
                return Seen::blind(reason);
            }
            match (&probe.look, &probe.until) {
                (LookAt::Steps(steps), _) => self.steps(steps, &around, path).await,
                (LookAt::Kind { .. }, None) => self.look(probe, &around, path, 1).await,
                (LookAt::Kind { .. }, Some(until)) => self.until(probe, until, &around, path).await,
            }
        })
    }

    /// The steps of a group, in order; each sees those above it by name.
    async fn steps(&self, steps: &[Probe], around: &Around, path: &str) -> Seen {
        let mut inner = around.clone();
        let mut group = Map::new();
        let mut reasons = Vec::new();
        let mut met = true;
        for step in steps {
            let name = format!("{path}.{}", step.name);
            if !met {
                self.found.borrow_mut().unreached.push(name);
                continue;
            }
            let seen = self.one(step, &inner, &name).await;
            met = seen.met;
            reasons.extend(seen.blind.map(|reason| format!("{}: {reason}", step.name)));
            if let Some(value) = seen.value {
                inner.insert(step.name.clone(), value.clone());
                group.insert(step.name.clone(), value);
            }
        }
        Seen {
            value: Some(Value::Object(group)),
            blind: (!reasons.is_empty()).then(|| reasons.join("; ")),
            met,
        }
    }

    /// Look again until the sentence over the look's own fields is true, or the deadline has passed.
    async fn until(&self, probe: &Probe, until: &Until, around: &Around, path: &str) -> Seen {
        let within = match self.duration(&until.within, around) {
            Ok(within) => within,
            Err(reason) => return Seen::blind(reason),
        };
        let begin = Instant::now();
        let mut looks = 0;
        loop {
            looks += 1;
            let mut seen = self.look(probe, around, path, looks).await;
            let settled = seen
                .value
                .as_ref()
                .is_some_and(|value| self.settled(until, value, around));
            let late = begin.elapsed() >= within;
            if settled || late {
                if let Some(Value::Object(fields)) = &mut seen.value {
                    fields.insert("settled".into(), settled.into());
                    fields.insert("settled_ms".into(), when::ms(begin.elapsed()).into());
                    fields.insert("looks".into(), looks.into());
                }
                return Seen { met: settled, ..seen };
            }
            sleep(until.poll.min(within.saturating_sub(begin.elapsed()))).await;
        }
    }

    fn settled(&self, until: &Until, value: &Value, around: &Around) -> bool {
        let mut scope = self.world.scope();
        self.bind(&mut scope, around);
        if let Value::Object(fields) = value {
            fields.iter().for_each(|(name, value)| scope.bind(name, value));
        }
        scope.truth(&until.that) == Ok(true)
    }

    /// The names around a look, with its template parameters filled in, each seeing those before it.
    fn with(&self, probe: &Probe, around: &Around) -> Result<Around, String> {
        let mut inner = around.clone();
        for (name, tree) in &probe.with {
            let mut scope = self.world.scope();
            self.bind(&mut scope, &inner);
            let value =
                evaluate(tree, &scope).map_err(|error| format!("template parameter `{name}`: {error}"))?;
            inner.insert(name.clone(), value);
        }
        Ok(inner)
    }

    /// Wait as `delay` says: so long, or for the next second of the clock to begin.
    async fn wait(&self, probe: &Probe, around: &Around) -> Result<(), String> {
        match &probe.delay {
            None => {}
            Some(text) if text.literal() == Some("to the second") => when::the_second_begins().await,
            Some(text) => sleep(self.duration(text, around)?).await,
        }
        Ok(())
    }

    /// A duration that may be computed.
    pub(super) fn duration(&self, text: &Text, around: &Around) -> Result<Duration, String> {
        let mut scope = self.world.scope();
        self.bind(&mut scope, around);
        let value = scope
            .text(text)
            .map_err(|error| format!("`{}`: {error}", text.source()))?;
        let text = value
            .as_str()
            .ok_or_else(|| format!("`{value}` is no duration"))?;
        gate::duration(text)
    }
}
