//! The workflows: valid by the published schema, pinned, with no right they do not need, and checked by a machine that
//! did not make the pack.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

const PACKS: [&str; 2] = ["b07-phase8-closure-pack", "b07-phase8-full-physics-staging"];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Everything that GitHub is going to read as a workflow.
fn workflows() -> Vec<PathBuf> {
    let folder = fs::read_dir(repository(".github/workflows")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    files
}

fn python(words: &[&Path]) -> String {
    let mut python = Command::new("/usr/bin/python3");
    let said = python
        .arg(repository("tests/workflows/read.py"))
        .args(words)
        .output()
        .expect("scripts/setup installs python3");
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{error}");
    String::from_utf8(said.stdout).unwrap()
}

fn complaints(schema: &str, file: &Path) -> String {
    let schema = repository("target/schemas").join(schema);
    assert!(
        schema.is_file(),
        "{} is missing: run scripts/setup",
        schema.display()
    );
    python(&[Path::new("--schema"), &schema, file])
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&python(&[file])).unwrap()
}

fn workflow(name: &str) -> Value {
    read(&repository(&format!(".github/workflows/{name}.yml")))
}

fn steps(job: &Value) -> &Vec<Value> {
    job["steps"].as_array().expect("a job has steps")
}

/// The step of a job that uses an action.
fn using<'v>(job: &'v Value, action: &str) -> &'v Value {
    let uses = |step: &&Value| step["uses"].as_str().is_some_and(|uses| uses.starts_with(action));
    steps(job)
        .iter()
        .find(uses)
        .unwrap_or_else(|| panic!("no step uses {action}"))
}

/// Every step of every job, and of the action.
fn all_steps() -> Vec<Value> {
    let mut all = Vec::new();
    for file in workflows() {
        let workflow = read(&file);
        for job in workflow["jobs"].as_object().unwrap().values() {
            all.extend(steps(job).clone());
        }
    }
    all.extend(steps(&read(&repository("action.yml"))["runs"]).clone());
    all
}

#[test]
fn every_workflow_and_the_action_are_valid_by_the_published_schemas() {
    for file in workflows() {
        assert_eq!(
            complaints("github-workflows.json", &file),
            "",
            "{}",
            file.display()
        );
    }
    assert_eq!(complaints("github-actions.json", &repository("action.yml")), "");
}

#[test]
fn the_schema_finds_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read_to_string(repository(".github/workflows/ci.yml")).unwrap();
    for (from, to) in [
        ("runs-on: ubuntu-latest", "runs_on: ubuntu-latest"),
        ("contents: read", "contents: all"),
        ("timeout-minutes: 90", "timeout-minutes: soon"),
        ("  pull_request:\n", "  pull_requests:\n"),
    ] {
        assert_eq!(good.matches(from).count(), 1, "{from}");
        let bad = folder.path().join("bad.yml");
        fs::write(&bad, good.replace(from, to)).unwrap();
        assert_ne!(complaints("github-workflows.json", &bad), "", "{to}");
    }
}

#[test]
fn every_action_is_pinned_by_commit_with_its_version_beside_it() {
    let mut files = workflows();
    files.push(repository("action.yml"));
    let mut pinned = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for line in text
            .lines()
            .filter(|line| line.contains("uses: ") && !line.ends_with("uses: ./"))
        {
            let (_, used) = line.split_once("uses: ").unwrap();
            let (action, version) = used
                .split_once(" # ")
                .unwrap_or_else(|| panic!("no version: {line}"));
            let commit = action
                .rsplit_once('@')
                .unwrap_or_else(|| panic!("no commit: {line}"))
                .1;
            assert!(
                commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()),
                "{line}"
            );
            let numbers: Vec<&str> = version.strip_prefix('v').unwrap_or_default().split('.').collect();
            assert!(
                numbers.len() == 3 && numbers.iter().all(|n| n.parse::<u32>().is_ok()),
                "{line}"
            );
            pinned += 1;
        }
    }
    assert!(pinned >= 8, "{pinned}");
}

