//! `closure doctor`: what is here, what is missing, what to do about it; and nothing is touched.

use serde_json::Value;

use crate::{
    running::beside_others,
    suite::{Said, Suite, closure, files_below},
};

/// `closure doctor` over a suite, where neither an engine nor Postgres can be found unless asked for.
fn doctor(suite: &Suite, engine: bool, postgres: bool, more: &[&str]) -> Said {
    let mut command = closure();
    command
        .arg("doctor")
        .arg("--suite")
        .arg(suite.folder())
        .args(more);
    if !engine {
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    }
    if !postgres {
        command.env("PG_BIN", "/nowhere");
    }
    // Not beside a test that takes an image away for a while.
    let _together = beside_others();
    Said::by(command.current_dir(suite.folder()))
}

#[test]
fn what_is_here_is_told_one_line_each_and_nothing_is_touched() {
    let suite = Suite::mini();
    let before = files_below(&suite.folder());
    doctor(&suite, false, true, &[]).exits(0).says(&[
        "missing  engine   the Docker engine does not answer at `/nowhere/docker.sock`",
        "hint: start it, or use `--substrate native`",
        "ok       native   Postgres in `",
        "ok       machine",
        "`full_physics` demands cpus = 4",
        "GiB free for `",
        "note     git      no commit is known here: the pack is not authoritative",
        "ok       ports    127.0.0.1:10000 to ",
        "can run: native",
    ]);
    assert_eq!(files_below(&suite.folder()), before);
}

#[test]
fn a_machine_on_which_nothing_can_run_is_told_what_to_install() {
    doctor(&Suite::mini(), false, false, &[]).exits(5).says(&[
        "found no `initdb` in `PG_BIN`",
        "apt-get install postgresql-15",
        "neither containers nor processes of this host can run the services",
    ]);
}

#[test]
fn a_machine_can_be_asked_as_well() {
    let told = doctor(&Suite::mini(), false, true, &["--json"]).exits(0).json();
    assert_eq!(told["can_run"], serde_json::json!(["native"]));
    assert_eq!(told["exit_code"], 0);
    let items = told["items"].as_array().unwrap();
    let standing = |about: &str| -> Vec<&Value> {
        let of = items.iter().filter(|item| item["about"] == about);
        of.map(|item| &item["standing"]).collect()
    };
    assert_eq!(standing("engine"), ["missing"]);
    assert_eq!(standing("native"), ["here", "here"]);
}

#[test]
fn an_engine_is_told_with_its_version_and_where_each_image_stands() {
    let suite = Suite::mini();
    doctor(&suite, true, false, &[]).exits(0).says(&[
        "ok       engine   Docker ",
        ", API 1.",
        "ok       image    `closure/debian:bookworm` is here",
        "can run: docker",
    ]);
    let suite = suite.reword(
        "compose.yml",
        "closure/debian:bookworm",
        "closure/nobody-made-this:1",
    );
    doctor(&suite, true, false, &[]).exits(5).says(&[
        "missing  image    `closure/nobody-made-this:1` is not here and cannot be pulled",
        "hint: run `scripts/setup`",
    ]);
}

#[test]
fn a_service_that_runs_in_containers_only_is_named() {
    let suite = Suite::mini().reword(
        "compose.yml",
        "argv: [/usr/bin/python3, counter.py]",
        "argv: [/usr/bin/python4]",
    );
    doctor(&suite, false, true, &[])
        .exits(5)
        .says(&["service `counter`: there is no program `/usr/bin/python4`"]);
}

#[test]
fn a_suite_that_is_wrong_is_refused_with_its_complaints() {
    let suite = Suite::mini().reword("M1_notes/gate.toml", "claim = ", "clam = ");
    doctor(&suite, false, true, &[])
        .exits(2)
        .says(&["M1_notes/gate.toml:3:1: unknown key `clam`"]);
}
