//! A whole suite: `suite.toml`, every gate and every file they refer to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    complaint::{Complaints, Pile, Spot},
    desk::{Desk, Shared},
    gate_file::{self, Head},
    model::{Gate, Suite},
    node::{Node, parse},
    order::order,
    suite,
};

/// Where everything is read: the files, which of them are used, and the pile of complaints.
pub(super) struct Ground<'a> {
    pub(super) files: &'a BTreeMap<String, Vec<u8>>,
    pub(super) used: BTreeSet<String>,
    pub(super) pile: Pile,
}

impl Ground<'_> {
    /// A desk for the files of one folder.
    pub(super) fn desk<'d>(&'d mut self, shared: &'d Shared, folder: &'d str) -> Desk<'d> {
        Desk { pile: &mut self.pile, shared, folder, files: self.files, used: &mut self.used }
    }
}

/// Read a suite from the bytes of its files, whose names are relative to the suite's folder. Complaints name a file
/// behind `label`, which is also the suite's folder; files that nothing refers to are passed over.
///
/// Fails with every complaint about every file. While a file is not even TOML, what it should have said is unknown,
/// and nothing is said about the files that lean on it but what is wrong with their own TOML.
pub fn read_from(files: &BTreeMap<String, Vec<u8>>, label: &str) -> Result<Suite, Complaints> {
    let mut ground = Ground { files, used: BTreeSet::new(), pile: Pile::default() };
    let spelled = |file: &str| if label.is_empty() { file.to_owned() } else { format!("{label}/{file}") };
    let Some(bytes) = files.get("suite.toml") else {
        ground.pile.hint(
            &Spot::top(&spelled("suite.toml")),
            "there is no such file",
            "a suite is a folder with a `suite.toml` and one folder per gate",
        );
        return Err(ground.pile.finish().expect_err("there is a complaint"));
    };
    let suite_node = parse(&spelled("suite.toml"), bytes, &mut ground.pile);
    let folders = files.keys().filter_map(|file| file.strip_suffix("/gate.toml")).filter(|folder| !folder.contains('/'));
    let nodes: Vec<(&str, Node)> = folders
        .map(|folder| {
            let file = format!("{folder}/gate.toml");
            (folder, parse(&spelled(&file), &files[&file], &mut ground.pile))
        })
        .collect();
    if nodes.is_empty() {
        ground.pile.add(&suite_node.at, "a suite without gates: no folder here has a `gate.toml`");
    }
    if !ground.pile.is_empty() {
        return Err(ground.pile.finish().expect_err("there is a complaint"));
    }
    assemble(&suite_node, nodes, label, ground)
}

fn assemble(
    suite_node: &Node,
    nodes: Vec<(&str, Node)>,
    label: &str,
    mut ground: Ground<'_>,
) -> Result<Suite, Complaints> {
    let suite::Read { suite, shared, names } = suite::read(suite_node, label, &mut ground);
    let head = |(folder, node)| gate_file::head(&mut ground.desk(&shared, folder), node, folder);
    let heads: Vec<Head> = nodes.into_iter().map(head).collect();
    gate_file::check_heads(&heads, &mut ground.pile);
    let mut published = BTreeMap::new();
    let mut gates = Vec::new();
    for head in order(heads, &mut ground.pile) {
        let (gate, shape) = gate_file::read(&mut ground.desk(&shared, &head.folder), &head, &names, &published);
        published.insert(head.id.clone(), shape);
        gates.extend(gate);
    }
    let Ground { files, used, pile } = ground;
    pile.finish()?;
    let suite = suite.expect("what makes a suite incomplete has been complained about");
    Ok(with_files(Suite { gates, ..suite }, files, &used))
}

/// Hand every used file to the suite, and to the gate in whose folder it lies.
fn with_files(mut suite: Suite, files: &BTreeMap<String, Vec<u8>>, used: &BTreeSet<String>) -> Suite {
    let take = |file: &str| Some((file.to_owned(), files.get(file)?.clone()));
    suite.files.extend(take("suite.toml"));
    suite.files.extend(used.iter().filter_map(|file| take(file)));
    for gate in &suite.gates {
        suite.files.extend(take(&format!("{}/gate.toml", gate.folder)));
    }
    let all = &suite.files;
    let own = |gate: &Gate| {
        let prefix = format!("{}/", gate.folder);
        let inside = all.iter().filter_map(|(file, bytes)| Some((file.strip_prefix(&prefix)?, bytes)));
        inside.map(|(file, bytes)| (file.to_owned(), bytes.clone())).collect()
    };
    let owned: Vec<BTreeMap<String, Vec<u8>>> = suite.gates.iter().map(own).collect();
    for (gate, files) in suite.gates.iter_mut().zip(owned) {
        gate.files = files;
    }
    suite
}
