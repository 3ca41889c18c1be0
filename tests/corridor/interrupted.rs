//! Ctrl-C and SIGTERM at many moments: the run ends in good order, says so on paper, and leaves nothing.

use std::{fs, sync::Mutex, thread, time::Duration};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    running::{Running, alone},
    suite::{Said, Suite, verify},
    traces::{assert_nothing_left, open_ports},
};

/// Moments of each signal: natively; in containers, where everything takes longer, fewer.
const MOMENTS: [(&str, u64); 2] = [("native", 8), ("docker", 4)];

/// A run of the mini suite says this many lines on its way.
const LINES: u64 = 20;

/// Runs that are interrupted at the same time.
const AT_ONCE: usize = 4;

/// When, and with what. A moment is told by how far the run has come, and by some time after that: so every part of
/// it is hit on a slow machine as on a fast one.
#[derive(Clone, Copy, Debug)]
struct Moment {
    substrate: &'static str,
    signal: Signal,
    line: usize,
    after: Duration,
}

/// Moments spread over the whole run; which ones exactly is a matter of chance that is the same every time.
fn moments() -> Vec<Moment> {
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |below: u64| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % below
    };
    let mut moments = Vec::new();
    for (substrate, of) in MOMENTS {
        for signal in [Signal::INT, Signal::TERM] {
            moments.extend((0..of).map(|at| Moment {
                substrate,
                signal,
                line: usize::try_from(at * LINES / of + draw(LINES / of) + 1).expect("a small number"),
                after: Duration::from_millis(if at == 0 { 0 } else { draw(1500) }),
            }));
        }
    }
    moments
}

#[test]
fn a_signal_at_any_moment_ends_in_a_sealed_pack_and_leaves_nothing() {
    let _silence = alone();
    let pending = Mutex::new(moments());
    let ends = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(moment) = next(&pending) {
                    let end = interrupt(moment);
                    ends.lock().unwrap().push(end);
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    let interrupted = ends.iter().filter(|end| end.code == Some(6)).count();
    assert!(interrupted >= ends.len() / 2 && ends.len() == 24, "{ends:?}");
    // Not before all have ended: ports are drawn, and one run may be given what another has left.
    for state in ends.iter().filter_map(|end| end.state.as_ref()) {
        assert_eq!(open_ports(state), Vec::<u64>::new(), "of {state}");
    }
}

/// How an interrupted run ended.
#[derive(Debug)]
struct End {
    code: Option<i32>,
    /// Its state when the signal came; none before it wrote one.
    state: Option<Value>,
}

fn next(pending: &Mutex<Vec<Moment>>) -> Option<Moment> {
    pending.lock().unwrap().pop()
}

/// Interrupt one run, and check everything that must be true of it afterwards.
fn interrupt(moment: Moment) -> End {
    let suite = Suite::mini();
    let mut running = Running::start(suite.command_on(moment.substrate, &[]));
    running.until(|running| (running.lines() >= moment.line).then_some(()));
    thread::sleep(moment.after);
    let state = running.state();
    send(&running, moment.signal);
    let said = running.finish();
    let code = said.code;
    match code {
        Some(6) => assert_interrupted(&suite, said, moment),
        // It had passed the last gate when the signal came: the pack says what it would have said.
        Some(0) => verify(&suite.pack()).exits(0).says(&["outcome    pass"]),
        _ => panic!("{moment:?}: {said:?}"),
    };
    assert_nothing_left(&run_of(&suite));
    End { code, state }
}

/// SIGTERM to the process alone, as `kill` does it; Ctrl-C to everybody in the foreground, and again by somebody who
/// cannot wait.
fn send(running: &Running, signal: Signal) {
    if signal == Signal::TERM {
        running.signal(signal);
    } else {
        running.signal_all(signal);
        thread::sleep(Duration::from_millis(100));
        running.signal_all(signal);
    }
}

fn assert_interrupted(suite: &Suite, said: Said, moment: Moment) -> Said {
    let name = if moment.signal == Signal::INT {
        "SIGINT"
    } else {
        "SIGTERM"
    };
    let words = format!("interrupted by {name}");
    assert!(
        !said.out.contains("LEFT") && !said.out.contains("BROKEN"),
        "{moment:?}: {said:?}"
    );
    said.says(&[&format!("stopped    {words}"), "not authoritative"]);
    verify(&suite.pack()).exits(1).says(&[&words])
}

fn run_of(suite: &Suite) -> String {
    let toc = fs::read(suite.pack().join("pack.json")).expect("a record that was opened was sealed");
    let toc: Value = serde_json::from_slice(&toc).unwrap();
    toc["run_id"].as_str().unwrap().to_owned()
}
