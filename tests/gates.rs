//! The reader of suites, from outside: a suite that says everything, and suites that say it wrong, each beside the
//! exact words it earns.
//!
//! `BLESS=1 cargo test --test gates` writes the words down anew; read the difference before you keep it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use closure::gate::{
    self,
    model::{LookAt, PaperForm, Place, Probe, Suite, Tree},
};
use proptest::prelude::*;

type Files = BTreeMap<String, Vec<u8>>;

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/gates")
        .join(name)
}

fn files_below(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files_below(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).expect("a file"));
        }
    }
}

fn files(name: &str) -> Files {
    let mut files = Files::new();
    files_below(&fixtures(name), "", &mut files);
    files
}

fn whole() -> Suite {
    gate::read_from(&files("whole"), "whole").unwrap_or_else(|complaints| panic!("{complaints}"))
}

fn complaints(files: &Files) -> String {
    match gate::read_from(files, "") {
        Ok(_) => "no complaint\n".into(),
        Err(complaints) => format!("{complaints}\n"),
    }
}

/// Compare with the words in a file, line by line, so that a difference can be read.
fn assert_words(path: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, actual).expect("the words can be written");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let (expected_lines, actual_lines): (Vec<_>, Vec<_>) =
        (expected.lines().collect(), actual.lines().collect());
    let missing = expected_lines
        .iter()
        .filter(|line| !actual_lines.contains(line))
        .map(|line| format!("- {line}"));
    let surplus = actual_lines
        .iter()
        .filter(|line| !expected_lines.contains(line))
        .map(|line| format!("+ {line}"));
    let difference: Vec<_> = missing.chain(surplus).collect();
    assert!(
        expected == actual,
        "{}:\n{}",
        path.display(),
        difference.join("\n")
    );
}

fn tomls(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let mut tomls: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    tomls.sort();
    assert!(tomls.len() > 5, "the fixtures are there");
    tomls
}

fn gate<'s>(suite: &'s Suite, id: &str) -> &'s gate::model::Gate {
    suite
        .gates
        .iter()
        .find(|gate| gate.id == id)
        .expect("the gate was read")
}

fn probe<'s>(suite: &'s Suite, id: &str, name: &str) -> &'s Probe {
    gate(suite, id)
        .probes
        .iter()
        .find(|probe| probe.name == name)
        .expect("the probe was read")
}

fn params(probe: &Probe) -> &Tree {
    match &probe.look {
        LookAt::Kind { params, .. } => params,
        LookAt::Steps(_) => panic!("`{}` is a group", probe.name),
    }
}

#[test]
fn a_suite_that_says_everything_is_read() {
    let suite = whole();
    assert_eq!(
        suite
            .gates
            .iter()
            .map(|gate| gate.id.as_str())
            .collect::<Vec<_>>(),
        ["A.1", "B.1", "C.1"]
    );
    assert_eq!(suite.keys["stamp"], 3072);
    assert_eq!(suite.compose, Path::new("whole/../../docker-compose.yml"));
    let lets: Vec<_> = suite.lets.iter().map(|(name, _)| name.as_str()).collect();
    let place = |name: &str| lets.iter().position(|known| *known == name).expect("a let");
    assert!(
        place("suite_name") < place("city"),
        "a let comes after what it needs: {lets:?}"
    );
    let derives: Vec<_> = gate(&suite, "A.1")
        .derives
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(derives, ["states", "first_state"]);
}

#[test]
fn a_suite_read_from_its_folder_is_the_one_read_from_its_bytes() {
    let from_folder = gate::read(&fixtures("whole")).unwrap_or_else(|complaints| panic!("{complaints}"));
    let from_bytes = whole();
    assert_eq!(from_folder.files, from_bytes.files);
    let again =
        gate::read_from(&from_folder.files, "whole").expect("what a suite says of its files is complete");
    assert_eq!(format!("{:?}", again.gates), format!("{:?}", from_folder.gates));
}

#[test]
fn the_files_of_a_suite_are_those_something_refers_to() {
    let mut all = files("whole");
    all.insert("README.md".into(), b"not part of it".to_vec());
    all.insert("B_lend/notes.txt".into(), b"neither is this".to_vec());
    let suite = gate::read_from(&all, "").expect("stray files do no harm");
    assert!(
        suite.files.contains_key("seed/member.sql"),
        "a template's file lies beside the suite"
    );
    assert!(!suite.files.contains_key("README.md") && !suite.files.contains_key("B_lend/notes.txt"));
    let own: Vec<_> = gate(&suite, "B.1").files.keys().map(String::as_str).collect();
    assert_eq!(
        own,
        ["fees.sql", "gate.toml", "open_loans.sql", "swap.sql"],
        "`${{q}}.sql` means every one it could"
    );
}

