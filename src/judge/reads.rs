//! What an assertion looks at: read from its sentences, whatever was seen.

use std::collections::BTreeSet;

use crate::{cel::Sentence, gate::model::Gate};

/// The probes an assertion reads, through derives; the one whose `until` it is.
pub fn probes_read(gate: &Gate, assertion: &str) -> Vec<String> {
    let mut names = BTreeSet::from([assertion.split('.').next().unwrap_or_default().to_owned()]);
    let written = gate.assertions.iter().find(|known| known.name == assertion);
    let sentences = written
        .into_iter()
        .flat_map(|known| [Some(&known.that), known.each.as_ref(), Some(&known.at_least)]);
    let mut pending: Vec<&Sentence> = sentences.flatten().collect();
    if written.is_some() {
        names.clear();
    }
    while let Some(sentence) = pending.pop() {
        for name in sentence.reads() {
            let derived = gate.derives.iter().find(|(derive, _)| *derive == name);
            if names.insert(name) {
                pending.extend(derived.map(|(_, is)| is));
            }
        }
    }
    let probes = gate.probes.iter().map(|probe| &probe.name);
    probes.filter(|probe| names.contains(*probe)).cloned().collect()
}
