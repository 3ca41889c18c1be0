//! `suite.toml`: what every gate shares.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    cel::{Sentence, Text},

};

use super::{
    course::Course,
    desk::{Desk, Shared},
    functions::{Functions, Stance},
    keys,
    kinds::Key,
    model::{Address, Database, Function, Profile, Snapshot, Suite, Tree},
    names::Names,
    node::{Entry, Is, Node},
    read::Ground,
    shape::Shape,
    template::Template,
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
    let mut shared = Shared { functions: Functions::builtin(), ..Shared::default() };
    let mut names = Names::default();
    ground.desk(&shared, "").table(node, "the suite", &[keys::SUITE]);
    shared.services = ground.desk(&shared, "").addresses(node);
    shared.databases = ground.desk(&shared, "").databases(node);
    shared.snapshots = ground.desk(&shared, "").snapshots(node);
    let key_pairs = ground.desk(&shared, "").key_pairs(node);
    let lets = ground.desk(&shared, "").suite_lets(node, &mut names);
    let profiles = ground.desk(&shared, "").suite_profiles(node, &mut names);
    shared.profiles = profiles.keys().cloned().collect();
    names.bind("run", Shape::Fields([("id".to_owned(), Shape::Leaf)].into()), false);
    names.bind("compose", Shape::Any, true);
    let functions = functions(node, &names, &mut shared, ground);
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

/// The suite's functions. Each may call the others, so all are declared before any is looked at.
fn functions(
    node: &Node,
    names: &Names,
    shared: &mut Shared,
    ground: &mut Ground<'_>,
) -> BTreeMap<String, Function> {
    let read = ground.desk(shared, "").functions(node);
    for (entry, function) in &read {
        shared.functions.declare(&entry.key, function.of.len());
    }
    shared.functions.learn(read.iter().map(|(entry, function)| (entry.key.as_str(), &function.is)));
    let mut desk = ground.desk(shared, "");
    for (entry, function) in &read {
        let mut inside = names.clone();
        function.of.iter().for_each(|parameter| inside.bind(parameter, Shape::Any, false));
        let at = entry.value.get("is").map_or(&entry.at, |is| &is.at);
        desk.examine(&function.is, at, &inside, Stance::Doing);
        desk.recursion(entry, &read);
    }
    read.into_iter().map(|(entry, function)| (entry.key.clone(), function)).collect()
}

impl Desk<'_> {
    fn head(&mut self, node: &Node) -> Option<[String; 3]> {
        if let Some(grammar) = node.get("grammar").filter(|grammar| !matches!(grammar.is, Is::Int(GRAMMAR))) {
            self.pile.hint(&grammar.at, "this version reads `grammar = 1` only", "write `grammar = 1`");
        }
        let word = |key: &str| node.get(key).and_then(|value| self.words(value, &format!("`{key}`")));
        let [name, compose, artifact_dir] = ["name", "compose", "artifact_dir"].map(word);
        Some([name?, compose?, artifact_dir?])
    }

    /// The entries of a table of tables, each with its strings and numbers checked against `keys`.
    fn rows<'n>(&mut self, of: &'n Node, key: &str, what: &str, keys: &[Key]) -> Vec<&'n Entry> {
        let entries = self.named(of, key, what);
        for entry in &entries {
            if self.table(&entry.value, &format!("{what} `{}`", entry.key), &[keys]) {
                self.fields(&entry.value, keys, &Course::default());
            }
        }
        entries
    }

    fn addresses(&mut self, node: &Node) -> BTreeMap<String, Address> {
        let rows = self.rows(node, "service", "service", keys::ADDRESS);
        let address = |entry: &Entry| {
            let port = entry.value.get("port").and_then(|port| self.port(port));
            let ready = text_of(&entry.value, "ready");
            (entry.key.clone(), Address { port, ready })
        };
        rows.into_iter().map(address).collect()
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
            let database = Database { service: text("service"), database: text("database"), user: text("user") };
            (entry.key.clone(), database)
        };
        self.rows(node, "db", "database", keys::DATABASE).into_iter().map(row).collect()
    }

    fn snapshots(&mut self, node: &Node) -> BTreeMap<String, Snapshot> {
        let row = |entry: &Entry| {
            let text = |key| text_of(&entry.value, key).unwrap_or_default();
            (entry.key.clone(), Snapshot { db: text("db"), after: text("after") })
        };
        self.rows(node, "snapshot", "snapshot", keys::SNAPSHOT).into_iter().map(row).collect()
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
        names.bind("suite", constants_shape(node), true);
        lets
    }

    /// Constants that nothing but one another can be computed from.
    fn constants(&mut self, node: &Node) -> Vec<(String, Tree)> {
        self.lets(node, &mut Names::default(), Stance::Constant)
    }

    fn suite_profiles(&mut self, node: &Node, names: &mut Names) -> BTreeMap<String, Profile> {
        let entries = self.named(node, "profile", "profile");
        let mut profiles = BTreeMap::new();
        for entry in &entries {
            if self.table(&entry.value, &format!("profile `{}`", entry.key), &[keys::PROFILE]) {
                profiles.extend(self.profile(entry).map(|profile| (entry.key.clone(), profile)));
            }
        }
        if let Some((first, others)) = entries.split_first() {
            others.iter().for_each(|other| self.same_lets(first, other));
        } else {
            self.pile.hint(&node.at, "the suite has no profile", "add `[profile.NAME]` with `within` and `let`");
        }
        let first = entries.first().map_or(Shape::Any, |entry| constants_shape(&entry.value));
        names.bind("profile", first, true);
        profiles
    }

    fn profile(&mut self, entry: &Entry) -> Option<Profile> {
        let lets = self.constants(&entry.value);
        let mut demands = BTreeMap::new();
        if let Some(node) = entry.value.get("demands").filter(|node| self.table(node, "`demands`", &[keys::DEMANDS])) {
            let read = self.fields(node, keys::DEMANDS, &Course::default());
            let plain = read.into_iter().filter_map(|(key, value)| match value {
                Tree::Plain(value) => Some((key.source().to_owned(), value)),
                _ => None,
            });
            demands.extend(plain);
        }
        let within = self.fixed_duration(entry.value.get("within")?, "`within`")?;
        Some(Profile { demands, within, lets })
    }

    /// Every profile has the same names and types, or a gate would be good in one and break in another.
    fn same_lets(&mut self, first: &Entry, other: &Entry) {
        let (ours, theirs) = (first.value.get("let"), other.value.get("let"));
        let entries = |node: Option<&Node>| node.map(|node| node.entries().to_vec()).unwrap_or_default();
        for entry in entries(theirs) {
            match ours.and_then(|ours| ours.get(&entry.key)) {
                None => {
                    let message = format!("profile `{}` has no `{}`", first.key, entry.key);
                    self.pile.hint(&entry.at, message, "every profile has the same names");
                }
                Some(ours) if ours.word() != entry.value.word() => {
                    let (is, was) = (entry.value.word(), ours.word());
                    let message = format!("`{}` is {is}, and {was} in profile `{}`", entry.key, first.key);
                    self.pile.hint(&entry.value.at, message, "every profile has the same types");
                }
                Some(_) => {}
            }
        }
        for entry in entries(ours).iter().filter(|entry| theirs.and_then(|t| t.get(&entry.key)).is_none()) {
            let message = format!("profile `{}` has no `{}`", other.key, entry.key);
            self.pile.hint(&entry.at, message, "every profile has the same names");
        }
    }

    fn functions<'n>(&mut self, node: &'n Node) -> Vec<(&'n Entry, Function)> {
        let mut functions = Vec::new();
        for entry in self.named(node, "fn", "function") {
            if crate::cel::is_taken(&entry.key) {
                self.pile.add(&entry.at, format!("there is a function `{}` already", entry.key));
                continue;
            }
            if !self.table(&entry.value, &format!("function `{}`", entry.key), &[keys::FUNCTION]) {
                continue;
            }
            let of = self.parameter_names(&entry.value, &format!("function `{}`", entry.key));
            let is = entry.value.get("is").and_then(|is| self.compiled(is, "`is`"));
            functions.extend(is.map(|is| (entry, Function { of, is })));
        }
        functions
    }

    fn recursion(&mut self, entry: &Entry, functions: &[(&Entry, Function)]) {
        let body = |name: &str| functions.iter().find(|(e, _)| e.key == name).map(|(_, f)| &f.is);
        let mut reached = Vec::new();
        let mut ahead: Vec<String> = body(&entry.key).map(Sentence::calls).into_iter().flatten().collect();
        while let Some(name) = ahead.pop() {
            if !reached.contains(&name) {
                ahead.extend(body(&name).map(Sentence::calls).into_iter().flatten());
                reached.push(name);
            }
        }
        if reached.contains(&entry.key) {
            self.pile.add(&entry.at, format!("function `{}` calls itself", entry.key));
        }
    }

    fn env(&mut self, node: &Node, names: &Names) -> Vec<(String, Text)> {
        let Some(table) = node.get("env") else { return Vec::new() };
        if !matches!(table.is, Is::Table(_)) {
            self.pile.add(&table.at, format!("`env` is {}, not a table", table.word()));
        }
        let mut env = Vec::new();
        for entry in table.entries() {
            if !is_variable(&entry.key) {
                self.pile.add(&entry.at, format!("`{}` is no name of a variable", entry.key));
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

fn constants_shape(node: &Node) -> Shape {
    node.get("let").map_or_else(|| Shape::Fields(BTreeMap::new()), Shape::written)
}