#[test]
fn a_template_is_filled_in_and_the_probes_own_keys_win() {
    let suite = whole();
    let loans = probe(&suite, "B.1", "loans");
    assert_eq!(
        loans
            .with
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["member", "title"]
    );
    let headers = params(loans).get("headers").expect("headers");
    assert!(headers.get("X-Card").is_some(), "tables merge");
    let Some(Tree::Text(stamp)) = headers.get("X-Stamp") else {
        panic!("a text")
    };
    assert!(
        stamp.source().contains("flip("),
        "the probe's header wins: {}",
        stamp.source()
    );
    let newcomer = probe(&suite, "B.1", "newcomer");
    let with: Vec<_> = newcomer.with.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        with,
        ["id", "id", "branch"],
        "the inner template's parameters come after the outer's"
    );
}

#[test]
fn a_probes_own_body_takes_the_place_of_its_templates_json() {
    let suite = whole();
    let spaced = params(probe(&suite, "B.1", "spaced"));
    assert!(spaced.get("body").is_some() && spaced.get("json").is_none());
}

#[test]
fn a_group_keeps_its_steps_and_their_spans() {
    let suite = whole();
    let LookAt::Steps(steps) = &probe(&suite, "B.1", "shelf").look else {
        panic!("a group")
    };
    assert_eq!(
        steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(),
        ["lend", "seen"]
    );
    assert_eq!(steps[1].until.as_ref().expect("an until").poll.as_millis(), 50);
    let LookAt::Steps(steps) = &probe(&suite, "C.1", "twice").look else {
        panic!("a group")
    };
    assert_eq!(steps[1].during.as_deref(), Some("limit"));
}

#[test]
fn a_class_of_a_load_is_filled_in_with_what_it_was_filled_with_beside_it() {
    let suite = whole();
    let Some(Tree::List(classes)) = params(probe(&suite, "C.1", "rush")).get("class") else {
        panic!("classes")
    };
    let again = &classes[0];
    assert_eq!(again.get("name").and_then(Tree::literal), Some("again"));
    assert!(again.get("with").and_then(|with| with.get("member")).is_some());
    assert!(again.get("request").is_some() && again.get("use").is_none());
    let Some(Tree::Text(count)) = again.get("count") else {
        panic!("a count")
    };
    assert_eq!(
        count.source(),
        "${T / 4}",
        "a sentence among parameters is a text of one expression"
    );
}

#[test]
fn controls_and_papers_are_read_as_written() {
    let suite = whole();
    let control = |id: &str, name: &str| {
        let found = gate(&suite, id)
            .controls
            .iter()
            .find(|control| control.name == name);
        found.expect("the control was read").clone()
    };
    assert_eq!(
        control("A.1", "planted_fallback").sabotage[0].place,
        Place::Scratch
    );
    assert_eq!(control("A.1", "planted_fallback").may_fail, ["starts"]);
    assert_eq!(control("A.1", "handed_over").sabotage[0].place, Place::Rollback);
    let swapped = control("B.1", "swapped");
    assert_eq!(swapped.sabotage.len(), 2);
    assert!(swapped.witness.is_some() && swapped.landed.is_some());
    assert!(swapped.rerun.expect("a rerun")[0].1.is_some());
    let papers = &gate(&suite, "B.1").papers;
    assert!(matches!(papers[0].form, PaperForm::Csv(_)) && matches!(papers[2].form, PaperForm::Text(_)));
}

