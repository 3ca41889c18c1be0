//! What a suite and its gates say, once read. Nothing here can be malformed any more.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::cel::{Sentence, Text};

/// A value that may hold texts: what the grammar calls `any` or `{T}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A number, a boolean; never a string.
    Plain(Value),
    /// A string, which may hold `${…}`.
    Text(Text),
    /// A list.
    List(Vec<Tree>),
    /// A table; keys may hold `${…}` too, and keep their order.
    Table(Vec<(Text, Tree)>),
}

impl Tree {
    /// The entry of a table under a literal key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Table(entries) => entries
                .iter()
                .find(|(k, _)| k.literal() == Some(key))
                .map(|(_, v)| v),
            _ => None,
        }
    }

    /// The characters of a text without `${…}`.
    pub fn literal(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.literal(),
            _ => None,
        }
    }
}

/// A suite: what every gate shares.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The folder of `suite.toml`; paths below are relative to it unless they say otherwise.
    pub folder: PathBuf,
    /// Name of the suite.
    pub name: String,
    /// The compose file, as resolved from the suite's folder.
    pub compose: PathBuf,
    /// Where the pack goes, relative to the working directory.
    pub artifact_dir: PathBuf,
    /// What probes may address.
    pub services: BTreeMap<String, Address>,
    /// Roles on databases.
    pub databases: BTreeMap<String, Database>,
    /// Template databases.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// What else must not change while a run goes on: name → a question to a database.
    pub seal: BTreeMap<String, Sealed>,
    /// Key pairs made for the run: name → bits (RSA).
    pub keys: BTreeMap<String, u32>,
    /// What fills the `${…}` of the compose file.
    pub env: Vec<(String, Text)>,
    /// Shared constants, seen as `suite.<name>`.
    pub lets: Vec<(String, Tree)>,
    /// Functions: one expression each.
    pub functions: BTreeMap<String, Function>,
    /// Profiles: which figures, which machine.
    pub profiles: BTreeMap<String, Profile>,
    /// The gates, in the order in which they run: after what they need, then by id.
    pub gates: Vec<Gate>,
    /// Every file the suite was read from, relative to `folder`, as bytes: `given` files of the pack.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Suite {
    /// The gates of a profile, in the order in which they run.
    pub fn gates_of(&self, profile: &str) -> impl Iterator<Item = &Gate> {
        let belongs = move |names: &Vec<String>| names.iter().any(|name| name == profile);
        self.gates
            .iter()
            .filter(move |gate| gate.profiles.as_ref().is_none_or(belongs))
    }
}

/// What probes may address: a service's own port and the path that tells its readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The container's own port.
    pub port: Option<u16>,
    /// Path of the readiness answer.
    pub ready: Option<String>,
}

/// A role on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The service that is the database server.
    pub service: String,
    /// Name of the database.
    pub database: String,
    /// Role; its password is minted for the run.
    pub user: String,
}

/// A part of the seal that a service tells: asked before the first gate, and again at every boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// What a database answers.
    Rows {
        /// The role and the database asked.
        db: String,
        /// What is asked: one statement that only reads.
        query: String,
    },
    /// The digest of a document that a service hands out.
    Document {
        /// The request for it: `GET service /path`.
        request: String,
    },
}

/// A template database, taken when one-shot service `after` has completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which role on which database.
    pub db: String,
    /// The one-shot service.
    pub after: String,
}

/// A suite function: parameters and one expression.
#[derive(Clone, Debug)]
pub struct Function {
    /// Names of the parameters.
    pub of: Vec<String>,
    /// The expression.
    pub is: Sentence,
}

/// A profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What the machine must have: `cpus`, `mem_gib`, `steal_pct`.
    pub demands: BTreeMap<String, Value>,
    /// Time budget of a run.
    pub within: Duration,
    /// Numbers seen as `profile.<name>`.
    pub lets: Vec<(String, Tree)>,
}

/// One exit gate.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Id: `EG8.1`.
    pub id: String,
    /// Name: `topology_startability`.
    pub name: String,
    /// One falsifiable sentence.
    pub claim: String,
    /// The gate's folder, relative to the suite's.
    pub folder: String,
    /// Ids of gates whose lets and observations it may read, and which run before it.
    pub needs: Vec<String>,
    /// Profiles it belongs to; none means all.
    pub profiles: Option<Vec<String>>,
    /// Snapshot of which it gets a database of its own.
    pub clone: Option<String>,
    /// Constants, evaluated once per pass.
    pub lets: Vec<(String, Tree)>,
    /// The looks, in order.
    pub probes: Vec<Probe>,
    /// Names for judged expressions over observations.
    pub derives: Vec<(String, Sentence)>,
    /// What must be true, in the order in which it was written.
    pub assertions: Vec<Assertion>,
    /// The negative controls.
    pub controls: Vec<Control>,
    /// Derived files.
    pub papers: Vec<Paper>,
    /// The gate's own files (SQL, overrides) by name relative to its folder; `gate.toml` too.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Gate {
    /// The looks at services that repeat while a span lasts: what its `series.csv` is made of.
    pub fn watchers(&self, span: &str) -> impl Iterator<Item = &Probe> {
        self.probes.iter().filter(move |probe| {
            let looks_at_services = matches!(&probe.look, LookAt::Kind { kind, .. } if kind == "service");
            looks_at_services && probe.every.is_some() && probe.during.as_deref() == Some(span)
        })
    }
}

