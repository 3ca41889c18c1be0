//! The stage: everything that must stand before a service can be started — addresses, secrets, the resolved model.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    fill::{self, Seed},
    finish::Opened,
    ground::{self, Stand, chain},
    order::{Kind, Refusal},
};
use crate::{
    doing::Mint,
    evidence::Record,
    gate::{
        model::{Suite, Tree},
        tree::evaluate,
    },
    judge::verdict::Constants,
    observation::Names,
    plan::Drawn,
    probe::Access,
    redact::Redactor,
    topology::{self, Addresses, On, RunFolder, Topology},
};

/// Everything a run stands on.
pub(super) struct Stage {
    pub(super) stand: Arc<Stand>,
    pub(super) mint: Arc<Mint>,
    pub(super) databases: BTreeMap<String, Access>,
    pub(super) constants: Constants,
}

/// The one variable that may come from the shell: which Postgres image is used.
const IMAGE: &str = "E2E_POSTGRES_IMAGE";

/// Variables that do not come from the suite: of an `--env-file`, and the image named in the shell.
pub(super) fn given(env_file: Option<&Path>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut given = BTreeMap::new();
    if let Ok(image) = env::var(IMAGE) {
        given.insert(IMAGE.to_owned(), image);
    }
    let Some(path) = env_file else { return Ok(given) };
    let usage = |words: String| Refusal::new(Kind::Usage, words);
    let text = fs::read_to_string(path).map_err(|error| usage(format!("{}: {error}", path.display())))?;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| {
            usage(format!(
                "{}:{}: `{line}` is not NAME=VALUE",
                path.display(),
                number + 1
            ))
        })?;
        given.insert(name.trim().to_owned(), value.to_owned());
    }
    Ok(given)
}

impl Stage {
    /// Set the stage of one run. Nothing is started yet.
    pub(super) fn set(
        drawn: &Drawn,
        run: RunFolder,
        opened: &Opened,
        given: BTreeMap<String, String>,
        on: On,
    ) -> Result<Self, Refusal> {
        let record = &opened.record;
        let not_up = |error: topology::Error| Refusal::new(Kind::NotUp, chain(&error));
        let suite = Arc::new(drawn.suite.clone());
        let run = Arc::new(run);
        run.stand_on(on).map_err(not_up)?;
        let addresses = Addresses::pick(&run, &ground::ports(&suite)).map_err(not_up)?;
        let seed = Seed::draw(opened.run, &suite.keys, registering(record.redactor()));
        let places = fill::places(&suite, &addresses);
        let mint = seed.mint(places);
        let world = fill::world(&suite, &mint, "env");
        let usage = |words: String| Refusal::new(Kind::Usage, words);
        let variables = fill::variables(&suite, &world, &given).map_err(usage)?;
        let model = drawn
            .compose
            .resolve(&variables)
            .map_err(|complaints| usage(complaints.to_string()))?;
        let constants = constants(drawn, &mint, record, &json!(model))?;
        let databases = databases(&suite, &mint, &addresses)?;
        let place = topology::Site {
            folder: compose_folder(&suite),
            logs: record.folder().join("logs"),
            redact: {
                let redactor = record.redactor().clone();
                Arc::new(move |line| redactor.text(line).into_owned())
            },
            // The very program that runs, also when it was built anew meanwhile.
            closure: PathBuf::from("/proc/self/exe"),
        };
        let stand_on = match on {
            On::Native => Topology::native,
            On::Docker => Topology::docker,
        };
        let topology = stand_on(Arc::clone(&run), place, model, addresses.clone()).map_err(not_up)?;
        let paper = record.clone();
        // What cannot be written now is missed when the record is closed.
        topology.tell(Arc::new(move |event| drop(paper.engine_event(event))));
        let overlays = std::sync::Mutex::default();
        let source = drawn.compose.clone();
        let stand = Stand {
            topology,
            run,
            suite,
            source,
            seed,
            given,
            addresses,
            overlays,
        };
        Ok(Self {
            stand: Arc::new(stand),
            mint,
            databases,
            constants,
        })
    }
}

/// The folder of the compose file: programs are found from there, and the commit is asked for there.
pub(super) fn compose_folder(suite: &Suite) -> PathBuf {
    let folder = suite
        .compose
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Every secret is known to the redactor in the moment it is minted.
fn registering(redactor: &Redactor) -> crate::doing::Register {
    let redactor = redactor.clone();
    Arc::new(move |label: &str, value: &str| {
        // Minted values are long; the only refusal is of values too short to be secrets.
        let _refused = redactor.register(value, label);
    })
}

/// What every sentence may see, redacted: it goes to paper, and live and offline judging see the same.
fn constants(drawn: &Drawn, mint: &Arc<Mint>, record: &Record, model: &Value) -> Result<Constants, Refusal> {
    let suite = &drawn.suite;
    let world = fill::world(suite, mint, "suite");
    let evaluated = |what: &str, lets: &[(String, Tree)], above: &[(&str, &Value)]| {
        let mut values = Names::new();
        for (name, tree) in lets {
            let mut scope = world.scope();
            for (name, value) in above {
                scope.bind(name, value);
            }
            for (name, value) in &values {
                scope.bind(name, value);
            }
            let value = evaluate(tree, &scope).map_err(|error| {
                Refusal::new(Kind::Usage, format!("suite.toml: {what} `{name}`: {error}"))
            })?;
            values.insert(name.clone(), value);
        }
        Ok::<_, Refusal>(Value::Object(values))
    };
    let shared = evaluated("let", &suite.lets, &[])?;
    let profile = suite
        .profiles
        .get(&drawn.plan.profile)
        .map_or(&[][..], |profile| &profile.lets);
    let profile = evaluated("profile let", profile, &[("suite", &shared)])?;
    let constants = Constants {
        suite: shared,
        profile,
        run: json!({"id": record.run_id()}),
        compose: model.clone(),
    };
    let redacted = record.redactor().json(json!(constants));
    serde_json::from_value(redacted).map_err(|error| Refusal::new(Kind::Bug, error.to_string()))
}

/// How the harness itself reaches the databases of this run, and no others.
fn databases(
    suite: &Suite,
    mint: &Arc<Mint>,
    addresses: &Addresses,
) -> Result<BTreeMap<String, Access>, Refusal> {
    let mut databases = BTreeMap::new();
    for (name, db) in &suite.databases {
        let port = suite.services.get(&db.service).and_then(|service| service.port);
        let address = port.and_then(|port| addresses.outside(&db.service, port)?.parse().ok());
        let Some(address) = address else {
            let words = format!("suite.toml: db `{name}`: service `{}` has no `port`", db.service);
            return Err(Refusal::new(Kind::Usage, words));
        };
        let password = mint
            .password(name)
            .map_err(|error| Refusal::new(Kind::Usage, error))?;
        let access = Access {
            service: db.service.clone(),
            address,
            database: db.database.clone(),
            user: db.user.clone(),
            password,
        };
        databases.insert(name.clone(), access);
    }
    Ok(databases)
}
