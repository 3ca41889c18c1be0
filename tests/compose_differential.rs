//! Our reader of compose files beside `docker-compose 1.29 config`: they agree about what good files mean, and both
//! refuse a file whose required variable is missing. Where we differ on purpose, a test says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use closure::compose::Source;
use serde_json::Value;

const PEER: &str = "/usr/bin/docker-compose";
const PYTHON: &str = "/usr/bin/python3";

type Env = BTreeMap<String, String>;

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/compose")
        .join(folder);
    let entries = fs::read_dir(folder).expect("the fixtures are there");
    let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .collect();
    files.sort();
    assert!(files.len() >= 5, "fixtures are missing");
    files
}

fn env_beside(path: &Path) -> Env {
    let text = fs::read_to_string(path.with_extension("env")).expect("an env file stands beside it");
    let pair = |line: &str| {
        line.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    text.lines()
        .map(|line| pair(line).expect("every line is NAME=value"))
        .collect()
}

fn ours(path: &Path, env: &Env) -> Result<Value, String> {
    let source = Source::read(path).map_err(|complaints| complaints.to_string())?;
    let model = source.resolve(env).map_err(|complaints| complaints.to_string())?;
    Ok(serde_json::to_value(model).expect("a model is JSON"))
}

/// `docker-compose config` in a folder, with nothing in its environment but `env`.
fn peer(folder: &Path, env: &Env) -> Output {
    assert!(Path::new(PEER).exists(), "{PEER} is missing: run scripts/setup");
    Command::new(PEER)
        .args(["--file", "docker-compose.yml", "config"])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .envs(env)
        .output()
        .expect("the peer can be started")
}

/// A folder of its own for the peer, with the file in it and nothing else that could be read.
fn alone(path: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::copy(path, folder.path().join("docker-compose.yml")).expect("the fixture can be copied");
    fs::create_dir(folder.path().join("service")).expect("a build context can be made");
    folder
}

/// What the peer printed, in the shape of our model.
fn in_our_shape(printed: &Output, folder: &Path) -> Value {
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let yaml = folder.join("printed.yml");
    fs::write(&yaml, &printed.stdout).expect("the temporary folder can be written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compose/peer.py");
    let shaped = Command::new(PYTHON)
        .arg(script)
        .arg(folder)
        .stdin(fs::File::open(yaml).expect("it was just written"))
        .stderr(Stdio::inherit())
        .output()
        .expect("python can be started");
    serde_json::from_slice(&shaped.stdout).expect("the script prints JSON")
}

/// What the peer cannot know is left out, and what it sorts is sorted.
fn comparable(mut model: Value) -> Value {
    for service in model["services"]
        .as_object_mut()
        .expect("services are a map")
        .values_mut()
    {
        service
            .as_object_mut()
            .expect("a service is a map")
            .remove("native");
        for list in [
            "ports",
            "volumes",
            "networks",
            "cap_add",
            "cap_drop",
            "security_opt",
        ] {
            let items = service[list].as_array_mut().expect("these are lists");
            items.sort_by_key(ToString::to_string);
        }
    }
    model.sort_all_objects();
    model
}

#[test]
fn good_files_mean_the_same_to_both() {
    for path in fixtures("good") {
        agree(&path, &env_beside(&path));
    }
}

fn agree(path: &Path, env: &Env) {
    let folder = alone(path);
    let ours = ours(path, env).unwrap_or_else(|complaints| panic!("{complaints}"));
    make_contexts(&ours, folder.path());
    let theirs = in_our_shape(&peer(folder.path(), env), folder.path());
    let (ours, theirs) = (comparable(ours), comparable(theirs));
    assert_eq!(format!("{ours:#}"), format!("{theirs:#}"), "{}", path.display());
}

/// The peer asks for the folders that images are built from, which a build of the service lays out.
fn make_contexts(model: &Value, folder: &Path) {
    let services = model["services"].as_object().expect("services are a map");
    for context in services
        .values()
        .filter_map(|service| service["build"]["context"].as_str())
    {
        fs::create_dir_all(folder.join(context)).expect("a context can be made");
    }
}

/// The topologies that are really run, with a value for each variable that must have one.
fn real_topologies() -> Vec<(PathBuf, Env)> {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let filled = |path: PathBuf| {
        let source = Source::read(&path).unwrap_or_else(|complaints| panic!("{complaints}"));
        let asked_for = source
            .variables()
            .into_iter()
            .filter(|variable| !variable.has_default());
        let env = asked_for
            .map(|variable| (variable.name.clone(), format!("a {} $$", variable.name)))
            .collect();
        (path, env)
    };
    [file("docker-compose.e2e.yml"), file("fixtures/mini/compose.yml")]
        .map(filled)
        .to_vec()
}

#[test]
fn the_topologies_that_are_run_mean_the_same_to_both() {
    for (path, env) in real_topologies() {
        assert!(!env.is_empty(), "{} asks for nothing", path.display());
        agree(&path, &env);
    }
}

#[test]
fn no_dsn_of_the_topology_has_a_fallback() {
    let (path, whole) = real_topologies().swap_remove(0);
    for variable in [
        "E2E_DATABASE_URL",
        "E2E_CELERY_BROKER_URL",
        "E2E_CELERY_RESULT_BACKEND",
    ] {
        let mut env = whole.clone();
        env.remove(variable).expect("the file asks for it");
        let printed = peer(alone(&path).path(), &env);
        assert!(!printed.status.success(), "the peer starts without {variable}");
        let theirs = String::from_utf8_lossy(&printed.stderr);
        let ours = ours(&path, &env).expect_err("we refuse it");
        let words = format!("missing {variable}");
        assert!(theirs.contains(&words), "{theirs}");
        assert!(
            ours.contains(&format!("required variable `{variable}` is not set: {words}")),
            "{ours}"
        );
    }
}

#[test]
fn a_missing_required_variable_is_refused_and_named_by_both() {
    let env = Env::from([("GIVEN_EMPTY".to_owned(), String::new())]);
    for path in fixtures("refused") {
        let text = fs::read_to_string(&path).expect("the fixture can be read");
        let variable = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .expect("it names its variable");
        let printed = peer(alone(&path).path(), &env);
        assert!(!printed.status.success(), "the peer takes {}", path.display());
        let theirs = String::from_utf8_lossy(&printed.stderr);
        assert!(theirs.contains(variable), "{theirs}");
        let ours = ours(&path, &env).expect_err("we refuse it");
        assert!(
            ours.contains(&format!("required variable `{variable}`")),
            "{ours}"
        );
        assert_eq!(
            ours.lines().filter(|line| line.contains(".yml:")).count(),
            1,
            "{ours}"
        );
    }
}

/// On purpose: a value that happens to lie beside the file would make a run pass that fails elsewhere.
#[test]
fn an_env_file_beside_the_file_is_read_by_the_peer_and_never_by_us() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compose/refused/unset.yml");
    let folder = alone(&path);
    fs::write(folder.path().join(".env"), "E2E_DATABASE_URL=from-the-env-file\n").expect("it can be written");
    let theirs = in_our_shape(&peer(folder.path(), &Env::new()), folder.path());
    assert_eq!(
        theirs["services"]["api"]["environment"]["DATABASE_URL"],
        "from-the-env-file"
    );
    let ours = ours(&folder.path().join("docker-compose.yml"), &Env::new()).expect_err("it is not set");
    assert!(
        ours.ends_with("required variable `E2E_DATABASE_URL` is not set: missing E2E_DATABASE_URL"),
        "{ours}"
    );
}

