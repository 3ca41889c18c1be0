//! What is known of one service at one moment. The substrate writes it as things happen; bring-up, acts and looks
//! read it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A service whose health nobody asks counts as running once it has lived this long: one that refuses its settings
/// has said so by then.
pub(crate) const SETTLING: Duration = Duration::from_secs(1);

/// Where a service stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing of it was started yet.
    #[default]
    NotStarted,
    /// Started; its health is not known yet.
    Starting,
    /// Alive, and nothing asks for its health.
    Running,
    /// Alive, and its health check succeeds.
    Healthy,
    /// Alive, and its health check failed as often as its compose file allows.
    Unhealthy,
    /// Stopped in the middle of things, to be continued.
    Paused,
    /// A one-shot that ended with 0.
    Completed,
    /// Ended in any other way: by itself with another code, while it should have stayed, or because it was told to.
    Exited,
    /// Neither ready nor refused when the deadline passed; only a look at a scratch copy says so.
    Timeout,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "not started",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Exited => "exited",
            Self::Timeout => "timeout",
        })
    }
}

/// What the health check says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// There is no health check.
    #[default]
    None,
    /// No success yet, and not too many failures.
    Starting,
    /// The last looks succeeded.
    Healthy,
    /// Too many failures in a row.
    Unhealthy,
}

/// What else is known of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// Nothing, or the code says it all.
    #[default]
    Plain,
    /// It ran out of the memory it was allowed.
    Starved,
    /// Nobody saw it.
    Lost,
}

/// What is known of one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    pub(crate) state: State,
    pub(crate) health: Health,
    pub(crate) exit_code: Option<i32>,
    pub(crate) pid: Option<u32>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// How often it was started.
    pub(crate) starts: u32,
    /// From its start until it was ready, or over.
    pub(crate) took: Option<Duration>,
    /// What its last health look said, or why it could not be started.
    pub(crate) last_look: String,
    /// What it waits for can never come: it will not be started.
    pub(crate) is_stranded: bool,
    started: Option<Instant>,
    asked_to_end: bool,
    /// How it ended, when its code says too little.
    end: End,
    before_pause: State,
}

impl Life {
    /// A new process of this service lives.
    pub(crate) fn begin(&mut self, pid: impl Into<Option<u32>>, has_check: bool) {
        *self = Self {
            state: State::Starting,
            health: if has_check { Health::Starting } else { Health::None },
            pid: pid.into(),
            started_at: Some(Utc::now()),
            starts: self.starts + 1,
            started: Some(Instant::now()),
            ..Self::default()
        };
    }

    /// What it waits for can never come.
    pub(crate) fn strand(&mut self) {
        self.is_stranded = true;
    }

    /// It could not even be started.
    pub(crate) fn refuse(&mut self, why: String) {
        *self = Self {
            state: State::Exited,
            starts: self.starts,
            last_look: why,
            ..Self::default()
        };
    }

    /// A health look was made. One that was under way when the service was paused or ended says nothing.
    pub(crate) fn look(&mut self, health: Health, words: String) {
        if self.is_over() || self.state == State::Paused {
            return;
        }
        self.health = health;
        self.last_look = words;
        self.state = match health {
            Health::Healthy => State::Healthy,
            Health::Unhealthy => State::Unhealthy,
            Health::Starting | Health::None => self.state,
        };
        if matches!(health, Health::Healthy | Health::Unhealthy) {
            self.mark_time();
        }
    }

    /// It lived long enough to be called running; only asked of services without a health check.
    pub(crate) fn settle(&mut self) {
        if self.state == State::Starting {
            self.state = State::Running;
            self.mark_time();
        }
    }

    /// Its process ended. Only a service that was not asked to end, and that nobody asks for its health, completes.
    pub(crate) fn end(&mut self, code: i32) {
        let completed = code == 0 && !self.asked_to_end && self.health == Health::None;
        self.state = if completed {
            State::Completed
        } else {
            State::Exited
        };
        self.exit_code = Some(code);
        self.pid = None;
        if completed || self.took.is_none() {
            self.took = self.started.map(|start| start.elapsed());
        }
    }

    /// Its processes were ended because they wanted more memory than they are allowed.
    pub(crate) fn starve(&mut self, code: i32) {
        self.end(code);
        self.end = End::Starved;
    }

