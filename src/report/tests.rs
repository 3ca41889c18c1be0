//! What a record is turned into, file by file: values, and what hostile words become.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Case, authority, derive};
use crate::{
    digest::Digest,
    gate,
    judge::{judge, verdict::Constants},
    observation::{GateRecord, Names},
    outcome::Outcome,
    pack::Files,
    plan::{Estimate, Plan, PlannedGate},
};

const SUITE: &str = r#"
grammar = 1
name = "tests & <b>more</b>"
compose = "compose.yml"
artifact_dir = "artifacts"
service.api = { port = 8000 }
db.admin = { service = "api", database = "d", user = "u" }
profile.ci_subset = { within = "1m", demands = { cpus = 2, steal_pct = 5 } }
profile.full_physics = { within = "1m", demands = { cpus = 2, steal_pct = 5 } }
"#;

const GATE: &str = r#"
id = "EG8.5"
name = "ingestion_under_load"
claim = "no <script>alert(1)</script> | gets through, and no ]]> either"

[[probe]]
name = "look"
kind = "http"
request = "GET api /"

[[probe]]
name = "rows"
kind = "sql"
db = "admin"
query = "select 1"

[assert]
answered = { that = "look.status == 200", says = "it | answers" }
said     = { that = "look.text == 'yes'", says = "it says ]]> `yes`" }

[control.mute]
says      = "somebody takes its <voice>"
sabotage  = { kind = "service", service = "api", action = "pause" }
must_fail = ["answered"]

[[paper]]
summary = "eg8_5"
json    = "{'status': look.status}"

[[paper]]
file = "sql/rows.csv"
csv  = "rows"

[[paper]]
file = "later.json"
json = "look.json.not_there"
"#;

/// No raw files at all.
struct Nothing;

impl Files for Nothing {
    fn paths(&self) -> Vec<String> {
        Vec::new()
    }

    fn bytes(&self, path: &str) -> std::io::Result<Vec<u8>> {
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.to_owned()))
    }
}

/// Files by name only.
struct Held<const N: usize>([&'static str; N]);

impl<const N: usize> Files for Held<N> {
    fn paths(&self) -> Vec<String> {
        self.0.map(str::to_owned).into()
    }

    fn bytes(&self, path: &str) -> std::io::Result<Vec<u8>> {
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.to_owned()))
    }
}

fn plan(profile: &str) -> Plan {
    Plan {
        format: 1,
        suite: "tests & <b>more</b>".into(),
        profile: profile.to_owned(),
        only: Vec::new(),
        compose_sha256: Digest::of("compose"),
        suite_sha256: Digest::of("suite"),
        services: vec!["api".into()],
        gates: vec![PlannedGate {
            id: "EG8.5".into(),
            name: "ingestion_under_load".into(),
            claim: "no <script>alert(1)</script> | gets through, and no ]]> either".into(),
            needs: Vec::new(),
            asked_for: true,
            sha256: Digest::of("gate"),
            looks: Vec::new(),
            assertions: Vec::new(),
            controls: Vec::new(),
        }],
        outside_profile: vec!["EG8.B".into()],
        estimate: Estimate::default(),
    }
}

fn record(text: &str) -> GateRecord {
    serde_json::from_value(json!({
        "gate": "EG8.5",
        "pass": {"lets": {}, "seen": {
            "look": {"t_ms": 1, "status": 200, "text": text},
            "rows": {"t_ms": 2, "columns": ["a", "b"], "rows": [{"a": "x,\"y\"", "b": null}, {"a": "=1", "b": 7}]},
        }},
    }))
    .expect("it is a record")
}

