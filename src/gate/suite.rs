//! `suite.toml`: what every gate shares.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::cel::Text;

use super::{
    course::Course,
    desk::{Desk, Shared},
    functions::{Functions, Stance},
    keys,
    model::{Address, Database, Sealed, Snapshot, Suite, Tree},
    names::Names,
    node::{Entry, Is, Node},
    profile,
    read::Ground,
    shape::Shape,
    suite_function,
    template::Template,
    types::Key,
    value::is_variable,
};

/// The only version of the grammar there is.
const GRAMMAR: i64 = 1;

/// What `suite.toml` says, for the gates to be read against.
pub(super) struct Read {
    /// The suite, without its gates and files; nothing when something it cannot do without is missing.
    pub(super) suite: Option<Suite>,
    pub(super) shared: Shared,
    /// What every sentence and text sees.
    pub(super) names: Names,
}

/// Read `suite.toml`. Later parts lean on earlier ones, which is why the order is this one.
pub(super) fn read(node: &Node, label: &str, ground: &mut Ground<'_>) -> Read {
    let mut shared = Shared {
        functions: Functions::builtin(),
        ..Shared::default()
    };
    let mut names = Names::default();
    ground.desk(&shared, "").table(node, "the suite", &[keys::SUITE]);
    (shared.services, shared.doubtful) = ground.desk(&shared, "").addresses(node);
    shared.databases = ground.desk(&shared, "").databases(node);
    shared.snapshots = ground.desk(&shared, "").snapshots(node);
    let seal = ground.desk(&shared, "").seal(node);
    let key_pairs = ground.desk(&shared, "").key_pairs(node);
    let lets = ground.desk(&shared, "").suite_lets(node, &mut names);
    let profiles = ground.desk(&shared, "").suite_profiles(node, &mut names);
    shared.profiles = profiles.keys().cloned().collect();
    names.bind(
        "run",
        Shape::Fields([("id".to_owned(), Shape::Leaf)].into()),
        false,
    );
    names.bind("compose", Shape::Any, true);
    let functions = suite_function::read(node, &names, &mut shared, ground);
    let env = ground.desk(&shared, "").env(node, &names);
    shared.templates = ground.desk(&shared, "").templates(node);
    let mut desk = ground.desk(&shared, "");
    let head = desk.head(node);
    let suite = head.map(|[name, compose, artifact_dir]| Suite {
        folder: PathBuf::from(label),
        name,
        compose: PathBuf::from(label).join(compose),
        artifact_dir: PathBuf::from(artifact_dir),
        services: shared.services.clone(),
        databases: shared.databases.clone(),
        snapshots: shared.snapshots.clone(),
        seal,
        keys: key_pairs,
        env,
        lets,
        functions,
        profiles,
        gates: Vec::new(),
        files: BTreeMap::new(),
    });
    Read { suite, shared, names }
}

