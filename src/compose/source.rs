//! A compose file that has been read and found sound, before any variable is known.

use std::{collections::BTreeMap, path::Path};

use super::complaint::Complaints;
use super::file;
use super::interpolate;
use super::model::Model;
use super::overlay;
use super::topology;
use super::tree::Node;
use super::variables::{self, Variable};
use super::yaml;
use crate::digest::Digest;

/// A compose file: parsed and checked, its variables not filled in.
#[derive(Clone, Debug)]
pub struct Source {
    root: Node,
}

/// A piece of a compose file, to be laid over a whole one. It is checked when that is done.
#[derive(Clone, Debug)]
pub struct Fragment {
    root: Node,
}

impl Source {
    /// Read a file. Complaints name it as `path` does.
    ///
    /// # Errors
    /// Everything that is wrong whatever the variables turn out to be: syntax, keys, types, values, references.
    pub fn read(path: &Path) -> Result<Self, Complaints> {
        let label = path.display().to_string();
        Self::from_bytes(&label, &file::bytes(path, &label)?)
    }

    /// Read a file from memory. Complaints name it `label`.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn from_bytes(label: &str, bytes: &[u8]) -> Result<Self, Complaints> {
        let mut complaints = Complaints::default();
        match tree(label, bytes, &mut complaints) {
            Some(root) => Self::check(root, complaints),
            None => complaints.unless(None),
        }
    }

    /// Every variable the file asks for, one entry a place, in the order in which they stand.
    pub fn variables(&self) -> Vec<Variable> {
        variables::variables(&self.root)
    }

    /// The names of the services, in the order in which they stand.
    pub fn services(&self) -> Vec<&str> {
        self.root
            .get("services")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|e| e.key.as_str())
            .collect()
    }

    /// This file with a fragment laid over it. Maps merge by key; lists grow by what they lack, but `command`,
    /// `entrypoint`, `test` and the like are replaced; `environment` and `labels` merge by name in either form;
    /// `null` takes away what stood.
    ///
    /// # Errors
    /// A service that does not exist, and everything that is wrong with the whole that comes out.
    pub fn overlay(&self, over: &Fragment) -> Result<Self, Complaints> {
        let mut complaints = Complaints::default();
        let merged = overlay::overlay(&self.root, &over.root, &mut complaints);
        Self::check(merged, complaints)
    }

    /// Fill in the variables, from `env` alone, and read the model.
    ///
    /// # Errors
    /// Every variable that is missing, with the file's own message, and whatever the values break.
    pub fn resolve(&self, env: &BTreeMap<String, String>) -> Result<Model, Complaints> {
        let mut complaints = Complaints::default();
        let mut filled = self.root.clone();
        interpolate::fill(&mut filled, Some(env), &mut complaints);
        let model = topology::read(&filled, &mut complaints);
        complaints.unless(model)
    }

    /// The digest of what the file says, variables as they are written: the same however it is laid out.
    pub fn digest(&self) -> Digest {
        Digest::of(self.root.canonical().to_string())
    }

    fn check(root: Node, mut complaints: Complaints) -> Result<Self, Complaints> {
        let mut open = root.clone();
        interpolate::fill(&mut open, None, &mut complaints);
        topology::read(&open, &mut complaints);
        complaints.unless(Some(Self { root }))
    }
}

impl Fragment {
    /// Read a fragment from a file.
    ///
    /// # Errors
    /// Syntax, duplicate keys.
    pub fn read(path: &Path) -> Result<Self, Complaints> {
        let label = path.display().to_string();
        Self::from_bytes(&label, &file::bytes(path, &label)?)
    }

    /// Read a fragment from memory. Complaints name it `label`.
    ///
    /// # Errors
    /// As [`Fragment::read`].
    pub fn from_bytes(label: &str, bytes: &[u8]) -> Result<Self, Complaints> {
        let mut complaints = Complaints::default();
        let root = tree(label, bytes, &mut complaints);
        complaints.unless(root.map(|root| Self { root }))
    }
}

