//! The highest rate a service holds: trials of the same request at one rate after another.

use serde_json::Value;

use super::{Arrivals, ClassPlan, Launch, Limits, LoadFault, PreparedRequest, Progress, Schedule, drive};
use crate::account::{self, Lands, Planned};

/// The generator itself must have been on time for a trial to say anything about the service.
const LATE_P99_MS: f64 = 5.0;
/// Doubling finds the order of magnitude, bisection stops when the answer is known to so many parts of it.
const CLOSE_ENOUGH: f64 = 1.05;
/// No doubling beyond this: the meter, not the service, is at its end by then.
const HIGHEST_RPS: f64 = 100_000.0;

/// One load of one rate.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Requests a second that were asked for.
    pub rps: f64,
    /// Why the rate was not held, one sentence each; empty when it was.
    pub missed: Vec<String>,
    /// The `load` figures.
    pub figures: Value,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The highest rate that was held; none when not even the first was.
    pub held_rps: Option<f64>,
    /// Every trial, in the order made.
    pub trials: Vec<Trial>,
}

impl Trial {
    /// Everything was sent on time and answered with 2xx inside the bound.
    pub fn held(&self) -> bool {
        self.missed.is_empty()
    }
}

/// Send one request again and again at one rate.
///
/// `p95_ms` bounds the 95th percentile from the intended time.
pub async fn trial(
    request: &PreparedRequest,
    rps: f64,
    seconds: f64,
    p95_ms: f64,
    limits: &Limits,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Trial, LoadFault> {
    let arrivals = Arrivals::Steady { rps, seconds };
    let count = arrivals.count()?;
    let only = ClassPlan {
        name: "any".into(),
        count,
        same_key: false,
        burst: 0,
        lands: Lands::Canonical,
        cents: 0,
    };
    let schedule = Schedule::new(arrivals, vec![only], "trial", |index| index.to_string())?;
    let launch = Launch::prepare(schedule, |_, _| Ok::<_, LoadFault>(request.clone()))?;
    // Nothing but dropping this future stops a trial.
    let drive = drive(launch, limits.clone(), std::future::pending(), progress).await?;
    let figures = account::load(
        &Planned {
            target_rps: rps,
            seconds,
            begin_ms: 0,
        },
        &drive.rows,
    );
    Ok(Trial {
        rps,
        missed: missed(&figures, p95_ms),
        figures,
    })
}

/// Double the rate until it is not held, then close in between the last two.
///
/// `told` hears about every trial as it ends. Dropping the future ends the search.
pub async fn find_max(
    request: &PreparedRequest,
    from_rps: f64,
    seconds: f64,
    p95_ms: f64,
    limits: &Limits,
    mut told: impl FnMut(&Trial),
) -> Result<Found, LoadFault> {
    let mut found = Found {
        held_rps: None,
        trials: Vec::new(),
    };
    let (mut rps, mut too_high) = (from_rps, None);
    loop {
        let trial = trial(request, rps, seconds, p95_ms, limits, |_| {}).await?;
        told(&trial);
        if trial.held() {
            found.held_rps = Some(rps);
        } else {
            too_high = Some(rps);
        }
        found.trials.push(trial);
        match next_rate(found.held_rps, too_high) {
            Some(next) => rps = next,
            None => return Ok(found),
        }
    }
}

/// The rate worth trying next, whole as soon as it is above ten; none when the answer is close enough.
fn next_rate(held: Option<f64>, too_high: Option<f64>) -> Option<f64> {
    let next = match (held?, too_high) {
        (held, None) => (held * 2.0).min(HIGHEST_RPS),
        (held, Some(too_high)) if too_high > held * CLOSE_ENOUGH => f64::midpoint(held, too_high),
        (_, Some(_)) => return None,
    };
    let next = if next > 10.0 { next.round() } else { next };
    (Some(next) != held && Some(next) != too_high).then_some(next)
}

fn missed(figures: &Value, p95_ms: f64) -> Vec<String> {
    let count = |name: &str| figures[name].as_u64().unwrap_or(0);
    let status = figures["status"].as_object();
    let good: u64 = status
        .into_iter()
        .flatten()
        .filter(|(code, _)| code.starts_with('2'))
        .filter_map(|(_, count)| count.as_u64())
        .sum();
    let mut missed = Vec::new();
    if count("sent") != count("planned") {
        missed.push(format!(
            "{} of {} requests were sent",
            count("sent"),
            count("planned")
        ));
    }
    if good != count("planned") || count("answered") != good {
        missed.push(format!(
            "{good} of {} requests were answered with 2xx",
            count("planned")
        ));
    }
    let bounds = [
        ("latency p95", &figures["latency"]["intended"]["p95_ms"], p95_ms),
        (
            "lateness p99 of the generator itself",
            &figures["late"]["p99_ms"],
            LATE_P99_MS,
        ),
    ];
    for (what, value, bound) in bounds {
        match value.as_f64() {
            Some(value) if value <= bound => {}
            Some(value) => missed.push(format!("{what} is {value} ms, over {bound} ms")),
            None => missed.push(format!("{what} could not be measured")),
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::{find_max, missed, next_rate, trial};
    use crate::load::{Limits, PreparedRequest, Target, TargetPlan};

    fn get(target: &Target) -> PreparedRequest {
        PreparedRequest {
            method: "GET".into(),
            url: target.url(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    #[tokio::test]
    async fn a_trial_sends_the_whole_load_and_tells_its_figures() {
        let null = Target::start(TargetPlan::default()).expect("a free port");
        let trial = trial(&get(&null), 40.0, 0.5, 1e9, &Limits::default(), |_| {}).await;
        let figures = trial.expect("a generator that starts").figures;
        assert_eq!(
            (&figures["sent"], &figures["target_rps"]),
            (&json!(20), &json!(40))
        );
        assert_eq!(null.requests(), 20);
    }

    #[tokio::test]
    async fn a_service_that_fails_at_the_first_rate_holds_none() {
        let failing = Target::start(TargetPlan {
            error_share: 0.5,
            ..TargetPlan::default()
        })
        .expect("a free port");
        let mut told = 0;
        let found = find_max(&get(&failing), 20.0, 0.5, 1e9, &Limits::default(), |_| told += 1).await;
        let found = found.expect("a generator that starts");
        assert_eq!((found.held_rps, found.trials.len(), told), (None, 1, 1));
        assert!(found.trials[0].missed[0].starts_with("5 of 10 requests were answered"));
    }

    #[test]
    fn rates_double_until_one_is_too_high_and_then_close_in() {
        assert_eq!(next_rate(Some(100.0), None), Some(200.0));
        assert_eq!(next_rate(Some(100.0), Some(200.0)), Some(150.0));
        assert_eq!(next_rate(Some(100.0), Some(104.0)), None);
        assert_eq!(next_rate(None, Some(100.0)), None);
        assert_eq!(next_rate(Some(100_000.0), None), None);
        assert_eq!(next_rate(Some(1.0), Some(2.0)), Some(1.5));
    }

    #[test]
    fn a_rate_is_held_only_when_everything_was_answered_in_time() {
        let good = json!({
            "planned": 10, "sent": 10, "answered": 10, "status": {"200": 6, "202": 4},
            "late": {"p99_ms": 0.1}, "latency": {"intended": {"p95_ms": 3.0}},
        });
        assert!(missed(&good, 25.0).is_empty());
        let broken = [
            ("/sent", json!(9), "9 of 10 requests were sent"),
            (
                "/status",
                json!({"200": 9, "500": 1}),
                "9 of 10 requests were answered with 2xx",
            ),
            (
                "/latency/intended/p95_ms",
                json!(25.5),
                "latency p95 is 25.5 ms, over 25 ms",
            ),
            (
                "/latency/intended",
                json!({}),
                "latency p95 could not be measured",
            ),
            (
                "/late/p99_ms",
                json!(9.0),
                "lateness p99 of the generator itself is 9 ms, over 5 ms",
            ),
        ];
        for (path, value, words) in broken {
            let mut figures = good.clone();
            *figures.pointer_mut(path).expect("a figure") = value;
            assert_eq!(missed(&figures, 25.0), [words]);
        }
    }
}
