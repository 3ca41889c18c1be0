//! `closure load`: the load generator alone, at a local address or at a target inside closure.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Exit, arguments::LoadWish};
use crate::load::{Limits, LoadFault, PreparedRequest, Target, TargetPlan, Trial, find_max, trial};

/// A rate counts as held while 95 of 100 answers come within this, from the intended time.
const P95_MS: f64 = 25.0;

pub(super) fn command(wish: &LoadWish) -> anyhow::Result<Exit> {
    let target = (wish.target == "null")
        .then(|| Target::start(TargetPlan::default()))
        .transpose()?;
    let url = target.as_ref().map_or_else(
        || wish.target.clone(),
        |target| format!("http://{}/", target.address()),
    );
    let request = PreparedRequest {
        method: "GET".into(),
        url,
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let limits = Limits {
        in_flight: wish.in_flight,
        timeout: Duration::from_secs(8),
        ..Limits::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if wish.find_max {
        runtime.block_on(search(wish, &request, &limits)).map_err(wrong)
    } else {
        runtime.block_on(once(wish, &request, &limits)).map_err(wrong)
    }
}

fn wrong(fault: LoadFault) -> anyhow::Error {
    Exit::Usage.because(fault)
}

async fn once(wish: &LoadWish, request: &PreparedRequest, limits: &Limits) -> Result<Exit, LoadFault> {
    let told = !wish.json;
    let progress = move |progress: crate::load::Progress| {
        if told {
            eprintln!(
                "{} of {} sent, {} answered, {} failed",
                progress.sent, progress.planned, progress.answered, progress.failed
            );
        }
    };
    let trial = trial(request, wish.rps, wish.seconds, P95_MS, limits, progress).await?;
    if wish.json {
        println!("{:#}", trial.figures);
    } else {
        print!("{}", in_words(&trial));
    }
    Ok(if trial.held() { Exit::Pass } else { Exit::Failed })
}

async fn search(wish: &LoadWish, request: &PreparedRequest, limits: &Limits) -> Result<Exit, LoadFault> {
    let found = find_max(request, wish.rps, wish.seconds, P95_MS, limits, |trial| {
        if !wish.json {
            let word = if trial.held() {
                "held".to_owned()
            } else {
                trial.missed.join("; ")
            };
            eprintln!("{:.0} rps: {word}", trial.rps);
        }
    })
    .await?;
    if wish.json {
        let trials: Vec<Value> = found
            .trials
            .iter()
            .map(|trial| json!({"rps": trial.rps, "missed": trial.missed, "figures": trial.figures}))
            .collect();
        println!("{:#}", json!({"held_rps": found.held_rps, "trials": trials}));
    } else {
        match found.held_rps {
            Some(rps) => println!(
                "held {rps:.0} rps for {} s with p95 within {P95_MS} ms",
                wish.seconds
            ),
            None => println!("not even {} rps were held", wish.rps),
        }
    }
    Ok(if found.held_rps.is_some() {
        Exit::Pass
    } else {
        Exit::Failed
    })
}

fn in_words(trial: &Trial) -> String {
    let figure = |path: &str| {
        trial
            .figures
            .pointer(path)
            .map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let mut lines = vec![format!(
        "sent {} of {}, answered {}, dropped {}, timeouts {}, broken {}",
        figure("/sent"),
        figure("/planned"),
        figure("/answered"),
        figure("/dropped"),
        figure("/timeouts"),
        figure("/broken"),
    )];
    for clock in ["intended", "actual"] {
        let of = |name: &str| figure(&format!("/latency/{clock}/{name}"));
        lines.push(format!(
            "{clock:<9} p50 {} p90 {} p95 {} p99 {} max {} ms",
            of("p50_ms"),
            of("p90_ms"),
            of("p95_ms"),
            of("p99_ms"),
            of("max_ms"),
        ));
    }
    lines.push(format!(
        "late      p50 {} p99 {} max {} ms",
        figure("/late/p50_ms"),
        figure("/late/p99_ms"),
        figure("/late/max_ms")
    ));
    for missed in &trial.missed {
        lines.push(format!("missed    {missed}"));
    }
    lines.join("\n") + "\n"
}