/// On purpose, for the same reason.
#[test]
fn the_environment_of_the_process_is_read_by_the_peer_and_never_by_us() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("docker-compose.yml");
    fs::write(
        &file,
        "services: { api: { image: x, hostname: '${PATH?missing PATH}' } }\n",
    )
    .expect("it can be written");
    let theirs = in_our_shape(&peer(folder.path(), &Env::new()), folder.path());
    assert_eq!(theirs["services"]["api"]["hostname"], "/usr/bin:/bin");
    assert!(
        std::env::var_os("PATH").is_some(),
        "this process has a PATH as well"
    );
    let ours = ours(&file, &Env::new()).expect_err("it is not set");
    assert!(
        ours.contains("required variable `PATH` is not set: missing PATH"),
        "{ours}"
    );
}

/// On purpose: a plain variable that is not set becomes nothing for the peer, which only warns.
#[test]
fn a_plain_variable_that_is_not_set_is_nothing_for_the_peer_and_an_error_for_us() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("docker-compose.yml");
    fs::write(
        &file,
        "services: { api: { image: x, hostname: 'a${NOBODY}b' } }\n",
    )
    .expect("it can be written");
    let theirs = in_our_shape(&peer(folder.path(), &Env::new()), folder.path());
    assert_eq!(theirs["services"]["api"]["hostname"], "ab");
    let ours = ours(&file, &Env::new()).expect_err("it is not set");
    assert!(
        ours.contains("variable `NOBODY` is not set\n  hint: write `${NOBODY-}`"),
        "{ours}"
    );
}
