//! What a suite is told of its weaknesses, word by word, and what it is not blamed for.

use std::collections::BTreeMap;

use super::{Weight, lint};
use crate::{compose::Source, gate};

const SUITE: &str = r#"
grammar = 1
name = "weak"
compose = "compose.yml"
artifact_dir = "artifacts"
service.api = { port = 8000 }
db.admin = { service = "api", database = "d", user = "u" }
env = { API_TICKET = "${ticket('a')}", MODE = "plain" }
fn.ticket = { of = ["x"], is = "mint('ticket/' + x)" }
profile.ci_subset = { within = "1m" }
profile.full_physics = { within = "1m" }
"#;

const COMPOSE: &str = "\
services:
  api:
    image: ${API_IMAGE:-api:1}
    environment:
      TICKET: ${API_TICKET:-none}
      DATABASE_URL: ${DSN?missing DSN}
      ADMIN_TOKEN: ${ADMIN-}
      CACHE: ${CACHE:-redis://cache:hush@127.0.0.1/0}
      MODE: ${MODE:-plain}
";

/// Findings and advice, as they are told.
fn told(gate_text: &str, compose: &str) -> (Vec<String>, Vec<String>) {
    let files: BTreeMap<_, _> = [("suite.toml", SUITE), ("X/gate.toml", gate_text)]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
        .into();
    let suite = gate::read_from(&files, "suite").unwrap_or_else(|complaints| panic!("{complaints}"));
    let compose =
        Source::from_bytes("compose.yml", compose.as_bytes()).unwrap_or_else(|words| panic!("{words}"));
    let (findings, advice): (Vec<_>, Vec<_>) = lint(&suite, &compose, None)
        .into_iter()
        .partition(|weakness| weakness.weight == Weight::Finding);
    let words = |all: Vec<super::Weakness>| all.iter().map(|one| one.complaint.to_string()).collect();
    (words(findings), words(advice))
}

const SOUND: &str = "services: { api: { image: 'api:1' } }";

const HEAD: &str = "id = \"X\"\nname = \"x\"\nclaim = \"it answers\"\n";

const LOOK: &str = "[[probe]]\nname = \"look\"\nkind = \"http\"\nrequest = \"GET api /\"\n";

const CONTROL: &str = "[control.mute]\nsays = \"mute\"\nsabotage = { kind = \"service\", service = \"api\", action = \"pause\" }\nmust_fail = [\"answered\"]\n";

fn gate(assertions: &str, control: &str) -> String {
    format!(
        "{HEAD}{LOOK}[assert]\nanswered = {{ that = \"look.status == 200\", says = \"a\" }}\n{assertions}\n{control}"
    )
}

#[test]
fn a_sound_suite_is_told_nothing() {
    assert_eq!(told(&gate("", CONTROL), SOUND), (vec![], vec![]));
}

#[test]
fn a_claim_that_rests_on_nothing_or_that_nothing_can_refute_is_a_finding() {
    let (findings, _) = told(HEAD, SOUND);
    assert_eq!(
        findings,
        [
            "suite/X/gate.toml:3:1: the claim of `X` has no control: nothing shows that it could be false\n  \
             hint: add a `[control.…]` that breaks what the claim is about",
            "suite/X/gate.toml:3:1: the claim of `X` rests on no assertion\n  \
             hint: say under `[assert]` what must be true for it to hold",
        ]
    );
    let (findings, _) = told(
        &gate("", &format!("{CONTROL}profiles = [\"full_physics\"]\n")),
        SOUND,
    );
    assert_eq!(
        findings,
        [
            "suite/X/gate.toml:3:1: the claim of `X` has no control in profile `ci_subset`\n  \
          hint: let one of its controls belong to that profile, too"
        ]
    );
}

#[test]
fn an_assertion_that_no_control_promises_to_break_is_advice() {
    let (findings, advice) = told(
        &gate("said = { that = \"look.text == 'yes'\", says = \"b\" }", CONTROL),
        SOUND,
    );
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(
        advice,
        [
            "suite/X/gate.toml:10:1: `said` is in no control's `must_fail`: counterfeits alone show that it can turn false\n  \
          hint: name it in the control that breaks it, or write one that does"
        ]
    );
}

#[test]
fn a_sentence_that_cannot_turn_false_is_a_finding_by_name() {
    let sentences = "idle = { that = \"size(look.text) >= 0\", says = \"b\" }\n\
                     blind = { that = \"1 + 1 == 2\", says = \"c\" }\n\
                     half = { that = \"look.status == 200 && (look.ms > 0.0 || true)\", says = \"d\" }";
    let control = CONTROL.replace("[\"answered\"]", "[\"answered\", \"idle\", \"blind\", \"half\"]");
    let (findings, advice) = told(&gate(sentences, &control), SOUND);
    let hint = "\n  hint: compare what was seen with what it should be";
    assert_eq!(
        findings,
        [
            format!("suite/X/gate.toml:10:1: `idle` is decorative: a size is never less than nothing{hint}"),
            format!("suite/X/gate.toml:11:1: `blind` is decorative: it reads nothing that was seen{hint}"),
        ]
    );
    assert_eq!(
        advice,
        [format!(
            "suite/X/gate.toml:12:1: a part of `half` adds nothing: it is `true`{hint}"
        )]
    );
}

#[test]
fn a_secret_with_a_fallback_is_found_by_what_fills_it_by_its_name_and_by_the_fallback_itself() {
    let (findings, _) = told(&gate("", CONTROL), COMPOSE);
    let would = "a service would start although nobody told it";
    assert_eq!(
        findings,
        [
            format!(
                "compose.yml:5:15: `API_TICKET` has a fallback, and the suite fills it with a secret: {would}\n  \
                 hint: write `${{API_TICKET?missing API_TICKET}}`"
            ),
            format!(
                "compose.yml:7:20: `ADMIN` has a fallback, and its name is a secret's: {would}\n  \
                 hint: write `${{ADMIN?missing ADMIN}}`"
            ),
            format!(
                "compose.yml:8:14: `CACHE` has a fallback, and the fallback holds a password: {would}\n  \
                 hint: write `${{CACHE?missing CACHE}}`"
            ),
        ]
    );
}