/// A run of one gate whose look was answered so.
fn case(profile: &str, text: &str) -> Case {
    let files: BTreeMap<_, _> = [("suite.toml", SUITE), ("EG8.5/gate.toml", GATE)]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
        .into();
    let suite = gate::read_from(&files, "suite").unwrap_or_else(|complaints| panic!("{complaints}"));
    let (constants, record) = (Constants::default(), record(text));
    let verdict = judge(
        &suite.gates[0],
        &suite.functions,
        &constants,
        &Names::new(),
        &record,
        profile,
    );
    Case {
        plan: plan(profile),
        suite,
        constants,
        seal: json!({
            "run_id": "r-1", "substrate": "docker", "keep": false, "stopped_by": null,
            "started_at": "2026-11-20T10:00:00.000Z", "finished_at": "2026-11-20T10:01:00.000Z",
            "git": {"sha": "abc", "dirty": false},
        }),
        physics: json!({
            "github": {"run_id": "77"}, "host": {"cpu_count": 4, "mem_total_kib": 16_777_216},
            "during": [{"t_ms": 0, "all_ticks": 1000, "steal_ticks": 0}, {"t_ms": 1000, "all_ticks": 1100, "steal_ticks": 1}],
        }),
        records: [("EG8.5".to_owned(), record)].into(),
        verdicts: vec![verdict],
    }
}

fn text(files: &BTreeMap<String, Vec<u8>>, path: &str) -> String {
    let bytes = files
        .get(path)
        .unwrap_or_else(|| panic!("no {path} among {:?}", files.keys()));
    String::from_utf8(bytes.clone()).expect("it is text")
}

fn document(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
    serde_json::from_str(&text(files, path)).expect("it is JSON")
}