#[test]
fn gates_belong_to_the_profiles_they_name_or_to_all() {
    let suite = whole();
    let ids = |profile| {
        suite
            .gates_of(profile)
            .map(|gate| gate.id.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("quick"), ["A.1", "B.1", "C.1"]);
    assert_eq!(ids("nobody"), ["A.1", "C.1"]);
}

#[test]
fn a_file_is_the_gates_own_before_it_is_the_suites() {
    let suite = whole();
    let lend = gate(&suite, "B.1");
    assert_eq!(lend.files.get("fees.sql"), Some(&b"select 1;\n".to_vec()));
    assert!(suite.files.contains_key("seed/member.sql"));
}

#[test]
fn every_mistake_of_every_file_is_said_at_once() {
    let words = complaints(&files("bad/many"));
    assert_words(&fixtures("bad/many/complaints.txt"), &words);
}

/// The small suite with folders dropped into it.
fn mini_with(folders: &[&str]) -> Files {
    let mut files = files("../mini");
    for folder in folders {
        files_below(
            &fixtures("dropped").join(folder),
            &format!("{folder}/"),
            &mut files,
        );
    }
    files
}

#[test]
fn a_folder_dropped_into_a_suite_is_a_gate_of_it_and_changes_nothing_else() {
    let read =
        |files: &Files| gate::read_from(files, "mini").unwrap_or_else(|complaints| panic!("{complaints}"));
    let (before, after) = (read(&mini_with(&[])), read(&mini_with(&["good"])));
    let ids: Vec<&str> = after.gates.iter().map(|gate| gate.id.as_str()).collect();
    assert_eq!(ids, ["M2", "M1", "M3"]);
    for known in &before.gates {
        assert_eq!(format!("{known:?}"), format!("{:?}", gate(&after, &known.id)));
    }
    let more = after
        .files
        .keys()
        .filter(|name| !before.files.contains_key(*name));
    assert_eq!(more.collect::<Vec<_>>(), ["good/gate.toml"]);
}

#[test]
fn broken_folders_dropped_into_a_suite_are_refused_with_every_complaint_at_once() {
    let words = complaints(&mini_with(&["good", "loose", "twice"]));
    assert_words(&fixtures("dropped/complaints.txt"), &words);
    for line in words.lines().filter(|line| !line.starts_with("  hint: ")) {
        let place: Vec<&str> = line.splitn(4, ':').collect();
        let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        assert!(
            place.len() == 4 && is_number(place[1]) && is_number(place[2]),
            "{line}"
        );
    }
}

#[test]
fn each_mistake_of_a_gate_earns_its_exact_words() {
    for path in tomls(&fixtures("bad/gate")) {
        let mut files = files("whole");
        files.insert("X/gate.toml".into(), fs::read(&path).expect("a gate"));
        let words = complaints(&files);
        assert_ne!(words, "no complaint\n", "{}", path.display());
        assert_words(&path.with_extension("txt"), &words);
    }
}

#[test]
fn each_mistake_of_a_suite_earns_its_exact_words() {
    let gate = b"id = \"X\"\nname = \"blank\"\nclaim = \"there is a gate\"\n";
    for path in tomls(&fixtures("bad/suite")) {
        let suite = fs::read(&path).expect("a suite");
        let words = complaints(
            &[
                ("suite.toml".into(), suite),
                ("X/gate.toml".into(), gate.to_vec()),
            ]
            .into(),
        );
        assert_ne!(words, "no complaint\n", "{}", path.display());
        assert_words(&path.with_extension("txt"), &words);
    }
}

#[test]
fn a_template_that_uses_itself_is_a_complaint_and_not_the_end_of_the_stack() {
    let mut files = files("whole");
    let suite = files.get_mut("suite.toml").expect("a suite");
    suite.extend(
        b"\n[template.around]\nuse = \"around\"\n[[template.inside.step]]\nname = \"s\"\nuse = \"inside\"\n",
    );
    let gate = "id = \"X\"\nname = \"x\"\nclaim = \"x\"\n[[probe]]\nname = \"a\"\nuse = \"around\"\n[[probe]]\nname = \"b\"\nuse = \"inside\"\n";
    files.insert("X/gate.toml".into(), gate.into());
    let words = complaints(&files);
    assert!(
        words.contains("template `around`: templates are used more than 8 deep"),
        "{words}"
    );
    assert!(
        words.contains("groups inside groups, more than 4 deep"),
        "{words}"
    );
}

#[test]
fn a_folder_that_is_no_suite_is_one_complaint() {
    let empty = tempfile::tempdir().expect("a folder");
    let complaints = gate::read(empty.path()).expect_err("nothing there");
    assert_eq!(complaints.len(), 1);
    let nowhere = gate::read(&empty.path().join("nowhere")).expect_err("no such folder");
    assert!(nowhere.to_string().contains("cannot be read"), "{nowhere}");
}

/// A suite's text with a few bytes cut out, doubled or replaced: nearer to a suite than noise ever is.
fn wounded() -> impl Strategy<Value = (String, Vec<u8>)> {
    let all: Vec<_> = files("whole")
        .into_iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|e| e == "toml"))
        .collect();
    let pick = proptest::sample::select(all);
    (
        pick,
        any::<proptest::sample::Index>(),
        0..40_usize,
        proptest::collection::vec(any::<u8>(), 0..6),
    )
        .prop_map(|((name, mut bytes), at, cut, put)| {
            let at = at.index(bytes.len());
            bytes.splice(at..(at + cut).min(bytes.len()), put);
            (name, bytes)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(suite in proptest::collection::vec(any::<u8>(), 0..200), gate in ".{0,200}") {
        let files = [("suite.toml".into(), suite), ("X/gate.toml".into(), gate.into_bytes())].into();
        let _ = complaints(&files);
    }

    #[test]
    fn no_wound_makes_the_reader_panic((name, bytes) in wounded()) {
        let mut files = files("whole");
        files.insert(name, bytes);
        let _ = complaints(&files);
    }
}
