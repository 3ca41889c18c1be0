//! One walk through a gate's probes: a pass.
//!
//! Probes go top to bottom; what stands inside a span runs while it lasts. An unmet `until` ends its sequence, and
//! what stands below it is unreached. A look that could not be made leaves no observation.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use futures::future::{LocalBoxFuture, join_all};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    looks::{self, Drives, Made},
    names::Repeats,
    news::Tell,
    overrides::Overrides,
    span, when,
};
use crate::{
    cel::{Scope, World},
    control::Journal,
    evidence::Record,
    gate::{
        self,
        model::{Gate, LookAt, Probe, Tree, Until},
        tree::evaluate,
    },
    observation::{Look, Names, Pass},
    probe::{Site, look},
};

/// What a walk needs to know; what it finds is its [`Pass`].
pub(super) struct Walk<'a> {
    /// The gate walked through.
    pub(super) gate: &'a Gate,
    /// The running topology, and everything that is recorded about it.
    pub(super) site: &'a Site,
    /// The doing world of this pass.
    pub(super) world: &'a World,
    /// `suite`, `profile`, `run`, `compose`, `from`.
    pub(super) constants: &'a Names,
    /// The gate's lets, as they are: secrets among them.
    pub(super) lets: &'a Names,
    /// The pass the observations are carried over from, and what is repeated all the same.
    pub(super) carried: Option<(&'a Pass, &'a Repeats)>,
    /// An earlier pass of the same gate: looks that are made once are taken from it.
    pub(super) first: Option<&'a Pass>,
    /// Parameters a sabotage has changed.
    pub(super) overrides: &'a Overrides,
    /// Gate and pass: `EG8.5/pass`, `EG8.5/lost_row.0.red`.
    pub(super) label: &'a str,
    /// Added to the folders of raw files in every pass but the gate's own.
    pub(super) subfolder: String,
    /// The record, for raw files and for rehearsals of its seal.
    pub(super) record: &'a Record,
    /// Where undoings are written before anything is changed.
    pub(super) journal: &'a Journal,
    /// Whoever listens.
    pub(super) tell: Tell<'a>,
    /// What loads of this pass, or of the one it carries over from, have sent.
    pub(super) drives: RefCell<Drives>,
    /// What was found so far.
    pub(super) found: RefCell<Pass>,
}

/// A pass, and what its loads sent.
pub(super) struct Walked {
    pub(super) pass: Pass,
    pub(super) drives: Drives,
}

/// Names in scope of one look beyond those of the pass: loop variables, template parameters, steps above, `i`.
pub(super) type Around = Names;

/// What one look, or one element of a loop, came to.
pub(super) struct Seen {
    /// The observation; none when the look could not be made.
    pub(super) value: Option<Value>,
    /// Why it could not be made.
    pub(super) blind: Option<String>,
    /// False when its `until` was not met: the sequence ends.
    pub(super) met: bool,
}

impl Seen {
    pub(super) fn of(value: Value) -> Self {
        Self {
            value: Some(value),
            blind: None,
            met: true,
        }
    }

    pub(super) fn blind(reason: impl Into<String>) -> Self {
        Self {
            value: None,
            blind: Some(reason.into()),
            met: true,
        }
    }
}

