//! Everything that is asked of a pass: the gate's assertions, and the `until` of its looks.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cel::{Literal, Sentence},
    gate::model::{Assertion, Function, Gate, LookAt, Probe, Until},
};

/// One thing that is asked of a pass, and what it reads.
pub(super) struct Question<'a> {
    pub(super) name: String,
    pub(super) asks: Asks<'a>,
    pub(super) reading: Reading,
}

/// What is asked.
pub(super) enum Asks<'a> {
    /// A sentence over all observations.
    Assertion(&'a Assertion),
    /// A sentence over the fields of one look, which is a probe or a step of a group.
    Until {
        probe: &'a str,
        step: Option<&'a str>,
        until: &'a Until,
    },
}

/// What a question reads, through derives, functions and `it`.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Paths into observations, each rooted at a probe.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Probes it reads otherwise than through `it`.
    pub(super) beside: BTreeSet<String>,
    /// Derives it needs.
    pub(super) derives: BTreeSet<String>,
    /// Names of fields it mentions.
    pub(super) fields: BTreeSet<String>,
    /// Numbers and strings it mentions.
    pub(super) literals: Vec<Literal>,
}

impl Question<'_> {
    pub(super) fn says(&self) -> &str {
        match &self.asks {
            Asks::Assertion(assertion) => &assertion.says,
            Asks::Until { until, .. } => &until.says,
        }
    }

    pub(super) fn that(&self) -> &Sentence {
        match &self.asks {
            Asks::Assertion(assertion) => &assertion.that,
            Asks::Until { until, .. } => &until.that,
        }
    }

    pub(super) fn otherwise_inconclusive(&self) -> bool {
        matches!(&self.asks, Asks::Assertion(assertion) if assertion.otherwise_inconclusive)
    }
}

impl Reading {
    /// The probes it reads.
    pub(super) fn probes(&self) -> BTreeSet<&str> {
        self.paths.iter().map(|path| path[0].as_str()).collect()
    }

    /// True when it reads the probe, or the step, of this name: `storm`, `drive.enqueue`.
    pub(super) fn touches(&self, name: &str) -> bool {
        let (probe, step) = name.split_once('.').unwrap_or((name, ""));
        let reads_step = |path: &Vec<String>| path.get(1).is_none_or(|read| step.is_empty() || read == step);
        self.paths.iter().any(|path| path[0] == probe && reads_step(path))
    }
}

/// All questions of a gate: those of `until` first, in the order of the gate.
pub(super) fn questions<'a>(gate: &'a Gate, functions: &'a BTreeMap<String, Function>) -> Vec<Question<'a>> {
    let reader = Reader::of(gate, functions);
    let mut questions = Vec::new();
    for probe in &gate.probes {
        questions.extend(until_of(probe, None, &reader));
        if let LookAt::Steps(steps) = &probe.look {
            questions.extend(
                steps
                    .iter()
                    .filter_map(|step| until_of(probe, Some(step), &reader)),
            );
        }
    }
    questions.extend(gate.assertions.iter().map(|assertion| Question {
        name: assertion.name.clone(),
        asks: Asks::Assertion(assertion),
        reading: reader.assertion(assertion),
    }));
    questions
}

fn until_of<'a>(probe: &'a Probe, step: Option<&'a Probe>, reader: &Reader<'_>) -> Option<Question<'a>> {
    let until = step.unwrap_or(probe).until.as_ref()?;
    let mut path = vec![probe.name.clone()];
    path.extend(step.map(|step| step.name.clone()));
    Some(Question {
        name: path.join("."),
        reading: reader.until(path, until),
        asks: Asks::Until {
            probe: &probe.name,
            step: step.map(|step| step.name.as_str()),
            until,
        },
    })
}

/// Follows names through derives and functions down to observations.
struct Reader<'a> {
    probes: BTreeSet<&'a str>,
    derives: BTreeMap<&'a str, &'a Sentence>,
    functions: &'a BTreeMap<String, Function>,
}

impl<'a> Reader<'a> {
    fn of(gate: &'a Gate, functions: &'a BTreeMap<String, Function>) -> Self {
        Self {
            probes: gate.probes.iter().map(|probe| probe.name.as_str()).collect(),
            derives: gate
                .derives
                .iter()
                .map(|(name, is)| (name.as_str(), is))
                .collect(),
            functions,
        }
    }

    fn assertion(&self, assertion: &Assertion) -> Reading {
        let each = assertion.each.as_ref();
        let mut reading = Reading::default();
        for sentence in [Some(&assertion.that), each, Some(&assertion.at_least)]
            .into_iter()
            .flatten()
        {
            self.mention(sentence, &mut reading, &mut BTreeSet::new());
            for path in sentence.paths() {
                self.follow(path, each, &mut reading, 0);
            }
        }
        let mut beside = Reading::default();
        for path in assertion.that.paths().iter().chain(assertion.at_least.paths()) {
            self.follow(path, None, &mut beside, 0);
        }
        reading.beside = beside.probes().into_iter().map(str::to_owned).collect();
        reading
    }

    /// An `until` reads its own look: the bare names in it are fields.
    fn until(&self, path: Vec<String>, until: &Until) -> Reading {
        let mut reading = Reading::default();
        self.mention(&until.that, &mut reading, &mut BTreeSet::new());
        reading.fields.extend(until.that.reads());
        reading.fields.extend(path.iter().skip(1).cloned());
        reading.paths.insert(path);
        reading
    }

    /// Fields and literals of a sentence and of everything it calls or derives from.
    fn mention(&self, sentence: &Sentence, reading: &mut Reading, seen: &mut BTreeSet<String>) {
        reading.fields.extend(sentence.fields().iter().cloned());
        for literal in sentence.literals() {
            if !reading.literals.contains(literal) {
                reading.literals.push(literal.clone());
            }
        }
        for name in sentence.calls().into_iter().chain(sentence.reads()) {
            let derived = self.derives.get(name.as_str()).copied();
            let called = || self.functions.get(&name).map(|function| &function.is);
            if let Some(inner) = derived.or_else(called)
                && seen.insert(name.clone())
            {
                self.mention(inner, reading, seen);
            }
        }
    }

    /// Follow one path until it is rooted at a probe; a path rooted at a constant ends nowhere. Derives that refer
    /// to one another in a ring are cut off: they have no value anyhow.
    fn follow(&self, path: &[String], each: Option<&Sentence>, reading: &mut Reading, depth: usize) {
        let Some((root, rest)) = path.split_first() else {
            return;
        };
        let of = match (root.as_str(), each) {
            ("it", Some(each)) => each,
            _ if self.probes.contains(root.as_str()) => {
                reading.paths.insert(path.to_vec());
                return;
            }
            _ => match self.derives.get(root.as_str()) {
                Some(is) => {
                    reading.derives.insert(root.clone());
                    is
                }
                None => return,
            },
        };
        if depth > self.derives.len() + 1 {
            return;
        }
        // `it` inside `each` itself would be somebody else's.
        let each = each.filter(|_| root != "it");
        match of.place() {
            Some(place) => self.follow(&[&place, rest].concat(), each, reading, depth + 1),
            None => {
                for inner in of.paths() {
                    self.follow(inner, each, reading, depth + 1);
                }
            }
        }
    }
}
