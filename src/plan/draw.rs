//! Draw a plan: read the suite, its gates and the compose file, and put down all of it before anything starts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Estimate, Plan, PlannedControl, PlannedGate, PlannedLook, Wish};
use crate::{
    cel::{Scope, Text, World},
    compose::{self, Source},
    digest::Digest,
    gate::{
        self,
        model::{Gate, LookAt, Probe, Suite, Tree},
    },
    observation::Names,
};

/// A plan with what it was drawn from.
pub struct Drawn {
    /// The frozen plan.
    pub plan: Plan,
    /// The suite it was drawn from.
    pub suite: Suite,
    /// The compose file, before anything is filled in.
    pub compose: Source,
}

/// Why no plan can be drawn. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The suite or a gate is wrong: every complaint at once.
    #[error("{0}")]
    Suite(gate::Complaints),
    /// The compose file is wrong, or asks for a variable nobody gives.
    #[error("{0}")]
    Compose(compose::Complaints),
    /// The command line asks for what is not there.
    #[error("{0}")]
    Wish(String),
}

/// Draw the plan of a wish.
pub fn draw(wish: &Wish) -> Result<Drawn, Refusal> {
    let suite = gate::read(&wish.suite).map_err(Refusal::Suite)?;
    let compose = compose_of(&suite)?;
    from_parts(suite, compose, wish)
}

/// The compose file of a suite, before anything is filled in.
pub fn compose_of(suite: &Suite) -> Result<Source, Refusal> {
    Source::read(&suite.compose).map_err(Refusal::Compose)
}

/// Draw the plan of a wish from a suite and a compose file that were read already.
pub fn from_parts(suite: Suite, compose: Source, wish: &Wish) -> Result<Drawn, Refusal> {
    check(&suite, wish)?;
    let (of_profile, outside): (Vec<&Gate>, Vec<&Gate>) =
        suite.gates.iter().partition(|gate| belongs(gate, &wish.profile));
    if of_profile.is_empty() {
        return Err(Refusal::Wish(format!(
            "no gate of the suite belongs to profile `{}`",
            wish.profile
        )));
    }
    let services = start_order(&suite, &compose)?;
    check_snapshots(&suite, &services)?;
    let clock = Clock::of(&suite, &wish.profile);
    let gates: Vec<PlannedGate> = of_profile.iter().map(|gate| planned(gate, wish)).collect();
    let estimate = clock.estimate(of_profile.iter().filter(|gate| asked_for(gate, wish)));
    let plan = Plan {
        format: 1,
        suite: suite.name.clone(),
        profile: wish.profile.clone(),
        only: wish.only.clone(),
        compose_sha256: compose.digest(),
        suite_sha256: Digest::of(suite.files.get("suite.toml").map_or(&[][..], Vec::as_slice)),
        services,
        gates,
        outside_profile: outside.iter().map(|gate| gate.id.clone()).collect(),
        estimate,
    };
    Ok(Drawn { plan, suite, compose })
}

/// True when a gate, or a control of it, belongs to a profile.
fn belongs(gate: &Gate, profile: &str) -> bool {
    gate.profiles
        .as_ref()
        .is_none_or(|profiles| profiles.iter().any(|name| name == profile))
}

fn asked_for(gate: &Gate, wish: &Wish) -> bool {
    wish.only.is_empty() || wish.only.contains(&gate.id)
}

fn check(suite: &Suite, wish: &Wish) -> Result<(), Refusal> {
    if !suite.profiles.contains_key(&wish.profile) {
        let profiles: Vec<&str> = suite.profiles.keys().map(String::as_str).collect();
        return Err(Refusal::Wish(format!(
            "the suite has no profile `{}`; it has `{}`",
            wish.profile,
            profiles.join("`, `")
        )));
    }
    for id in &wish.only {
        let Some(gate) = suite.gates.iter().find(|gate| gate.id == *id) else {
            let ids: Vec<String> = suite.gates.iter().map(|gate| gate.id.clone()).collect();
            let hint = meant(id, &ids);
            return Err(Refusal::Wish(format!(
                "`--only`: the suite has no gate `{id}`\nhint: {hint}"
            )));
        };
        if !belongs(gate, &wish.profile) {
            return Err(Refusal::Wish(format!(
                "`--only`: gate `{id}` does not belong to profile `{}`",
                wish.profile
            )));
        }
    }
    Ok(())
}