impl Walk<'_> {
    /// Walk, and hand over what was found.
    pub(super) async fn walk(self) -> Walked {
        let probes: Vec<&Probe> = self
            .gate
            .probes
            .iter()
            .filter(|probe| probe.during.is_none())
            .collect();
        self.sequence(&probes).await;
        let lets = self.redacted(self.lets);
        Walked {
            pass: Pass {
                lets,
                ..self.found.into_inner()
            },
            drives: self.drives.into_inner(),
        }
    }

    /// Probes in order, until one whose `until` is not met.
    pub(super) async fn sequence(&self, probes: &[&Probe]) -> bool {
        let mut open = true;
        for probe in probes {
            if open {
                open = self.top(probe).await;
            } else {
                self.unreached(probe);
            }
        }
        open
    }

    /// One probe of the gate itself: carried over, or looked at; true when the sequence goes on.
    pub(super) async fn top(&self, probe: &Probe) -> bool {
        if let Some(met) = self.carry_over(probe) {
            return met;
        }
        let changed = match self.overrides.of(probe).transpose() {
            Ok(changed) => changed,
            Err(reason) => {
                self.keep(&probe.name, &Seen::blind(reason));
                return true;
            }
        };
        let probe = changed.as_ref().unwrap_or(probe);
        let seen = if span::inside(self.gate, probe).next().is_some() {
            span::run(self, probe).await
        } else {
            self.looped(probe, &Around::new()).await
        };
        self.keep(&probe.name, &seen);
        seen.met
    }

    /// Take the observation over from an earlier pass, where this pass does not repeat it.
    fn carry_over(&self, probe: &Probe) -> Option<bool> {
        let from = match (self.carried, self.first) {
            (Some((pass, repeats)), _) if !repeats.contains_key(&probe.name) => pass,
            (_, Some(first)) if probe.once => first,
            _ => return None,
        };
        for inner in std::iter::once(probe).chain(span::inside(self.gate, probe)) {
            self.copy(from, &inner.name);
        }
        let unmet = |value: &Value| value.get("settled") == Some(&Value::Bool(false));
        let was_met = match from.seen.get(&probe.name) {
            Some(Value::Array(elements)) => !elements.iter().any(unmet),
            Some(value) => !unmet(value),
            None => !from.unreached.contains(&probe.name),
        };
        Some(was_met)
    }

    fn copy(&self, from: &Pass, name: &str) {
        let mut found = self.found.borrow_mut();
        if let Some(value) = from.seen.get(name) {
            found.seen.insert(name.to_owned(), value.clone());
        }
        if let Some(reason) = from.blind.get(name) {
            found.blind.insert(name.to_owned(), reason.clone());
        }
        found.unreached.extend(
            from.unreached
                .iter()
                .filter(|unreached| *unreached == name)
                .cloned(),
        );
    }

    /// Write down what a probe of the gate saw.
    pub(super) fn keep(&self, name: &str, seen: &Seen) {
        let mut found = self.found.borrow_mut();
        if let Some(value) = &seen.value {
            found.seen.insert(name.to_owned(), value.clone());
        }
        if let Some(reason) = &seen.blind {
            found.blind.insert(name.to_owned(), Value::String(reason.clone()));
        }
    }

    /// A probe, and what stands inside it, was never reached.
    pub(super) fn unreached(&self, probe: &Probe) {
        let mut found = self.found.borrow_mut();
        let inner = span::inside(self.gate, probe);
        found.unreached.extend(
            std::iter::once(probe)
                .chain(inner)
                .map(|probe| probe.name.clone()),
        );
    }

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

    /// One look (or one group of looks), with its delay, its template parameters and its `until`.
    fn one<'w>(&'w self, probe: &'w Probe, around: &'w Around, path: &'w str) -> LocalBoxFuture<'w, Seen> {
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

    /// One look of one kind, written down with how and when it was made.
    pub(super) async fn look(&self, probe: &Probe, around: &Around, path: &str, tries: u32) -> Seen {
        let LookAt::Kind { kind, params } = &probe.look else {
            return Seen::blind("a group is no look");
        };
        let mut scope = self.world.scope();
        self.bind(&mut scope, around);
        match kind.as_str() {
            "load" => span::load(self, probe, params, &scope, path, &[]).await,
            "change" => span::change(self, probe, params, &scope, path, &[]).await,
            "conserve" => self.conserve(params, &scope, path, tries).await,
            "pack" => self.rehearsal(params, &scope, path),
            _ => {
                let site = self.site.asked_by(format!("{}/{path}", self.label));
                let taken = look(kind, params, &scope, &site).await;
                let made = Made {
                    seen: taken.seen.map_err(|blind| blind.to_string()),
                    params: taken.params,
                };
                self.made(made, kind, path, taken.begin_ms, tries)
            }
        }
    }

    async fn conserve(&self, params: &Tree, scope: &Scope<'_>, path: &str, tries: u32) -> Seen {
        let begin_ms = self.site.clock.ms();
        let drives = self.drives.borrow().clone();
        let (made, files) = looks::conserve(params, scope, self.site, &drives, &self.subfolder).await;
        match self.write(files) {
            Ok(()) => self.made(made, "conserve", path, begin_ms, tries),
            Err(reason) => Seen::blind(reason),
        }
    }

    fn rehearsal(&self, params: &Tree, scope: &Scope<'_>, path: &str) -> Seen {
        let begin_ms = self.site.clock.ms();
        let made = looks::rehearsal(params, scope, self.record);
        self.made(made, "pack", path, begin_ms, 1)
    }

    /// Write a look down, redacted, with how and when it was made.
    pub(super) fn made(&self, made: Made, kind: &str, path: &str, begin_ms: u64, tries: u32) -> Seen {
        let paper = &self.site.paper;
        let seen = match made.seen {
            Ok(observation) => {
                let mut observation = paper.redact_json(&observation);
                if let Value::Object(fields) = &mut observation {
                    fields.insert("t_ms".into(), begin_ms.into());
                }
                Seen::of(observation)
            }
            Err(reason) => Seen::blind(paper.redact(&reason)),
        };
        self.note(Look {
            probe: path.to_owned(),
            kind: kind.to_owned(),
            params: paper.redact_json(&made.params),
            begin_ms,
            end_ms: self.site.clock.ms(),
            tries,
        });
        seen
    }

    /// Add raw files of a look to the record.
    pub(super) fn write(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), String> {
        let written = files
            .into_iter()
            .try_for_each(|(path, bytes)| self.record.verbatim(&path, &bytes));
        written.map_err(|error| format!("the record cannot be written: {error}"))
    }

    /// Names without the secrets of the run.
    pub(super) fn redacted(&self, names: &Names) -> Names {
        let of = |(name, value): (&String, &Value)| (name.clone(), self.site.paper.redact_json(value));
        names.iter().map(of).collect()
    }

    /// Keep a look; of one that is made again and again, keep the last.
    pub(super) fn note(&self, look: Look) {
        let mut found = self.found.borrow_mut();
        match found.looks.last_mut() {
            Some(last) if last.probe == look.probe && look.tries > 1 => {
                *last = Look {
                    begin_ms: last.begin_ms,
                    ..look
                };
            }
            _ => found.looks.push(look),
        }
    }

    /// Bind every name a look may use: constants, lets, what was seen so far, and what stands around it.
    pub(super) fn bind(&self, scope: &mut Scope<'_>, around: &Around) {
        let found = self.found.borrow();
        for names in [self.constants, self.lets, &found.seen, around] {
            names.iter().for_each(|(name, value)| scope.bind(name, value));
        }
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
    pub(super) fn duration(&self, text: &crate::cel::Text, around: &Around) -> Result<Duration, String> {
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

    /// A look that repeats while a span lasts, under whatever overrides are about it.
    pub(super) async fn repeated(
        &self,
        probe: &Probe,
        begin: Instant,
        over: &tokio::sync::watch::Receiver<bool>,
    ) {
        match self.overrides.of(probe).transpose() {
            Ok(changed) => self.repeat(changed.as_ref().unwrap_or(probe), begin, over).await,
            Err(reason) => self.keep(&probe.name, &Seen::blind(reason)),
        }
    }

    /// Repeat a look while a span lasts: every so often, by the clock, not by how long the last one took.
    async fn repeat(&self, probe: &Probe, begin: Instant, over: &tokio::sync::watch::Receiver<bool>) {
        let mut points = Vec::new();
        let mut reasons = BTreeMap::new();
        let every = probe
            .every
            .as_ref()
            .map(|text| self.duration(text, &Around::new()));
        let every = match every {
            Some(Ok(every)) if !every.is_zero() => every,
            Some(Err(reason)) => return self.keep(&probe.name, &Seen::blind(reason)),
            _ => return self.keep(&probe.name, &Seen::blind("`every` is no time at all")),
        };
        let mut ended = over.clone();
        for i in 0_u32.. {
            let next = begin + every * i;
            tokio::select! {
                () = sleep_until(next) => {}
                _ = ended.wait_for(|over| *over) => break,
            }
            let mut around = Around::new();
            around.insert("i".into(), i.into());
            let path = format!("{}[{i}]", probe.name);
            let seen = self.one(probe, &around, &path).await;
            match (seen.value, seen.blind) {
                (Some(Value::Object(fields)), _) => {
                    let mut point = Map::from_iter([("i".to_owned(), json!(i))]);
                    point.extend(fields);
                    points.push(Value::Object(point));
                }
                (_, Some(reason)) => {
                    reasons.entry(reason).or_insert(i);
                }
                _ => {}
            }
            if *over.borrow() {
                break;
            }
        }
        let blind = reasons
            .iter()
            .map(|(reason, i)| format!("from point {i}: {reason}"))
            .collect::<Vec<_>>();
        self.keep(
            &probe.name,
            &Seen {
                value: Some(json!({ "points": points })),
                blind: (!blind.is_empty()).then(|| blind.join("; ")),
                met: true,
            },
        );
    }
}
