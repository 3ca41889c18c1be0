//! Stands by one container from before its first byte to its end: follows what it says, asks the engine for its
//! health, and writes into its life line what happened.

use std::{sync::Arc, time::Duration};

use bollard::{
    container::{AttachContainerResults, LogOutput},
    errors::Error as Client,
    models::{ContainerState, HealthStatusEnum},
    query_parameters::{AttachContainerOptionsBuilder, InspectContainerOptions, WaitContainerOptionsBuilder},
};
use futures::StreamExt as _;
use tokio::{
    io::{AsyncWriteExt as _, duplex},
    time::{Instant, sleep, timeout},
};

use super::{
    engine::{Engine, ask},
    refusal::Refusal,
};
use crate::{
    compose::model::Healthcheck,
    topology::{
        journal::Journal,
        life::{Health, Life, SETTLING, State},
        readiness::{EAGER, Words, spoken},
        substrate::LifeLine,
    },
};

/// How long the last lines may take to arrive after the container that wrote them is gone.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How long an engine that broke off may take to come back before we say that it is gone.
const COMING_BACK: Duration = Duration::from_secs(10);

/// Everything one attendance needs.
pub(super) struct Attendance {
    pub(super) engine: Arc<Engine>,
    pub(super) container: String,
    pub(super) journal: Arc<Journal>,
    /// The check the engine was told to make.
    pub(super) check: Option<Healthcheck>,
    pub(super) life: LifeLine,
}

/// How a container came to its end.
enum End {
    Code(i32),
    /// It ran out of memory, and was ended with this code.
    Starved(i32),
    /// We cannot know, and why.
    Lost(String),
}

/// Listen to a container that was created and not started yet.
pub(super) async fn listen(engine: &Engine, container: &str) -> Result<AttachContainerResults, Refusal> {
    let options = AttachContainerOptionsBuilder::default()
        .stream(true)
        .stdout(true)
        .stderr(true)
        .build();
    ask(engine.client().await?.attach_container(container, Some(options))).await
}

impl Attendance {
    /// Attend a container until it ends. Its end is made known only after its last words were heard.
    pub(super) async fn attend(self, voices: AttachContainerResults) {
        let heard = tokio::spawn(follow(voices, Arc::clone(&self.journal)));
        let end = tokio::select! {
            end = self.wait() => end,
            never = self.watch() => never,
        };
        // The engine closes the stream once the container has ended; if it does not, we have heard enough.
        let _late = timeout(LAST_LINES, heard).await;
        self.life.send_modify(|life| match end {
            End::Code(code) => life.end(code),
            End::Starved(code) => life.starve(code),
            End::Lost(why) => life.lose(why),
        });
    }

    /// Wait for the end, however often the engine breaks off.
    async fn wait(&self) -> End {
        let mut broken_since = None;
        loop {
            let why = match self.wait_once().await {
                Ok(end) => return end,
                Err(refusal) if refusal.is_absence() => return End::Lost("its container is gone".to_owned()),
                Err(refusal) => refusal,
            };
            let since = *broken_since.get_or_insert_with(Instant::now);
            if since.elapsed() > COMING_BACK {
                return End::Lost(why.to_string());
            }
            if self.state().await.is_ok() {
                broken_since = None;
            }
            sleep(EAGER).await;
        }
    }

    async fn wait_once(&self) -> Result<End, Refusal> {
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let client = self.engine.client().await?;
        let mut ends = std::pin::pin!(client.wait_container(&self.container, Some(options)));
        let code = match ends.next().await {
            Some(Ok(end)) => end.status_code,
            // Any other code than 0 comes as an error of the client's; it is what we asked for.
            Some(Err(Client::DockerContainerWaitError { code, error })) if error.is_empty() => code,
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Refusal::silence()),
        };
        let code = i32::try_from(code).unwrap_or(-1);
        let is_starved = self
            .state()
            .await
            .is_ok_and(|state| state.oom_killed == Some(true));
        Ok(if is_starved {
            End::Starved(code)
        } else {
            End::Code(code)
        })
    }

    /// Look for as long as the container lives; never returns.
    async fn watch(&self) -> End {
        let Some(check) = &self.check else {
            sleep(SETTLING).await;
            self.life.send_modify(Life::settle);
            return std::future::pending().await;
        };
        loop {
            let is_settled = matches!(self.life.borrow().state, State::Healthy | State::Unhealthy);
            let pause = if is_settled {
                check.interval
            } else {
                check.interval.min(EAGER)
            };
            sleep(pause).await;
            // An engine calls a container that has ended unhealthy; how it ended is for its end to say.
            if let Ok(state) = self.state().await
                && state.running == Some(true)
                && let Some((health, words)) = health(&state, check)
            {
                self.tell(health, &words);
            }
        }
    }

    async fn state(&self) -> Result<ContainerState, Refusal> {
        let client = self.engine.client().await?;
        let seen = client.inspect_container(&self.container, None::<InspectContainerOptions>);
        Ok(ask(seen).await?.state.unwrap_or_default())
    }

    fn tell(&self, health: Health, words: &str) {
        let words = self.journal.redacted(words);
        self.life.send_if_modified(|life| {
            let before = life.state;
            life.look(health, words);
            life.state != before
        });
    }
}

