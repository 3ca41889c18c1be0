//! What the corridor costs where nothing of it waits for a service: sealing and strict reading by the megabyte, a
//! schedule by the arrival, figures and conservation by the request.
//!
//! `cargo bench` prints the median of a few rounds of each, and the slowest. Nothing here is a gate.

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use closure::{
    account::{FoundRow, Lands, Planned, RequestRow, Table, conserve, load, write_requests},
    load::{Arrivals, ClassPlan, Schedule},
    outcome::Outcome,
    pack::{self, Label, Whole},
};

const ROUNDS: usize = 7;
/// Requests of ten minutes at 100 a second.
const REQUESTS: usize = 60_000;
/// Files and size of each: together 64 MiB.
const FILES: (usize, usize) = (64, 1 << 20);

fn main() {
    let folder = record();
    let mebibytes = count(FILES.0 * FILES.1) / f64::from(1 << 20);
    let label = Label {
        run_id: "bench".to_owned(),
        run_authority: "ci_subset".to_owned(),
        outcome: Outcome::NotRun,
    };
    let seal = || pack::seal(folder.path(), &label).expect("it can be sealed");
    let archive = seal().archive;
    told("seal", "MiB", mebibytes, || drop(black_box(seal())));
    told("read strictly", "MiB", mebibytes, || {
        let whole = Whole::read(&archive);
        assert!(black_box(whole).is_ok(), "it is whole");
    });

    let rows = requests();
    let found = rows_of(&rows);
    let planned = Planned {
        target_rps: 100.0,
        seconds: 600.0,
        begin_ms: 0,
    };
    told("schedule", "arrivals", count(REQUESTS), || {
        drop(black_box(schedule()));
    });
    told("figures", "requests", count(REQUESTS), || {
        black_box(load(&planned, &rows));
    });
    told("conservation", "requests", count(REQUESTS), || {
        let figures = black_box(conserve(&rows, &found));
        assert_eq!(figures["residual"], 0, "every request is accounted for");
    });
    told("requests.csv", "requests", count(REQUESTS), || {
        black_box(write_requests(&rows));
    });
}

/// Do it a few times, and print how much of it is done in a second.
fn told(what: &str, unit: &str, amount: f64, mut work: impl FnMut()) {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    let rate = |round: Duration| amount / round.as_secs_f64();
    println!(
        "{what:<14} {:>12.0} {unit}/s, at worst {:>12.0}",
        rate(rounds[ROUNDS / 2]),
        rate(rounds[ROUNDS - 1])
    );
}

/// A record of many large files; what they hold is of no interest, but no two hold the same.
fn record() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::create_dir(folder.path().join("logs")).expect("a folder can be made");
    for number in 0..FILES.0 {
        let line = format!("{number:04} nothing to see here, move along\n");
        let text = line.repeat(FILES.1 / line.len() + 1);
        let path = folder.path().join(format!("logs/{number:04}.log"));
        fs::write(path, &text.as_bytes()[..FILES.1]).expect("a file can be written");
    }
    folder
}

fn schedule() -> Schedule {
    let class = |name: &str, count: usize, same_key: bool| ClassPlan {
        name: name.to_owned(),
        count,
        same_key,
        burst: if same_key { 8 } else { 0 },
        lands: Lands::Canonical,
        cents: 111,
    };
    let classes = vec![
        class("replay", REQUESTS / 4, true),
        class("unique", REQUESTS - REQUESTS / 4, false),
    ];
    let arrivals = Arrivals::Steady {
        rps: 100.0,
        seconds: 600.0,
    };
    Schedule::new(arrivals, classes, "bench", |index| format!("key-{index}")).expect("a schedule")
}

/// Each arrival, answered after a few milliseconds.
fn requests() -> Vec<RequestRow> {
    let schedule = schedule();
    let answered = |arrival: &closure::load::Arrival| RequestRow {
        index: arrival.index,
        key: arrival.key.clone(),
        class: "any".to_owned(),
        lands: Lands::Canonical,
        cents: 111,
        intended_us: arrival.intended_us,
        sent_us: Some(arrival.intended_us + 50),
        done_us: Some(arrival.intended_us + 3_000 + arrival.index as u64 % 7_000),
        status: 200,
        error: None,
        bytes: 40,
    };
    schedule.list().iter().map(answered).collect()
}

/// The row of each key.
fn rows_of(requests: &[RequestRow]) -> Vec<FoundRow> {
    let mut keys: Vec<&str> = requests.iter().map(|request| request.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let row = |key: &str| FoundRow::new(Table::Canonical, key, Some(111));
    keys.into_iter().map(row).collect()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a small number"))
}