/// One look, or a group of looks.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Names the observation.
    pub name: String,
    /// What is done: templates are already expanded.
    pub look: LookAt,
    /// Parameters a template was filled with, in scope of everything below: evaluated once per look, before it.
    pub with: Vec<(String, Tree)>,
    /// Loop variables and what they run over.
    pub for_each: Vec<(String, Sentence)>,
    /// Start the elements of the loop together.
    pub at_once: bool,
    /// Look again until.
    pub until: Option<Until>,
    /// Name of the span it stands in.
    pub during: Option<String>,
    /// Not before this far into the span (a duration).
    pub at: Option<Text>,
    /// Repeat for the whole span (a duration).
    pub every: Option<Text>,
    /// Wait first: a duration, or `to the second`.
    pub delay: Option<Text>,
    /// First pass only.
    pub once: bool,
}

/// What a probe does.
#[derive(Clone, Debug)]
pub enum LookAt {
    /// One kind with its parameters.
    Kind {
        /// `http`, `sql` …
        kind: String,
        /// Its parameters: a [`Tree::Table`].
        params: Tree,
    },
    /// Steps, in order.
    Steps(Vec<Probe>),
}

/// Look again until a sentence over the look's own fields is true.
#[derive(Clone, Debug)]
pub struct Until {
    /// The sentence; the look's fields are bare names.
    pub that: Sentence,
    /// Deadline (a duration).
    pub within: Text,
    /// Pause between looks.
    pub poll: Duration,
    /// The assertion in words.
    pub says: String,
}

/// One assertion.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Name.
    pub name: String,
    /// What is true.
    pub that: Sentence,
    /// Of each element of this list, seen as `it`.
    pub each: Option<Sentence>,
    /// At least so many elements must have been examined.
    pub at_least: Sentence,
    /// In words.
    pub says: String,
    /// When false, we could not see: `inconclusive`, not `fail`.
    pub otherwise_inconclusive: bool,
}

/// One negative control, or a family of them.
#[derive(Clone, Debug)]
pub struct Control {
    /// Name.
    pub name: String,
    /// In words.
    pub says: String,
    /// Makes a family.
    pub for_each: Vec<(String, Sentence)>,
    /// The changes, made in order, undone in reverse.
    pub sabotage: Vec<Change>,
    /// A probe that replaces the built-in witness.
    pub witness: Option<Probe>,
    /// Over `before`, `after` and the red pass: did it land?
    pub landed: Option<Sentence>,
    /// What is looked at again; none means everything with new lets. The sentence picks elements of a loop by `it`.
    pub rerun: Option<Vec<(String, Option<Sentence>)>>,
    /// Exactly these must break…
    pub must_fail: Vec<String>,
    /// …and these may.
    pub may_fail: Vec<String>,
    /// Must hold in the red pass.
    pub because: Option<Sentence>,
    /// Profiles it belongs to; none means all of the gate's.
    pub profiles: Option<Vec<String>>,
}

/// One change, in a control or under a probe of kind `change`.
#[derive(Clone, Debug)]
pub struct Change {
    /// `env`, `service`, `compose`, `sql`, `probe` …
    pub kind: String,
    /// Where it stands.
    pub place: Place,
    /// Its parameters: a [`Tree::Table`].
    pub params: Tree,
}

/// Where a sabotage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the running topology.
    Live,
    /// In one transaction of the admin connection, rolled back.
    Rollback,
    /// Under a `startup` look: only its scratch copy.
    Scratch,
}

/// A derived file, or a part of the summary.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Once per element.
    pub for_each: Vec<(String, Sentence)>,
    /// Where it goes.
    pub to: PaperTo,
    /// What it holds.
    pub form: PaperForm,
}

/// Where a paper goes.
#[derive(Clone, Debug)]
pub enum PaperTo {
    /// A file of the pack.
    File(Text),
    /// A key of the summary.
    Summary(String),
}

/// What a paper holds.
#[derive(Clone, Debug)]
pub enum PaperForm {
    /// A JSON document.
    Json(Sentence),
    /// A table: the rows of a sql look.
    Csv(Sentence),
    /// Characters.
    Text(Sentence),
}