/// Write down what a container says until it falls silent for good; both of its voices, each line whole.
async fn follow(mut voices: AttachContainerResults, journal: Arc<Journal>) {
    let (mut out, out_heard) = duplex(64 * 1024);
    let (mut err, err_heard) = duplex(64 * 1024);
    let split = async move {
        while let Some(Ok(said)) = voices.output.next().await {
            let (pipe, message) = match said {
                LogOutput::StdErr { message } => (&mut err, message),
                LogOutput::StdOut { message }
                | LogOutput::Console { message }
                | LogOutput::StdIn { message } => (&mut out, message),
            };
            // The other end is ours, and is read until this one is dropped.
            let _written = pipe.write_all(&message).await;
        }
    };
    tokio::join!(
        split,
        Arc::clone(&journal).follow(out_heard),
        journal.follow(err_heard)
    );
}

/// What the engine's own checks came to so far; nothing before the first of them.
fn health(state: &ContainerState, check: &Healthcheck) -> Option<(Health, String)> {
    let seen = state.health.as_ref()?;
    let failures = seen.failing_streak.unwrap_or(0);
    let health = match seen.status? {
        HealthStatusEnum::HEALTHY => Health::Healthy,
        // An engine also says so of whatever it has stopped checking, because it was paused or has ended.
        HealthStatusEnum::UNHEALTHY if failures < i64::from(check.retries.max(1)) => return None,
        HealthStatusEnum::UNHEALTHY => Health::Unhealthy,
        HealthStatusEnum::STARTING => Health::Starting,
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => return None,
    };
    let last = seen.log.as_ref().and_then(|log| log.last());
    let words = last.map_or_else(String::new, |last| {
        let said = last.output.as_deref().unwrap_or_default().trim();
        match last.exit_code {
            // What the engine says of a check that it could not make, or that it broke off.
            Some(-1) if said.contains("exceeded timeout") => spoken(Words::TooLate(check.timeout)),
            Some(-1) => spoken(Words::NotStarted(&Refusal::said(said))),
            code => spoken(Words::Ended(
                code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
                said,
            )),
        }
    });
    Some((health, words))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bollard::models::{ContainerState, Health as Seen, HealthStatusEnum, HealthcheckResult};

    use super::{Health, Healthcheck, health};

    fn seen(status: HealthStatusEnum, code: i64, output: &str) -> Option<(Health, String)> {
        seen_after(3, status, code, output)
    }

    fn seen_after(
        failures: i64,
        status: HealthStatusEnum,
        code: i64,
        output: &str,
    ) -> Option<(Health, String)> {
        let check = Healthcheck {
            test: vec!["true".to_owned()],
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
            retries: 3,
            start_period: Duration::ZERO,
        };
        let last = HealthcheckResult {
            exit_code: Some(code),
            output: Some(output.to_owned()),
            ..HealthcheckResult::default()
        };
        let state = ContainerState {
            health: Some(Seen {
                status: Some(status),
                failing_streak: Some(failures),
                log: Some(vec![HealthcheckResult::default(), last]),
            }),
            ..ContainerState::default()
        };
        health(&state, &check)
    }

    #[test]
    fn the_engines_checks_are_told_in_the_words_of_ours() {
        let cases = [
            (HealthStatusEnum::HEALTHY, 0, "ok\n", Health::Healthy, "ok"),
            (
                HealthStatusEnum::UNHEALTHY,
                2,
                "no route\n",
                Health::Unhealthy,
                "the health check exited with 2: no route",
            ),
            (
                HealthStatusEnum::STARTING,
                1,
                "",
                Health::Starting,
                "the health check exited with 1",
            ),
            (
                HealthStatusEnum::STARTING,
                -1,
                "Health check exceeded timeout (3s)",
                Health::Starting,
                "the health check did not answer within 3000 ms",
            ),
            (
                HealthStatusEnum::UNHEALTHY,
                -1,
                "OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: \
                 exec: \"/nope\": stat /nope: no such file or directory: unknown",
                Health::Unhealthy,
                "the health check could not be started: exec: \"/nope\": stat /nope: no such file or directory",
            ),
        ];
        for (status, code, output, expected, words) in cases {
            assert_eq!(seen(status, code, output), Some((expected, words.to_owned())));
        }
    }

    #[test]
    fn what_an_engine_has_stopped_checking_is_not_unhealthy_for_that() {
        assert_eq!(seen_after(0, HealthStatusEnum::UNHEALTHY, 0, "ok"), None);
        assert_eq!(seen_after(2, HealthStatusEnum::UNHEALTHY, 1, "no"), None);
        assert!(seen_after(3, HealthStatusEnum::UNHEALTHY, 1, "no").is_some());
    }

    #[test]
    fn a_container_nobody_checks_has_no_health() {
        assert_eq!(seen(HealthStatusEnum::NONE, 0, ""), None);
    }
}
