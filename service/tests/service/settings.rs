//! What a process is told: everything is named that is missing, empty or wrong.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::deployment::environment;

const DATABASE: [&str; 3] = ["DATABASE_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"];

/// What each role must be told.
const REQUIRED: [(&[&str], &[&str]); 7] = [
    (
        &["provision"],
        &[
            "PROVISION_DATABASE_URL",
            "MIGRATION_OWNER_PASSWORD",
            "APP_USER_PASSWORD",
        ],
    ),
    (&["migrate"], &["MIGRATION_DATABASE_URL"]),
    (
        &["api"],
        &[
            "DATABASE_URL",
            "CELERY_BROKER_URL",
            "CELERY_RESULT_BACKEND",
            "API_LISTEN",
            "SECRET_BOX_KEY",
            "JWT_PUBLIC_KEYS",
            "JWT_ISSUER",
            "JWT_AUDIENCE",
            "MOCK_PLATFORM_URL",
        ],
    ),
    (
        &["worker"],
        &[
            "DATABASE_URL",
            "CELERY_BROKER_URL",
            "CELERY_RESULT_BACKEND",
            "METRICS_DIR",
            "MOCK_PLATFORM_URL",
            "SECRET_BOX_KEY",
            "LLM_OPENAI_URL",
            "LLM_OPENAI_API_KEY",
            "LLM_ANTHROPIC_URL",
            "LLM_ANTHROPIC_API_KEY",
        ],
    ),
    (&["exporter"], &["EXPORTER_LISTEN", "METRICS_DIR"]),
    (&["mock-platform"], &["MOCK_PLATFORM_LISTEN"]),
    (&["enqueue", "health.probe"], &DATABASE),
];

fn run(args: &[&str], environment: &BTreeMap<String, String>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skeldir"))
        .args(args)
        .env_clear()
        .envs(environment)
        .output()
        .expect("the binary runs")
}

fn told() -> (TempDir, BTreeMap<String, String>) {
    let folder = TempDir::new().expect("a temporary folder");
    let told = environment(1, "nowhere", &folder);
    (folder, told)
}

#[test]
fn each_required_setting_is_named_when_it_is_not_set_and_when_it_is_empty() {
    let (_folder, told) = told();
    for (args, required) in REQUIRED {
        for name in required {
            let mut without = told.clone();
            without.remove(*name);
            let mut emptied = told.clone();
            emptied.insert((*name).to_owned(), String::new());
            for (environment, complaint) in [(without, "is not set"), (emptied, "is empty")] {
                let output = run(args, &environment);
                let words = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(2), "{args:?} without {name}: {words}");
                assert_eq!(words, format!("skeldir {}: `{name}` {complaint}\n", args[0]));
            }
        }
    }
}

#[test]
fn three_strings_that_name_two_databases_are_refused_by_name() {
    let (_folder, mut told) = told();
    told.insert(
        "CELERY_BROKER_URL".to_owned(),
        "postgresql://app_user:app@127.0.0.1:2/nowhere".to_owned(),
    );
    let output = run(&["api"], &told);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "skeldir api: `CELERY_BROKER_URL` is unusable: it names another port than `DATABASE_URL`\n"
    );
}

#[test]
fn a_string_of_another_database_system_is_refused_by_name() {
    let (_folder, mut told) = told();
    told.insert(
        "CELERY_RESULT_BACKEND".to_owned(),
        "redis://127.0.0.1:6379/0".to_owned(),
    );
    let output = run(&["worker"], &told);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "skeldir worker: `CELERY_RESULT_BACKEND` is unusable: the scheme is not `postgresql`\n"
    );
}

#[test]
fn the_defaults_are_those_of_production_and_hold_no_secret() {
    let output = run(&["settings", "--defaults"], &BTreeMap::new());
    let defaults: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).expect("an object");
    assert_eq!(defaults["TASK_SOFT_LIMIT_SECONDS"], "300");
    assert_eq!(defaults["TASK_HARD_LIMIT_SECONDS"], "360");
    assert_eq!(defaults["BAYESIAN_SOFT_LIMIT_SECONDS"], "270");
    assert_eq!(defaults["BAYESIAN_HARD_LIMIT_SECONDS"], "300");
    assert!(
        REQUIRED
            .iter()
            .flat_map(|(_, required)| *required)
            .all(|name| !defaults.contains_key(*name))
    );
}

#[test]
fn effective_settings_are_shown_without_secrets() {
    let (_folder, told) = told();
    let output = run(&["settings", "api"], &told);
    let shown = String::from_utf8(output.stdout).expect("text");
    let effective: BTreeMap<String, Value> = serde_json::from_str(&shown).expect("an object");
    assert_eq!(
        effective["DATABASE_URL"],
        "postgresql://app_user@127.0.0.1:1/nowhere"
    );
    assert_eq!(effective["SECRET_BOX_KEY"], "set");
    assert!(!shown.contains(":app@") && !shown.contains(crate::deployment::BOX_KEY));
}