/// The tree of a file; `None` when it has none that is whole.
fn tree(label: &str, bytes: &[u8], complaints: &mut Complaints) -> Option<Node> {
    yaml::parse(label, file::text(label, bytes, complaints)?, complaints)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::{fs, path::Path};

    use super::super::{Form, order};
    use super::{Fragment, Source};
    use crate::compose::Model;

    const BASE: &str = "\
services:
  db:
    image: db:1
    healthcheck: {test: [CMD, ok], interval: 1s}
  api:
    image: api:1
    command: [serve, --port, '8000']
    environment:
      - DATABASE_URL=${DSN?missing DSN}
      - MODE=plain
    depends_on: [db]
    ports: ['8000']
    cap_drop: [ALL]
";

    fn source(text: &str) -> Source {
        Source::from_bytes("base.yml", text.as_bytes()).unwrap_or_else(|complaints| panic!("{complaints}"))
    }

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn laid_over(fragment: &str) -> Result<Model, String> {
        let fragment =
            Fragment::from_bytes("over.yml", fragment.as_bytes()).map_err(|words| words.to_string())?;
        let merged = source(BASE)
            .overlay(&fragment)
            .map_err(|words| words.to_string())?;
        merged
            .resolve(&env(&[("DSN", "postgres://run")]))
            .map_err(|words| words.to_string())
    }

    #[test]
    fn every_bad_file_earns_its_words() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compose/bad");
        let mut seen = 0;
        for entry in fs::read_dir(folder).expect("the fixtures are there") {
            let path = entry.expect("a folder can be listed").path();
            if path.extension().is_none_or(|extension| extension != "yml") {
                continue;
            }
            let name = path.file_name().expect("a file has a name").to_string_lossy();
            let bytes = fs::read(&path).expect("the fixture can be read");
            let words = match Source::from_bytes(&name, &bytes) {
                Ok(source) => source
                    .resolve(&env(&[("EMPTY", ""), ("NUMBER", "7x"), ("E2E_TOKEN", "t")]))
                    .map(|_| ()),
                Err(complaints) => Err(complaints),
            };
            let words = words.expect_err(&name).to_string() + "\n";
            let expected = fs::read_to_string(path.with_extension("txt")).expect("its words stand beside it");
            assert_eq!(words, expected, "{name}");
            seen += 1;
        }
        assert!(seen >= 10, "only {seen} bad files were found");
    }

    #[test]
    fn variables_are_listed_with_their_place_and_form() {
        let text =
            BASE.to_owned() + "    user: ${UID:-1000}:${GID-${UID}}\n    labels: {a: \"x${EXTRA:+y}\"}\n";
        let found: Vec<String> = source(&text)
            .variables()
            .iter()
            .map(|v| {
                let service = v.service.as_deref().unwrap_or("-");
                let words = v.fallback.as_deref().or(v.message.as_deref()).unwrap_or("-");
                format!(
                    "{} {service} {} {} {:?} {} {words}",
                    v.place, v.key, v.name, v.form, v.non_empty
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "base.yml:9:22 api environment.DATABASE_URL DSN Required false missing DSN",
                "base.yml:14:11 api user UID Default true 1000",
                "base.yml:14:24 api user GID Default false ${UID}",
                "base.yml:14:30 api user UID Plain false -",
                "base.yml:15:19 api labels.a EXTRA Alternative true -",
            ]
        );
        assert_eq!(source(BASE).variables()[0].form, Form::Required);
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let text = BASE.to_owned() + "    user: $WHO\n    hostname: ${HOST_NAME:?say who you are}\n";
        let words = source(&text)
            .resolve(&env(&[("HOSTNAME", "h")]))
            .expect_err("nothing is set")
            .to_string();
        assert_eq!(
            words,
            "base.yml:9:22: required variable `DSN` is not set: missing DSN\n\
             base.yml:14:11: variable `WHO` is not set\n  hint: write `${WHO-}` when it may stand for nothing\n\
             base.yml:15:15: required variable `HOST_NAME` is not set: say who you are\n  \
             hint: did you mean `HOSTNAME`?"
        );
    }

    #[test]
    fn an_overlay_merges_maps_and_names_grows_lists_and_replaces_commands() {
        let model = laid_over(
            "services: { api: { environment: { DATABASE_URL: '${DSN:-postgres://other}', NEW: 1, MODE: null }, \
             command: [other], ports: ['8000', '9000'], cap_drop: [ALL], depends_on: { db: { condition: service_healthy } } } }",
        );
        let api = model
            .expect("the overlay is sound")
            .services
            .remove("api")
            .expect("the service is there");
        assert_eq!(
            api.environment,
            env(&[("DATABASE_URL", "postgres://run"), ("NEW", "1")])
        );
        assert_eq!(api.command, Some(vec!["other".to_owned()]));
        assert_eq!(
            api.ports.iter().map(|port| port.target).collect::<Vec<_>>(),
            [8000, 9000]
        );
        assert_eq!(api.cap_drop, ["ALL"]);
        assert_eq!(
            serde_json::json!(api.depends_on).to_string(),
            r#"{"db":"service_healthy"}"#
        );
    }

    #[test]
    fn an_overlay_takes_away_what_is_null() {
        let model = laid_over("services: { db: { healthcheck: null } }").expect("nobody waits for health");
        assert_eq!(model.services["db"].healthcheck, None);
        let partly = laid_over("services: { db: { healthcheck: { test: [CMD, 'false'] } } }").expect("sound");
        let check = partly.services["db"].healthcheck.clone().expect("there is one");
        assert_eq!(
            (check.test, check.interval.as_secs()),
            (vec!["false".to_owned()], 1)
        );
    }

    #[test]
    fn an_overlay_of_a_text_stands_where_the_fragment_says() {
        let words = laid_over("services:\n  api:\n    environment: ['MODE=${NO_MODE}']\n    tmpfs: tmp\n");
        assert_eq!(
            words.expect_err("the folder is relative"),
            "over.yml:4:12: `tmpfs` must be absolute paths, not `tmp`"
        );
        let words = laid_over("services:\n  api:\n    environment: ['MODE=${NO_MODE?say which}']\n");
        assert_eq!(
            words.expect_err("nobody says which"),
            "over.yml:3:25: required variable `NO_MODE` is not set: say which"
        );
    }

    #[test]
    fn an_overlay_of_an_unknown_service_or_key_is_refused_where_it_stands() {
        assert_eq!(
            laid_over("services:\n  apo:\n    command: [x]\n  db:\n    comand: [x]\n  api: null\n"),
            Err(
                "over.yml:2:3: there is no service `apo` to override\n  hint: did you mean `api`?\n\
                 over.yml:5:5: unknown key `comand` in service `db`\n  hint: did you mean `command`?\n\
                 over.yml:6:3: what is laid over service `api` must be a map, not nothing"
                    .to_owned()
            )
        );
    }

    #[test]
    fn the_digest_is_of_what_is_said_not_of_how() {
        let one = source("services: {a: {image: 'x:1', user: \"${U-1}\"}}");
        let same = source("x-note: &x\n  image: x:1\nservices:\n  a:\n    user: '${U-1}'\n    <<: *x\n");
        let other = source("services: {a: {image: x:1, user: '${U-2}'}}");
        assert_ne!(one.digest(), other.digest());
        let without_note = source("services:\n  a:\n    user: '${U-1}'\n    image: x:1\n");
        assert_eq!(one.digest(), without_note.digest());
        assert_ne!(
            one.digest(),
            same.digest(),
            "what is ignored is still in the file"
        );
        let resolved = |source: &Source| source.resolve(&env(&[("U", "3")])).expect("U is set").digest();
        assert_eq!(resolved(&one), resolved(&same));
        assert_eq!(resolved(&one), resolved(&other));
    }

    #[test]
    fn services_start_after_what_they_depend_on() {
        let model = source(BASE).resolve(&env(&[("DSN", "x")])).expect("DSN is set");
        assert_eq!(order(&model), ["db", "api"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_complaint() {
        let words = Source::read(Path::new("no/such.yml"))
            .expect_err("there is none")
            .to_string();
        assert!(words.starts_with("no/such.yml:1:1: cannot be read: "), "{words}");
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(lines in proptest::collection::vec(
            "( {0,6}(services|api|image|ports|- |command|test|healthcheck|depends_on|x-closure|<<|&a|\\*a|\\$\\{A-|\\}|[:{\\[\\],\"'1]){1,4}: ?[a-z0-9:\\[$]{0,6})", 0..12)) {
            let text = lines.join("\n");
            if let Ok(source) = Source::from_bytes("f.yml", text.as_bytes()) {
                let _ = (source.variables(), source.resolve(&BTreeMap::new()), source.overlay(&Fragment { root: source.root.clone() }));
            }
        }
    }
}
