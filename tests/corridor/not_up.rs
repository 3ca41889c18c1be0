//! A topology that does not come up: exit 5, the last words of the one that fell, and a pack that says so.

use std::{fs, path::Path};

use crate::{
    running::{Running, beside_others},
    suite::{Said, Suite, verify},
    traces::assert_nothing_left,
};

/// The run says why; so does its pack, which is whole; and nothing of it is left.
#[track_caller]
fn assert_not_up(suite: &Suite, said: Said, words: &[&str]) {
    said.exits(5)
        .says(words)
        .says(&["stopped    the topology did not come up", "outcome    not_run"]);
    verify(&suite.pack())
        .exits(1)
        .says(words)
        .says(&["not_run      M1", "not_run      M2"]);
    assert_nothing_left(&run_of(&suite.pack()));
}

fn run_of(pack: &Path) -> String {
    let toc: serde_json::Value = serde_json::from_slice(&fs::read(pack.join("pack.json")).unwrap()).unwrap();
    toc["run_id"].as_str().unwrap().to_owned()
}

const SUBSTRATES: [&str; 2] = ["native", "docker"];

#[test]
fn a_service_that_refuses_to_start_is_named_with_its_last_words() {
    for substrate in SUBSTRATES {
        let suite = Suite::mini().reword(
            "counter.py",
            "def main():\n",
            "def main():\n    sys.exit('counter: out of paper')\n",
        );
        let said = suite.run_on(substrate, &[]);
        assert_not_up(
            &suite,
            said,
            &["`counter` exited with 1", "counter: out of paper"],
        );
        let log = fs::read_to_string(suite.pack().join("logs/counter.log")).unwrap();
        assert!(log.contains("counter: out of paper"), "{substrate}: {log}");
    }
}

#[test]
fn a_service_that_never_becomes_healthy_is_named_with_what_was_last_seen() {
    for substrate in SUBSTRATES {
        let suite = Suite::mini()
            .reword(
                "counter.py",
                "self.notes.run(\"select 1\")",
                "self.notes.run(\"select 1 from paper\")",
            )
            .reword("compose.yml", "retries: 50", "retries: 20");
        let said = suite.run_on(substrate, &[]);
        assert_not_up(&suite, said, &["`counter` is unhealthy", "503"]);
    }
}

#[test]
fn a_machine_without_postgres_is_told_what_to_install() {
    let suite = Suite::mini();
    assert_not_up(
        &suite,
        without_postgres(&suite),
        &["found no `initdb` in `PG_BIN`", "apt-get install postgresql-15"],
    );
}

#[test]
fn a_former_pack_is_moved_aside_under_its_run_and_stays_sound() {
    let suite = Suite::mini();
    without_postgres(&suite).exits(5);
    let first = run_of(&suite.pack());
    let aside = suite.pack().with_file_name(format!("pack.{first}"));
    without_postgres(&suite)
        .exits(5)
        .says(&[&format!("the former pack is now `{}`", aside.display())]);
    assert_ne!(run_of(&suite.pack()), first);
    verify(&aside).exits(1);
    assert_eq!(run_of(&aside), first);
}

fn without_postgres(suite: &Suite) -> Said {
    let _together = beside_others();
    let mut command = suite.command(&[]);
    command.env("PG_BIN", "/nowhere");
    Running::start(command).finish()
}