/// What somebody may have meant by a name that is not known.
fn meant(name: &str, known: &[String]) -> String {
    crate::name::nearest(name, known.iter().map(String::as_str)).map_or_else(
        || format!("it has `{}`", known.join("`, `")),
        |near| format!("did you mean `{near}`?"),
    )
}

/// A snapshot is taken once a service has done its work, so there must be that service.
fn check_snapshots(suite: &Suite, services: &[String]) -> Result<(), Refusal> {
    for (name, snapshot) in &suite.snapshots {
        let after = &snapshot.after;
        if !services.contains(after) {
            let hint = meant(after, services);
            return Err(Refusal::Wish(format!(
                "snapshot `{name}`: the compose file has no service `{after}`\nhint: {hint}"
            )));
        }
    }
    Ok(())
}

/// Services in start order. Values do not matter here, only that each variable will have one.
fn start_order(suite: &Suite, compose: &Source) -> Result<Vec<String>, Refusal> {
    let env: BTreeMap<String, String> = suite
        .env
        .iter()
        .map(|(name, _)| (name.clone(), "0".to_owned()))
        .collect();
    let model = compose.resolve(&env).map_err(Refusal::Compose)?;
    Ok(compose::order(&model))
}

fn planned(gate: &Gate, wish: &Wish) -> PlannedGate {
    let mut looks = Vec::new();
    gate.probes
        .iter()
        .for_each(|probe| list_looks(probe, "", &mut looks));
    let mut assertions = Vec::new();
    gate.probes
        .iter()
        .for_each(|probe| list_untils(probe, "", &mut assertions));
    assertions.extend(gate.assertions.iter().map(|assertion| assertion.name.clone()));
    let of_profile = |profiles: &Option<Vec<String>>| {
        profiles
            .as_ref()
            .is_none_or(|names| names.contains(&wish.profile))
    };
    PlannedGate {
        id: gate.id.clone(),
        name: gate.name.clone(),
        claim: gate.claim.clone(),
        needs: gate.needs.clone(),
        asked_for: asked_for(gate, wish),
        sha256: files_digest(gate),
        looks,
        assertions,
        controls: gate
            .controls
            .iter()
            .filter(|control| of_profile(&control.profiles))
            .map(|control| PlannedControl {
                name: control.name.clone(),
                says: control.says.clone(),
                sabotage: control
                    .sabotage
                    .iter()
                    .map(|change| change.kind.clone())
                    .collect(),
                must_fail: control.must_fail.clone(),
            })
            .collect(),
    }
}

/// One digest over all files of a gate: the digest of the list `<sha256>  <name>`, sorted by name.
fn files_digest(gate: &Gate) -> Digest {
    let lines = gate
        .files
        .iter()
        .map(|(name, bytes)| format!("{}  {name}\n", Digest::of(bytes)));
    Digest::of(lines.collect::<Vec<_>>().concat())
}

fn list_looks(probe: &Probe, prefix: &str, into: &mut Vec<PlannedLook>) {
    match &probe.look {
        LookAt::Kind { kind, .. } => into.push(PlannedLook {
            name: format!("{prefix}{}", probe.name),
            kind: kind.clone(),
            during: probe.during.clone(),
            for_each: probe
                .for_each
                .iter()
                .map(|(variable, _)| variable.clone())
                .collect(),
        }),
        LookAt::Steps(steps) => {
            let prefix = format!("{prefix}{}.", probe.name);
            for step in steps {
                list_looks(step, &prefix, into);
            }
        }
    }
}

fn list_untils(probe: &Probe, prefix: &str, into: &mut Vec<String>) {
    if probe.until.is_some() {
        into.push(format!("{prefix}{}", probe.name));
    }
    if let LookAt::Steps(steps) = &probe.look {
        let prefix = format!("{prefix}{}.", probe.name);
        for step in steps {
            list_untils(step, &prefix, into);
        }
    }
}

/// Reads load figures from constants, to estimate how long a run will take.
struct Clock {
    world: World,
    names: Names,
}