    /// Nobody can say any more what became of it, and why.
    pub(crate) fn lose(&mut self, why: String) {
        self.state = State::Exited;
        self.pid = None;
        self.last_look = why;
        self.end = End::Lost;
    }

    /// From here on an end is what we asked for.
    pub(crate) fn ask_to_end(&mut self) {
        self.asked_to_end = true;
    }

    pub(crate) fn pause(&mut self) {
        if !self.is_over() && self.state != State::Paused {
            self.before_pause = self.state;
            self.state = State::Paused;
        }
    }

    pub(crate) fn unpause(&mut self) {
        if self.state == State::Paused {
            self.state = self.before_pause;
        }
    }

    /// No process of it lives.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::NotStarted | State::Completed | State::Exited)
    }

    /// What happened to it, as a predicate: `exited with 3`.
    pub(crate) fn in_words(&self) -> String {
        match (self.state, self.exit_code) {
            (State::Exited, None) if self.end == End::Lost => {
                format!("was lost sight of: {}", self.last_look)
            }
            (State::Exited, Some(code)) if self.end == End::Starved => {
                format!("exited with {code}: it wanted more memory than it is allowed")
            }
            (State::Exited, None) => "could not be started".to_owned(),
            (State::Exited | State::Completed, Some(code)) => format!("exited with {code}"),
            (state, _) => format!("is {state}"),
        }
    }

    fn mark_time(&mut self) {
        if self.took.is_none() {
            self.took = self.started.map(|start| start.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Health, Life, State};
    use crate::topology::goal::{Goal, Standing};

    fn born(has_check: bool) -> Life {
        let mut life = Life::default();
        life.begin(7, has_check);
        life
    }

    #[test]
    fn a_one_shot_that_ends_with_0_completes_and_any_other_end_fails() {
        let mut good = born(false);
        good.end(0);
        assert_eq!(good.state, State::Completed);
        assert_eq!(Goal::Completed.standing(&good), Standing::Ready);

        let mut bad = born(false);
        bad.end(3);
        assert_eq!(bad.in_words(), "exited with 3");
        assert_eq!(Goal::Completed.standing(&bad), Standing::Failed);
    }

    #[test]
    fn a_server_that_ends_with_0_did_not_complete() {
        let mut server = born(true);
        server.end(0);
        assert_eq!(server.state, State::Exited);
        assert_eq!(Goal::Healthy.standing(&server), Standing::Failed);

        let mut asked = born(false);
        asked.ask_to_end();
        asked.end(0);
        assert_eq!(asked.state, State::Exited);
    }

    #[test]
    fn a_look_that_was_under_way_when_the_service_was_paused_says_nothing() {
        let mut life = born(true);
        life.look(Health::Healthy, String::new());
        life.pause();
        life.look(Health::Unhealthy, "timed out".to_owned());
        assert_eq!(life.state, State::Paused);
        life.unpause();
        assert_eq!(life.state, State::Healthy);
    }

    #[test]
    fn a_one_shot_that_is_still_alive_is_rising_towards_its_end() {
        let mut life = born(false);
        life.settle();
        assert_eq!(life.state, State::Running);
        assert_eq!(Goal::Completed.standing(&life), Standing::Rising);
        assert_eq!(Goal::Running.standing(&life), Standing::Ready);
    }

    #[test]
    fn an_end_for_want_of_memory_and_one_nobody_saw_are_told_as_such() {
        let mut starved = born(true);
        starved.starve(137);
        assert_eq!(
            starved.in_words(),
            "exited with 137: it wanted more memory than it is allowed"
        );
        let mut lost = born(false);
        lost.lose("the engine is gone".to_owned());
        assert_eq!(lost.in_words(), "was lost sight of: the engine is gone");
        assert_eq!(Goal::Running.standing(&lost), Standing::Failed);
        lost.begin(8, false);
        lost.end(0);
        assert_eq!(lost.in_words(), "exited with 0");
    }

    #[test]
    fn a_restart_forgets_how_the_last_life_ended_and_counts_itself() {
        let mut life = born(false);
        life.end(9);
        life.begin(8, false);
        assert_eq!(
            (life.exit_code, life.starts, life.state),
            (None, 2, State::Starting)
        );
    }
}
