//! The seal: what a run was carried out on is on paper, and whatever changes while it goes on ends it, by name.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    good::{dsn_of, good, leader},
    running::{Running, beside_others},
    suite::{Said, Suite, verify},
};

fn seal_of(pack: &Path) -> Value {
    serde_json::from_slice(&fs::read(pack.join("seal.json")).unwrap()).unwrap()
}

#[test]
fn the_seal_says_what_a_run_was_carried_out_on_and_that_it_stayed_so() {
    let seal = seal_of(&good().pack);
    assert_eq!(seal["substrate"], "native");
    assert_eq!(seal["substrate_asked"], "native");
    assert_eq!(seal["first"]["schema"], json!([{"table_name": "notes"}]));
    for service in ["counter", "postgres"] {
        let digest = seal["first"][format!("service {service}")]["digest"]
            .as_str()
            .unwrap();
        assert_eq!(digest.len(), "sha256:".len() + 64, "{service}: {digest}");
    }
    assert_eq!(seal["first"]["closure_sha256"], seal["closure"]["sha256"]);
    assert!(seal["first"]["suite.toml"].is_string() && seal["first"]["M1_notes/gate.toml"].is_string());
    assert_eq!(seal["env_keys"]["counter"], json!(["DATABASE_URL", "LISTEN"]));
    let boundaries = seal["boundaries"].as_array().unwrap();
    let places: Vec<&Value> = boundaries.iter().map(|boundary| &boundary["at"]).collect();
    assert_eq!(places, ["M2", "M1", "the end"]);
    for boundary in boundaries {
        assert_eq!(
            (&boundary["changed"], &boundary["unseen"]),
            (&json!({}), &json!({}))
        );
    }
}

/// Do something while the first gate is being passed, and hear how the run ends.
fn meanwhile(suite: &Suite, act: impl FnOnce(&Running)) -> Said {
    let _together = beside_others();
    let mut running = Running::start(suite.command(&[]));
    running.until(|running| running.has_said("gate 1/2").then_some(()));
    act(&running);
    running.finish()
}

/// The run stopped where the seal broke, says so, and so does its pack.
#[track_caller]
fn assert_broken(suite: &Suite, said: Said, words: &str) {
    let words = format!("the seal broke before M1: {words}");
    said.exits(3)
        .says(&[&format!("stopped    {words}"), "outcome    not_run"]);
    verify(&suite.pack()).exits(1).says(&[&words, "not_run      M1"]);
}

fn git(folder: &Path, words: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    git.args([
        "-c",
        "user.name=somebody",
        "-c",
        "user.email=somebody@example.test",
    ]);
    let done = Said::by(git.args(words));
    assert_eq!(done.code, Some(0), "{words:?}: {done:?}");
}

fn committed() -> Suite {
    let suite = Suite::mini();
    git(&suite.folder(), &["init", "--quiet"]);
    git(&suite.folder(), &["add", "."]);
    git(&suite.folder(), &["commit", "--quiet", "--message", "the suite"]);
    suite
}

#[test]
fn a_commit_made_while_a_run_goes_on_breaks_its_seal() {
    let suite = committed();
    let said = meanwhile(&suite, |_| {
        git(
            &suite.folder(),
            &["commit", "--quiet", "--allow-empty", "--message", "meanwhile"],
        );
    });
    assert_broken(&suite, said, "the commit changed");
}

#[test]
fn a_file_written_into_the_tree_while_a_run_goes_on_breaks_its_seal() {
    let suite = committed();
    let said = meanwhile(&suite, |_| {
        fs::write(suite.folder().join("M1_notes/idea.txt"), "later").unwrap();
    });
    assert_eq!(seal_of(&suite.pack())["git"]["dirty"], false);
    assert_broken(&suite, said, "whether the working tree is clean changed");
}

#[test]
fn a_gate_that_is_reworded_while_a_run_goes_on_breaks_its_seal() {
    let suite = Suite::mini();
    let said = meanwhile(&suite, |_| {
        let gate = suite.folder().join("M1_notes/gate.toml");
        let lenient = fs::read_to_string(&gate).unwrap() + "\n# lenient\n";
        fs::write(gate, lenient).unwrap();
    });
    assert_broken(&suite, said, "`M1_notes/gate.toml` changed");
}

#[test]
fn a_table_that_somebody_else_makes_while_a_run_goes_on_breaks_its_seal() {
    let suite = Suite::mini();
    let said = meanwhile(&suite, |running| {
        let counter = leader(&running.state().unwrap(), "live/counter").unwrap();
        let dsn = dsn_of(counter).expect("it lives");
        let sql = "import psycopg2, sys\nc = psycopg2.connect(sys.argv[1])\nc.autocommit = True\n\
                   c.cursor().execute('create table intruder (id int)')\n";
        let made = Said::by(Command::new("/usr/bin/python3").args(["-c", sql, &dsn]));
        assert_eq!(made.code, Some(0), "{made:?}");
    });
    assert_broken(&suite, said, "`schema` changed");
    let changed = &seal_of(&suite.pack())["boundaries"][1]["changed"]["schema"];
    assert_eq!(
        changed["now"],
        json!([{"table_name": "intruder"}, {"table_name": "notes"}])
    );
}