impl Clock {
    fn of(suite: &Suite, profile: &str) -> Self {
        let mut world = World::pure();
        for (name, function) in &suite.functions {
            world.define(name, &function.of, &function.is);
        }
        let mut clock = Self {
            world,
            names: Names::new(),
        };
        let suite_lets = clock.evaluated(&suite.lets);
        let profile_lets = suite
            .profiles
            .get(profile)
            .map(|profile| clock.evaluated(&profile.lets))
            .unwrap_or_default();
        clock.names.insert("suite".into(), Value::Object(suite_lets));
        clock.names.insert("profile".into(), Value::Object(profile_lets));
        clock
    }

    /// Lets that are constant; one that acts (mints, draws) has no value before the run, and no bearing on its length.
    fn evaluated(&self, lets: &[(String, Tree)]) -> Names {
        let mut values = Names::new();
        for (name, tree) in lets {
            let mut scope = self.scope();
            values.iter().for_each(|(name, value)| scope.bind(name, value));
            if let Ok(value) = gate::tree::evaluate(tree, &scope) {
                values.insert(name.clone(), value);
            }
        }
        values
    }

    fn scope(&self) -> Scope<'_> {
        let mut scope = self.world.scope();
        self.names
            .iter()
            .for_each(|(name, value)| scope.bind(name, value));
        scope
    }

    fn estimate<'g>(&self, gates: impl Iterator<Item = &'g &'g Gate>) -> Estimate {
        let (mut load_s, mut looks, mut changes) = (0.0, 0, 0);
        for gate in gates {
            let seconds = self.loads(gate);
            load_s += seconds.values().sum::<f64>();
            looks += u32::try_from(gate.probes.len()).unwrap_or(u32::MAX);
            let mut closed = BTreeSet::new();
            for control in &gate.controls {
                changes += 1;
                let set = |probe: &str| shortened(control, probe);
                let rerun: Vec<&str> = match &control.rerun {
                    Some(names) => names.iter().map(|(name, _)| name.as_str()).collect(),
                    None => seconds.keys().map(String::as_str).collect(),
                };
                looks += u32::try_from(rerun.len()).unwrap_or(u32::MAX);
                for probe in rerun {
                    let Some(whole) = seconds.get(probe) else { continue };
                    load_s += set(probe).unwrap_or(*whole);
                    load_s += if closed.insert(probe.to_owned()) {
                        *whole
                    } else {
                        0.0
                    };
                }
            }
        }
        Estimate::of(load_s, looks, changes)
    }

    /// Seconds of each load of a gate, all elements of a loop together.
    fn loads(&self, gate: &Gate) -> BTreeMap<String, f64> {
        let mut scope = self.scope();
        for (name, value) in self.evaluated(&gate.lets) {
            scope.bind(&name, &value);
        }
        let mut seconds = BTreeMap::new();
        for probe in &gate.probes {
            let LookAt::Kind { kind, params } = &probe.look else {
                continue;
            };
            if kind != "load" {
                continue;
            }
            let number = |key: &str| number(&scope, params.get(key)?);
            let elements: f64 = probe
                .for_each
                .iter()
                .filter_map(|(_, over)| scope.eval(over).ok()?.as_array().map(Vec::len))
                .map(|length| f64::from(u32::try_from(length).unwrap_or(u32::MAX)))
                .product();
            let once = number("seconds").unwrap_or_default();
            seconds.insert(
                probe.name.clone(),
                if probe.for_each.is_empty() {
                    once
                } else {
                    once * elements
                },
            );
        }
        seconds
    }
}

/// How long a load lasts in the red pass of a control that shortens it.
fn shortened(control: &crate::gate::model::Control, probe: &str) -> Option<f64> {
    control.sabotage.iter().find_map(|change| {
        let names_it = change.params.get("probe").and_then(Tree::literal) == Some(probe);
        match change.params.get("set")?.get("seconds")? {
            Tree::Plain(number) if names_it => number.as_f64(),
            _ => None,
        }
    })
}

fn number(scope: &Scope<'_>, tree: &Tree) -> Option<f64> {
    match tree {
        Tree::Plain(number) => number.as_f64(),
        Tree::Text(text) => value_of(scope, text),
        _ => None,
    }
}

fn value_of(scope: &Scope<'_>, text: &Text) -> Option<f64> {
    scope.text(text).ok()?.as_f64()
}
