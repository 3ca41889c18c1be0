//! Follows what the engine says it does to the containers of a run, for as long as they stand: into the ledger, and to
//! whoever writes it down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bollard::{
    models::{EventMessage, EventMessageTypeEnum},
    query_parameters::EventsOptionsBuilder,
};
use chrono::Utc;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::{task::AbortHandle, time::sleep};

use super::{
    creation::SERVICE,
    engine::Engine,
    ledger::{Act, Ledger},
    names::{COPY, LIVE, Names, RUN},
    refusal::Refusal,
};
use crate::topology::{readiness::EAGER, substrate::Ear, tenure::Heard};

/// How long the engine may take to tell what it has done.
const TELLING: Duration = Duration::from_millis(200);

/// How much later somebody else's hand must still be one: what was asked for is heard in parts.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// The engine's events of one run.
#[derive(Default)]
pub(super) struct Events {
    pub(super) ledger: Arc<Ledger>,
    ear: Arc<Mutex<Option<Ear>>>,
    follower: Mutex<Option<AbortHandle>>,
}

impl Events {
    /// Tell this one everything from now on.
    pub(super) fn tell(&self, ear: Ear) {
        *lock(&self.ear) = Some(ear);
    }

    /// Begin to follow, unless that has begun.
    pub(super) fn follow(&self, engine: &Arc<Engine>, names: &Names) {
        let mut follower = lock(&self.follower);
        if follower.is_none() {
            let listener = Listener {
                engine: Arc::clone(engine),
                names: names.clone(),
                ledger: Arc::clone(&self.ledger),
                ear: Arc::clone(&self.ear),
                last: Utc::now().timestamp_nanos_opt().unwrap_or(0),
            };
            *follower = Some(tokio::spawn(listener.listen()).abort_handle());
        }
    }

    /// Tell nobody anything any more: a record that is sealed must not grow.
    pub(super) fn close(&self) {
        *lock(&self.ear) = None;
        if let Some(follower) = lock(&self.follower).as_ref() {
            follower.abort();
        }
    }

    /// What others did so far. What is still being told is waited for.
    pub(super) async fn heard(&self) -> Heard {
        sleep(TELLING).await;
        let mut of_others = self.ledger.of_others();
        if !of_others.is_empty() {
            sleep(SECOND_LOOK).await;
            of_others = self.ledger.of_others();
        }
        Heard {
            of_others,
            missed: self.ledger.missed(),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whoever listens to the engine.
struct Listener {
    engine: Arc<Engine>,
    names: Names,
    ledger: Arc<Ledger>,
    ear: Arc<Mutex<Option<Ear>>>,
    /// When the last event was, in nanoseconds since 1970: after a gap the engine is asked for what came since.
    last: i64,
}

impl Listener {
    /// Listen until somebody breaks this off. Where the engine broke off, something may be missing: it keeps only its
    /// last few hundred events.
    async fn listen(mut self) {
        let mut is_broken = false;
        loop {
            let why = match self.listen_once(&mut is_broken).await {
                Ok(()) => "the engine ended them".to_owned(),
                Err(refusal) => refusal.to_string(),
            };
            if !is_broken {
                self.tell(&json!({ "gap": why }));
                is_broken = true;
            }
            self.ledger
                .miss(format!("the engine's events broke off for a while: {why}"));
            sleep(EAGER).await;
        }
    }

    async fn listen_once(&mut self, is_broken: &mut bool) -> Result<(), Refusal> {
        let kinds = vec!["container".to_owned(), "network".to_owned()];
        let filters = HashMap::from([("type", kinds)]);
        let (seconds, nanos) = (self.last / 1_000_000_000, self.last % 1_000_000_000);
        let options = EventsOptionsBuilder::default()
            .since(&format!("{seconds}.{nanos:09}"))
            .filters(&filters)
            .build();
        let engine = Arc::clone(&self.engine);
        let mut events = std::pin::pin!(engine.client().await?.events(Some(options)));
        let known = self.last;
        while let Some(event) = events.next().await {
            let event = event?;
            *is_broken = false;
            let at = event.time_nano.unwrap_or(0);
            // What it says of the time before was heard already.
            if at > known {
                self.last = self.last.max(at);
                self.hear(&event);
            }
        }
        Ok(())
    }

    fn hear(&self, event: &EventMessage) {
        let Some(actor) = &event.actor else { return };
        let (nothing, action) = (HashMap::new(), event.action.as_deref().unwrap_or_default());
        let told = actor.attributes.as_ref().unwrap_or(&nothing);
        let says = |key: &str| told.get(key).map_or("", String::as_str);
        match event.typ {
            Some(EventMessageTypeEnum::CONTAINER) if says(RUN) == self.names.run => {
                let is_of_a_service = says(COPY) == LIVE && told.contains_key(SERVICE);
                if let (true, Some(container), Some(act)) = (is_of_a_service, &actor.id, act(action)) {
                    self.ledger.hear(container, act);
                }
            }
            Some(EventMessageTypeEnum::NETWORK) if self.ledger.knows(says("container")) => {
                if matches!(action, "connect" | "disconnect") {
                    let is_on = action == "connect";
                    self.ledger
                        .hear_of_network(says("container"), says("name"), is_on);
                }
            }
            _ => return,
        }
        self.tell(&json!(event));
    }

    fn tell(&self, event: &Value) {
        // Told while the lock is held: once it is closed, nobody is in the middle of writing.
        if let Some(ear) = lock(&self.ear).as_ref() {
            ear(event);
        }
    }
}

/// What an engine did to a container, if somebody must have wanted it.
fn act(action: &str) -> Option<Act> {
    if let Some(words) = action.strip_prefix("exec_create:") {
        return Some(Act::exec(words));
    }
    Some(match action {
        "start" => Act::Start,
        "kill" => Act::Kill,
        "stop" => Act::Stop,
        "restart" => Act::Restart,
        "pause" => Act::Pause,
        "unpause" => Act::Unpause,
        "rename" => Act::Rename,
        "update" => Act::Update,
        "extract-to-dir" => Act::CopyInto,
        "oom" => Act::Starve,
        "die" => Act::Die,
        _ => return None,
    })
}

fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Act, act};

    #[test]
    fn what_an_engine_does_by_itself_is_no_act() {
        for (action, expected) in [
            ("exec_create: /puppet need:/x", Some(Act::exec("/puppet need:/x"))),
            ("exec_create: /puppet ", Some(Act::exec("/puppet"))),
            ("exec_start: /puppet", None),
            ("exec_die", None),
            ("health_status: healthy", None),
            ("attach", None),
            ("archive-path", None),
            ("extract-to-dir", Some(Act::CopyInto)),
            ("oom", Some(Act::Starve)),
        ] {
            assert_eq!(act(action), expected, "{action}");
        }
    }
}