impl Desk<'_> {
    fn head(&mut self, node: &Node) -> Option<[String; 3]> {
        if let Some(grammar) = node
            .get("grammar")
            .filter(|grammar| !matches!(grammar.is, Is::Int(GRAMMAR)))
        {
            self.pile.hint(
                &grammar.at,
                "this version reads `grammar = 1` only",
                "write `grammar = 1`",
            );
        }
        let word = |key: &str| {
            node.get(key)
                .and_then(|value| self.words(value, &format!("`{key}`")))
        };
        let [name, compose, artifact_dir] = ["name", "compose", "artifact_dir"].map(word);
        Some([name?, compose?, artifact_dir?])
    }

    /// The entries of a table of tables, each with its strings and numbers checked against `keys`.
    fn rows<'n>(&mut self, of: &'n Node, key: &str, what: &str, keys: &[Key]) -> Vec<&'n Entry> {
        let entries = self.named(of, key, what);
        for entry in &entries {
            self.row(entry, what, keys);
        }
        entries
    }

    fn row(&mut self, entry: &Entry, what: &str, keys: &[Key]) {
        if self.table(&entry.value, &format!("{what} `{}`", entry.key), &[keys]) {
            self.fields(&entry.value, keys, &Course::default());
        }
    }

    /// Services by name, and the names of those of which something could not be read.
    fn addresses(&mut self, node: &Node) -> (BTreeMap<String, Address>, BTreeSet<String>) {
        let (mut addresses, mut doubtful) = (BTreeMap::new(), BTreeSet::new());
        for entry in self.named(node, "service", "service") {
            let so_far = self.pile.len();
            self.row(entry, "service", keys::ADDRESS);
            let port = entry.value.get("port").and_then(|port| self.port(port));
            let ready = text_of(&entry.value, "ready");
            addresses.insert(entry.key.clone(), Address { port, ready });
            if self.pile.len() > so_far {
                doubtful.insert(entry.key.clone());
            }
        }
        (addresses, doubtful)
    }

    fn port(&mut self, node: &Node) -> Option<u16> {
        let Is::Int(port) = node.is else { return None };
        let port = u16::try_from(port).ok();
        if port.is_none() {
            self.pile.add(&node.at, "`port` is no port: 1 to 65535");
        }
        port
    }

    fn databases(&mut self, node: &Node) -> BTreeMap<String, Database> {
        let row = |entry: &Entry| {
            let text = |key| text_of(&entry.value, key).unwrap_or_default();
            let database = Database {
                service: text("service"),
                database: text("database"),
                user: text("user"),
            };
            (entry.key.clone(), database)
        };
        self.rows(node, "db", "database", keys::DATABASE)
            .into_iter()
            .map(row)
            .collect()
    }

    fn snapshots(&mut self, node: &Node) -> BTreeMap<String, Snapshot> {
        let row = |entry: &Entry| {
            let text = |key| text_of(&entry.value, key).unwrap_or_default();
            (
                entry.key.clone(),
                Snapshot {
                    db: text("db"),
                    after: text("after"),
                },
            )
        };
        self.rows(node, "snapshot", "snapshot", keys::SNAPSHOT)
            .into_iter()
            .map(row)
            .collect()
    }

    fn seal(&mut self, node: &Node) -> BTreeMap<String, Sealed> {
        let row = |entry: &Entry| {
            let text = |key| text_of(&entry.value, key).unwrap_or_default();
            let sealed = match text_of(&entry.value, "request") {
                Some(request) => Sealed::Document { request },
                None => Sealed::Rows {
                    db: text("db"),
                    query: text("query"),
                },
            };
            (entry.key.clone(), sealed)
        };
        let entries = self.rows(node, "seal", "seal", keys::SEALED);
        for entry in &entries {
            self.choices(&entry.value, &format!("seal `{}`", entry.key), keys::OF_A_SEAL);
        }
        entries.into_iter().map(row).collect()
    }

    fn key_pairs(&mut self, node: &Node) -> BTreeMap<String, u32> {
        let mut pairs = BTreeMap::new();
        for entry in self.rows(node, "key", "key", keys::KEY_PAIR) {
            let bits = match entry.value.get("bits").map(|bits| (&bits.at, &bits.is)) {
                None => 2048,
                Some((_, Is::Int(bits @ (2048 | 3072 | 4096)))) => u32::try_from(*bits).unwrap_or(2048),
                Some((at, _)) => {
                    self.pile.add(at, "`bits` of an RSA key are 2048, 3072 or 4096");
                    2048
                }
            };
            pairs.insert(entry.key.clone(), bits);
        }
        pairs
    }

    fn suite_lets(&mut self, node: &Node, names: &mut Names) -> Vec<(String, Tree)> {
        let lets = self.constants(node);
        names.bind("suite", profile::constants_shape(node), true);
        lets
    }

    fn env(&mut self, node: &Node, names: &Names) -> Vec<(String, Text)> {
        let Some(table) = node.get("env") else {
            return Vec::new();
        };
        if !matches!(table.is, Is::Table(_)) {
            self.pile
                .add(&table.at, format!("`env` is {}, not a table", table.word()));
        }
        let mut env = Vec::new();
        for entry in table.entries() {
            if !is_variable(&entry.key) {
                self.pile
                    .add(&entry.at, format!("`{}` is no name of a variable", entry.key));
            }
            let text = self.text(&entry.value, &format!("`{}`", entry.key), names, Stance::Doing);
            env.extend(text.map(|text| (entry.key.clone(), text)));
        }
        env
    }

    fn templates(&mut self, node: &Node) -> BTreeMap<String, Template> {
        let entries = self.named(node, "template", "template");
        let template = |entry: &Entry| Some((entry.key.clone(), self.template(&entry.key, &entry.value)?));
        entries.into_iter().filter_map(template).collect()
    }
}

fn text_of(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::text).map(str::to_owned)
}
