//! A record on a disk that fills up: words of its own, an exit code of its own, and nothing left running.

use std::{fs, path::Path, process::Command};

use crate::{
    good::good,
    running::{alone, beside_others},
    suite::{Said, Suite, files_below},
    traces::assert_nothing_left,
};

/// Run it with its record on a disk of so many KiB, in namespaces of its own: their first process is the only one
/// that may be left when the run is over, and a folder of runs that nobody else writes to must be empty.
fn on_a_disk_of(kib: u64, suite: &Suite) -> Said {
    fs::create_dir(suite.pack()).unwrap();
    let script = "mount -t tmpfs -o size=\"$1\"k none \"$2\" && mount -t tmpfs none \"$3\" && shift 3 || exit 99
\"$@\"; code=$?
for left in /proc/[0-9]*; do [ \"$left\" = /proc/1 ] || echo \"LEFT RUNNING $left $(tr '\\0' ' ' < \"$left\"/cmdline)\"; done
find \"$RUNS\" -mindepth 1 -printf 'LEFT BEHIND %p\\n'
find \"$PACK\" -name '*.part' -printf 'LEFT HALF WRITTEN %p\\n'
exit $code";
    let runs = closure::topology::default_root();
    fs::create_dir_all(&runs).unwrap();
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--map-current-user", "--keep-caps"]);
    }
    unshare
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "bash",
            "-c",
            script,
            "bash",
        ])
        .arg(kib.to_string())
        .arg(suite.pack())
        .arg(&runs)
        .env("RUNS", &runs)
        .env("PACK", suite.pack());
    let run = suite.command(&[]);
    unshare.arg(run.get_program()).args(run.get_args());
    let _together = beside_others();
    Said::by(&mut unshare)
}

/// The same in containers, where the processes are the engine's and what may be left is known by the run's label: the
/// first line of the timeline says which run it was.
fn in_containers_on_a_disk_of(kib: u64, suite: &Suite) -> Said {
    fs::create_dir(suite.pack()).unwrap();
    let script = "mount -t tmpfs -o size=\"$1\"k none \"$2\" && shift 2 || exit 99
\"$@\"; code=$?
head -n 1 \"$PACK\"/timeline.jsonl
ls \"$PACK\"/logs/counter.log
exit $code";
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--map-current-user", "--keep-caps"]);
    }
    unshare
        .args(["--mount", "bash", "-c", script, "bash"])
        .arg(kib.to_string())
        .arg(suite.pack())
        .env("PACK", suite.pack());
    let run = suite.command_on("docker", &[]);
    unshare.arg(run.get_program()).args(run.get_args());
    let _silence = alone();
    Said::by(&mut unshare)
}

/// What a record of this suite weighs, without the archive, in KiB.
fn weight() -> u64 {
    let is_sealed = |name: &str| name.starts_with("closure_pack_artifact");
    let files = files_below(Path::new(&good().pack)).into_iter();
    let pages = files
        .filter(|(name, _)| !is_sealed(name))
        .map(|(_, bytes)| (bytes.len() as u64).div_ceil(4096));
    pages.sum::<u64>() * 4
}

#[track_caller]
fn assert_told(said: Said) {
    let said = said
        .exits(7)
        .says(&["No space left on device", "hint: make room"]);
    let all = format!("{}{}", said.out, said.err);
    assert!(!all.contains("LEFT ") && !all.contains("bug in closure"), "{all}");
}

#[test]
fn a_disk_without_room_for_a_record_is_told_before_anything_starts() {
    let said = on_a_disk_of(8, &Suite::mini());
    assert!(!said.err.contains("bring-up"), "{said:?}");
    assert_told(said);
}

#[test]
fn a_disk_that_fills_up_while_the_gates_are_passed_ends_the_run() {
    let said = on_a_disk_of(weight() / 3, &Suite::mini());
    assert!(said.err.contains("bring-up"), "{said:?}");
    assert_told(said.says(&["this record stays unfinished"]));
}

#[test]
fn a_disk_without_room_for_the_archive_leaves_no_half_of_one() {
    let said = on_a_disk_of(weight() + weight() / 4, &Suite::mini());
    assert_told(said.says(&["closure_pack_artifact.zip"]));
}

#[test]
fn a_disk_that_fills_up_under_a_run_in_containers_leaves_nothing_on_the_engine() {
    let suite = Suite::mini();
    let said = in_containers_on_a_disk_of(weight() / 3, &suite);
    assert!(said.err.contains("bring-up"), "{said:?}");
    let opened = said
        .out
        .lines()
        .find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .unwrap_or_else(|| panic!("the record was opened: {said:?}"));
    assert_nothing_left(opened["run_id"].as_str().unwrap());
    assert_told(said.says(&["this record stays unfinished", "logs/counter.log"]));
}