#[test]
fn the_summary_speaks_of_gates_by_the_names_adjudicators_know() {
    let (files, _) = derive(&case("ci_subset", "no"), &Nothing);
    let summary = document(&files, "phase8_gate_summary.json");
    assert_eq!(summary["status"], "failed");
    assert_eq!(summary["outcome"], "fail");
    assert_eq!(summary["run_authority"], "ci_subset");
    assert_eq!(
        (&summary["ci_subset"], &summary["full_physics"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(summary["authoritative"], false);
    assert_eq!(summary["candidate_sha"], "abc");
    assert_eq!(summary["started_at"], "2026-11-20T10:00:00.000Z");
    assert_eq!(summary["eg8_5"], json!({"status": 200}));
    assert_eq!(summary["outside_profile"], json!(["EG8.B"]));
    let gate = &summary["gates"]["eg8_5_ci_sanity"];
    assert_eq!(gate["id"], "EG8.5");
    assert_eq!(gate["outcome"], "fail");
    assert_eq!(gate["assertions"][1]["standing"], "broken");
    assert_eq!(gate["assertions"][1]["expected"], "yes");
    assert_eq!(gate["assertions"][1]["actual"], json!({"look.text": "no"}));
    assert_eq!(
        gate["evidence"],
        json!([
            "gates/EG8.5/gate.toml",
            "gates/EG8.5/observations.json",
            "gates/EG8.5/outcome.json",
            "sql/rows.csv",
            "gates/EG8.5/controls/mute.json",
            "controls/kill_matrix.json",
        ])
    );
    assert_eq!(gate["claim_reads"], "FALSE");
    assert_eq!(
        summary["negative_controls"]["EG8.5.mute"][0]["passed"],
        json!(false)
    );
    let error = summary["error"].as_str().expect("it says why");
    assert!(error.starts_with("EG8.5: "), "{error}");
    assert_eq!(
        files["phase8_gate_summary.json"],
        files["phase8_gate_summary_ci_subset.json"]
    );
}

#[test]
fn a_run_that_was_stopped_says_so_in_every_paper() {
    let mut case = case("ci_subset", "yes");
    case.seal["stopped_by"] = json!("interrupted by <SIGINT>");
    let (files, _) = derive(&case, &Nothing);
    let summary = document(&files, "phase8_gate_summary.json");
    assert_eq!(summary["status"], "failed");
    assert_eq!(summary["error"], "interrupted by <SIGINT>");
    assert!(
        text(&files, "REPORT.md").contains("**This run did not reach its end: interrupted by <SIGINT>.**")
    );
    assert!(
        text(&files, "report.html")
            .contains("This run did not reach its end: interrupted by &#60;SIGINT&#62;.")
    );
}

#[test]
fn an_outcome_can_be_read_by_people_and_its_kills_stand_in_the_matrix() {
    let (files, _) = derive(&case("ci_subset", "yes"), &Nothing);
    let outcome = document(&files, "gates/EG8.5/outcome.json");
    assert_eq!(outcome["assertions"][0]["standing"], "held");
    assert_eq!(outcome.get("kills"), None);
    let matrix = document(&files, "controls/kill_matrix.json");
    let rows = matrix["EG8.5"]["rows"].as_array().expect("rows");
    assert_eq!(rows[0]["assertion"], "answered");
    assert!(rows[0]["killed"].as_u64() > Some(0), "{rows:?}");
    let control = document(&files, "gates/EG8.5/controls/mute.json");
    assert_eq!(control["says"], "somebody takes its <voice>");
    assert_eq!(control["proof"], "not_run");
    assert_eq!(control["must_fail"], json!(["answered"]));
}

#[test]
fn no_word_of_a_gate_becomes_markup_of_the_page() {
    let (files, _) = derive(&case("ci_subset", "no"), &Nothing);
    let page = text(&files, "report.html");
    assert!(
        !page.contains("<script") && !page.contains("<voice>") && !page.contains("<b>"),
        "{page}"
    );
    assert!(
        page.contains("no &#60;script&#62;alert(1)&#60;/script&#62; | gets through"),
        "{page}"
    );
    assert!(
        page.contains("<title>tests &#38; &#60;b&#62;more&#60;/b&#62;: fail</title>"),
        "{page}"
    );
    assert!(
        page.contains("<td>broken</td>") && page.contains("<td>held</td>"),
        "{page}"
    );
}

#[test]
fn no_word_of_a_gate_leaves_its_cell_of_the_report() {
    let (files, _) = derive(&case("ci_subset", "no"), &Nothing);
    let report = text(&files, "REPORT.md");
    assert!(
        report.contains("| `answered` | it \\| answers | held | 1 |"),
        "{report}"
    );
    assert!(
        report.contains("| `said` | it says ]]> 'yes' | broken | 1 |"),
        "{report}"
    );
    assert!(
        report.contains("| | `look.text == 'yes'` actual `{\"look.text\":\"no\"}` | | | |"),
        "{report}"
    );
    assert!(report.contains("| EG8.5 | fail | 1/2 | 0/1 |"), "{report}");
    assert!(
        report.contains(
            "| EG8.5 | **FALSE** | no <script>alert(1)</script> \\| gets through, and no ]]> either | \
             `gates/EG8.5/gate.toml`<br>`gates/EG8.5/observations.json`<br>"
        ),
        "{report}"
    );
    assert!(
        report.contains("| EG8.B | | outside this profile | |"),
        "{report}"
    );
    assert!(
        report.contains("**not_run** mute: somebody takes its <voice>"),
        "{report}"
    );
    assert!(report.contains("- profile `ci_subset` is a subset"), "{report}");
}

/// A case in which the gate came to this, and nothing else is another.
fn come_to(outcome: Outcome) -> Case {
    let mut case = case("ci_subset", "yes");
    case.verdicts[0].outcome = outcome;
    case
}

#[test]
fn a_claim_reads_the_same_in_every_paper_and_nobody_knows_is_never_true() {
    for (outcome, word) in [
        (Outcome::Pass, "TRUE"),
        (Outcome::Fail, "FALSE"),
        (Outcome::Unproven, "UNKNOWN"),
        (Outcome::Inconclusive, "UNKNOWN"),
        (Outcome::NotRun, "UNKNOWN"),
    ] {
        let (files, _) = derive(&come_to(outcome), &Nothing);
        let summary = document(&files, "phase8_gate_summary.json");
        assert_eq!(summary["gates"]["eg8_5_ci_sanity"]["claim_reads"], word);
        let row = format!("| EG8.5 | **{word}** |");
        assert!(text(&files, "REPORT.md").contains(&row), "{outcome}");
        let words = format!("This claim reads <b class=\"{outcome}\">{word}</b>.");
        assert!(text(&files, "report.html").contains(&words), "{outcome}");
    }
}

#[test]
fn every_path_a_claim_names_is_a_file_of_the_pack_and_the_rows_of_its_loads_are_among_them() {
    let mut case = case("ci_subset", "yes");
    let seen = &mut case.records.get_mut("EG8.5").expect("a record").pass;
    let seen = &mut seen.as_mut().expect("a pass").seen;
    seen.insert(
        "storm".into(),
        json!({"raw": "load/t2", "target_rps": 1.0, "seconds": 1.0, "begin_ms": 0}),
    );
    let given = Held([
        "load/t2/requests.csv",
        "load/t2/latency.hlog",
        "load/t2x/requests.csv",
        "logs/api.log",
    ]);
    let (files, _) = derive(&case, &given);
    let summary = document(&files, "phase8_gate_summary.json");
    let evidence = summary["gates"]["eg8_5_ci_sanity"]["evidence"]
        .as_array()
        .expect("a list");
    let loads: Vec<&str> = evidence
        .iter()
        .filter_map(Value::as_str)
        .filter(|path| path.starts_with("load/") || path.starts_with("logs/"))
        .collect();
    assert_eq!(loads, ["load/t2/latency.hlog", "load/t2/requests.csv"]);
    for path in evidence.iter().filter_map(Value::as_str) {
        let is_derived = files.contains_key(path);
        let is_given = ["gates/EG8.5/gate.toml", "gates/EG8.5/observations.json"].contains(&path);
        assert!(is_derived || is_given || loads.contains(&path), "{path}");
    }
}

#[test]
fn a_gate_that_was_not_run_shows_why_and_claims_no_kill_matrix() {
    let mut case = come_to(Outcome::NotRun);
    case.verdicts[0].controls.clear();
    let why = json!({"gate": "EG8.5", "not_run": "left out"});
    case.records = [("EG8.5".to_owned(), serde_json::from_value(why).expect("a record"))].into();
    let (files, _) = derive(&case, &Nothing);
    let summary = document(&files, "phase8_gate_summary.json");
    assert_eq!(
        summary["gates"]["eg8_5_ci_sanity"]["evidence"],
        json!([
            "gates/EG8.5/gate.toml",
            "gates/EG8.5/observations.json",
            "gates/EG8.5/outcome.json",
        ])
    );
}

#[test]
fn a_failure_keeps_its_words_in_junit_whatever_they_are() {
    let (files, faults) = derive(&case("ci_subset", "a ]]> b <c>"), &Nothing);
    let xml = text(&files, "junit.xml");
    assert!(!faults.contains_key("junit.xml"));
    assert!(!xml.contains("]]>"), "{xml}");
    assert!(
        xml.contains("<testsuite name=\"EG8.5\" tests=\"3\" skipped=\"0\" errors=\"0\" failures=\"2\">"),
        "{xml}"
    );
    assert!(
        xml.contains("<failure message=\"it says ]]&gt; `yes`\">"),
        "{xml}"
    );
    assert!(xml.contains("a ]]&gt; b &lt;c&gt;"), "{xml}");
    assert!(xml.contains("<testcase name=\"answered\"/>"), "{xml}");
    assert!(
        xml.contains("<testsuite name=\"EG8.5 controls\" tests=\"1\" skipped=\"1\""),
        "{xml}"
    );
}

#[test]
fn a_table_of_rows_is_quoted_and_null_is_nothing() {
    let (files, _) = derive(&case("ci_subset", "yes"), &Nothing);
    assert_eq!(text(&files, "sql/rows.csv"), "a,b\n\"x,\"\"y\"\"\",\n=1,7\n");
}

#[test]
fn a_paper_that_nothing_could_fill_is_told_of_instead_of_left_out_silently() {
    let (files, faults) = derive(&case("ci_subset", "yes"), &Nothing);
    assert!(!files.contains_key("later.json"));
    let told: Vec<&String> = faults.keys().collect();
    assert_eq!(told, ["gates/EG8.5/gate.toml: paper 3"]);
    let report = text(&files, "REPORT.md");
    assert!(
        report.contains("## Not made: what was seen does not say it"),
        "{report}"
    );
    assert!(
        report.contains("- `gates/EG8.5/gate.toml: paper 3`: "),
        "{report}"
    );
}

#[test]
fn the_same_record_gives_the_same_bytes_twice() {
    let [one, other] = ["no", "no"].map(|text| derive(&case("ci_subset", text), &Nothing));
    assert_eq!(one, other);
}

/// A run that nothing keeps from being authoritative, but what `change` does to it.
fn withheld(change: impl FnOnce(&mut Case)) -> Vec<String> {
    let mut case = case("full_physics", "yes");
    case.verdicts[0].outcome = Outcome::Pass;
    change(&mut case);
    let authority = authority(&case);
    assert_eq!(authority.authoritative, authority.withheld.is_empty());
    authority.withheld
}

#[test]
fn authority_is_withheld_for_each_thing_that_was_not_as_demanded_by_name() {
    assert_eq!(withheld(|_| {}), Vec::<String>::new());
    let reason = |change: fn(&mut Case)| {
        let withheld = withheld(change);
        assert_eq!(withheld.len(), 1, "{withheld:?}");
        withheld[0].clone()
    };
    for (change, words) in [
        (
            (|case| case.plan.profile = "ci_subset".into()) as fn(&mut Case),
            "profile `ci_subset` is a subset",
        ),
        (
            |case| case.seal["substrate"] = json!("native"),
            "substrate `native`: authority needs `docker`",
        ),
        (
            |case| case.plan.only = vec!["EG8.5".into()],
            "`--only EG8.5` left gates out",
        ),
        (
            |case| case.seal["keep"] = json!(true),
            "`--keep` left the topology up",
        ),
        (
            |case| case.physics["host"]["cpu_count"] = json!(1),
            "the machine: `cpus` 1.0, demanded 2",
        ),
        (
            |case| case.physics["during"][1]["steal_ticks"] = json!(10),
            "the machine: `steal_pct` 10.0, demanded 5",
        ),
        (
            |case| case.physics["during"] = json!([]),
            "the machine: `steal_pct` not seen, demanded 5",
        ),
        (
            |case| {
                let unseen = json!({"migration_head": "connection refused"});
                case.seal["boundaries"] =
                    json!([{"at": "EG8.5", "unseen": {}}, {"at": "the end", "unseen": unseen}]);
            },
            "the seal: `migration_head` was not seen at boundary `the end`: connection refused",
        ),
        (
            |case| {
                let request = "GET api /openapi.json".to_owned();
                let sealed = crate::gate::model::Sealed::Document { request };
                case.suite.seal.insert("openapi".to_owned(), sealed);
            },
            "the seal: `openapi` was never seen",
        ),
        (
            |case| case.physics["github"] = json!({}),
            "no CI identity: the run has no run id",
        ),
        (
            |case| case.seal["git"]["dirty"] = json!(true),
            "the working tree is dirty",
        ),
        (|case| case.seal["git"] = json!(null), "the commit is not known"),
        (
            |case| case.verdicts[0].outcome = Outcome::Unproven,
            "the outcome is `unproven`",
        ),
    ] {
        assert_eq!(reason(change), words);
    }
    let stopped = withheld(|case| case.seal["stopped_by"] = json!("interrupted by SIGTERM"));
    assert_eq!(
        stopped,
        [
            "the run did not reach its end: interrupted by SIGTERM",
            "the outcome is `not_run`"
        ]
    );
}