#[test]
fn no_workflow_has_a_right_it_does_not_need() {
    for file in workflows() {
        let (text, workflow) = (fs::read_to_string(&file).unwrap(), read(&file));
        assert_eq!(
            workflow["permissions"],
            json!({"contents": "read"}),
            "{}",
            file.display()
        );
        assert_eq!(
            text.matches("permissions:").count(),
            1,
            "no job takes more: {}",
            file.display()
        );
        assert!(
            !text.contains("secrets.") && !text.contains("pull_request_target"),
            "{}",
            file.display()
        );
        for job in workflow["jobs"].as_object().unwrap().values() {
            assert_eq!(
                using(job, "actions/checkout@")["with"]["persist-credentials"],
                false
            );
            assert!(job["timeout-minutes"].is_u64());
        }
    }
}

#[test]
fn nothing_that_somebody_else_writes_becomes_part_of_a_script() {
    for step in all_steps() {
        let script = step["run"].as_str().unwrap_or_default();
        assert!(!script.contains("${{"), "{script}");
    }
}

#[test]
fn the_pack_is_always_kept_and_a_fresh_machine_checks_it() {
    for name in PACKS {
        let workflow = workflow(name);
        assert_eq!(workflow["name"], name);
        let (run, verify) = (&workflow["jobs"]["run"], &workflow["jobs"]["verify"]);
        let kept = using(run, "actions/upload-artifact@");
        assert_eq!(steps(run).last(), Some(kept), "nothing comes after it");
        assert_eq!(kept["if"], "always()");
        assert_eq!(
            (&kept["with"]["name"], &kept["with"]["if-no-files-found"]),
            (&json!(name), &json!("error"))
        );
        let given = &using(run, "./")["with"];
        assert_eq!(given["artifact-dir"], kept["with"]["path"]);
        assert_eq!(given["substrate"], "docker");

        assert_eq!(verify["needs"], "run");
        assert_eq!(
            verify["if"], "${{ !cancelled() }}",
            "a failed run is checked as well"
        );
        let fetched = &using(verify, "actions/download-artifact@")["with"];
        assert_eq!(fetched["name"], kept["with"]["name"]);
        let scripts: Vec<&str> = steps(verify)
            .iter()
            .filter_map(|step| step["run"].as_str())
            .collect();
        let profile = given["profile"].as_str().unwrap();
        let checks = [
            format!("scripts/check_pack downloaded unpacked {profile}"),
            "cargo build --locked --package closure --no-default-features".to_owned(),
            "target/x86_64-unknown-linux-gnu/debug/closure verify --gates gates downloaded/closure_pack_artifact.zip"
                .to_owned(),
        ];
        assert_eq!(scripts, checks);
        assert_eq!(fetched["path"], "downloaded");
    }
}

#[test]
fn the_authority_run_asks_for_its_runner_and_falls_back_to_one_there_is() {
    let workflow = workflow(PACKS[1]);
    let on = workflow["on"].as_object().unwrap();
    let events: Vec<&String> = on.keys().collect();
    assert_eq!(events, ["workflow_dispatch", "pull_request", "merge_group"]);
    let inputs = on["workflow_dispatch"]["inputs"].as_object().unwrap();
    assert_eq!(
        inputs.keys().collect::<Vec<_>>(),
        ["runner_label", "artifact_dir"]
    );
    assert_eq!(
        workflow["jobs"]["run"]["runs-on"],
        "${{ inputs.runner_label || 'ubuntu-latest' }}"
    );
    let on = &self::workflow(PACKS[0])["on"];
    assert!(
        on["push"]["branches"] == json!(["main"]) && on.get("pull_request").is_some(),
        "{on}"
    );
}

#[test]
fn what_the_action_calls_is_there() {
    let action = read(&repository("action.yml"));
    let scripts: Vec<&str> = steps(&action["runs"])
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    assert!(scripts.join("\n").contains("scripts/setup"));
    for script in [
        "scripts/setup",
        "scripts/check_pack",
        "scripts/required_artifacts",
        ".ci/run",
    ] {
        assert!(repository(script).is_file(), "{script}");
    }
    for words in ["doctor --suite", "--substrate", "--artifact-dir"] {
        assert!(scripts.iter().any(|script| script.contains(words)), "{words}");
    }
}
