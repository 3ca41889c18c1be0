//! What was asked of the engine and what it was heard to do, container by container: whatever it did more often than
//! it was asked to was somebody else's wish.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::refusal::Refusal;

/// The most that is kept apart: whoever runs more different programs in our containers than this is counted as one.
const KINDS: usize = 4096;

/// Bytes of a program's words that tell it from another.
const WORDS: usize = 300;

/// Something an engine does to a container that somebody must have asked it to, or that nobody wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    Start,
    Kill,
    Stop,
    Restart,
    Pause,
    Unpause,
    Rename,
    Update,
    CopyInto,
    /// Off the network of this name. Every container that dies leaves its networks, too.
    Disconnect(String),
    /// A program with these words.
    Exec(String),
    /// It wanted more memory than it may have.
    Starve,
    /// Its end, which comes as it will.
    Die,
}

impl Act {
    /// A program run in a container, by its words as the engine joins them.
    pub(super) fn exec(words: &str) -> Self {
        let words = words.trim();
        Self::Exec(words.chars().take(WORDS).collect())
    }

    /// What somebody else did, as a predicate.
    fn in_words(&self) -> String {
        let done = match self {
            Self::Starve => return "ran out of memory".to_owned(),
            Self::Exec(words) => return format!("had `{words}` run in it by somebody else"),
            Self::Start => "was started",
            Self::Kill => "was sent a signal",
            Self::Stop => "was stopped",
            Self::Restart => "was restarted",
            Self::Pause => "was paused",
            Self::Unpause => "was unpaused",
            Self::Rename => "was renamed",
            Self::Update => "had its limits changed",
            Self::CopyInto => "had files copied into it",
            Self::Disconnect(_) => "was taken off a network",
            Self::Die => "ended",
        };
        format!("{done} by somebody else")
    }
}

/// The ledger of one copy of the services.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// Each container that was made here, by its id, with its service and the words of its health check.
    containers: BTreeMap<String, (String, Option<String>)>,
    asked: BTreeMap<(String, Act), u64>,
    heard: BTreeMap<(String, Act), u64>,
    /// Containers with each network they were heard to leave, and not to join again.
    off: BTreeSet<(String, String)>,
    /// Why something may have gone unheard since this was asked for last.
    gap: Option<String>,
}

impl Ledger {
    /// A container of ours. `check` are the words of its health check as the engine joins them.
    pub(super) fn enter(&self, container: &str, service: &str, check: Option<String>) {
        let entry = (service.to_owned(), check);
        self.pages().containers.insert(container.to_owned(), entry);
    }

    /// True for a container of ours.
    pub(super) fn knows(&self, container: &str) -> bool {
        self.pages().containers.contains_key(container)
    }

    /// Ask the engine for an act. It is written down before, so that it is never heard first; and struck out when the
    /// engine says no, because what it did not do excuses nobody.
    pub(super) async fn asking<T>(
        &self,
        container: &str,
        act: Act,
        question: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.ask(container, act.clone());
        let answer = question.await;
        if answer.as_ref().is_err_and(Refusal::is_answer) {
            self.refused(container, act);
        }
        answer
    }

    fn ask(&self, container: &str, act: Act) {
        *self.pages().asked.entry((container.to_owned(), act)).or_default() += 1;
    }

    fn refused(&self, container: &str, act: Act) {
        if let Some(asked) = self.pages().asked.get_mut(&(container.to_owned(), act)) {
            *asked = asked.saturating_sub(1);
        }
    }

    /// The engine did it.
    pub(super) fn hear(&self, container: &str, act: Act) {
        let mut pages = self.pages();
        let key = (container.to_owned(), act);
        let is_known = pages.heard.contains_key(&key) || pages.asked.contains_key(&key);
        let key = if is_known || pages.heard.len() < KINDS {
            key
        } else {
            (key.0, Act::exec("more programs than can be told apart"))
        };
        *pages.heard.entry(key).or_default() += 1;
    }

    /// A container of ours left a network, or joined it. Some engines tell one leaving twice.
    pub(super) fn hear_of_network(&self, container: &str, network: &str, is_on: bool) {
        let link = (container.to_owned(), network.to_owned());
        if is_on {
            self.pages().off.remove(&link);
        } else if self.pages().off.insert(link) {
            self.hear(container, Act::Disconnect(network.to_owned()));
        }
    }

    /// For a while nothing could be heard, and why.
    pub(super) fn miss(&self, why: String) {
        self.pages().gap.get_or_insert(why);
    }

    /// Why something may have gone unheard since this was asked last.
    pub(super) fn missed(&self) -> Option<String> {
        self.pages().gap.take()
    }

    /// What others did to the services, as a predicate each.
    pub(super) fn of_others(&self) -> BTreeMap<String, String> {
        let pages = self.pages();
        let mut found: BTreeMap<&String, BTreeSet<Act>> = BTreeMap::new();
        for ((container, act), heard) in &pages.heard {
            let Some((service, check)) = pages.containers.get(container) else {
                continue;
            };
            let count = |of: &BTreeMap<(String, Act), u64>, act: &Act| {
                of.get(&(container.clone(), act.clone())).copied().unwrap_or(0)
            };
            let excused = match act {
                Act::Die => continue,
                Act::Disconnect(_) => count(&pages.heard, &Act::Die),
                Act::Exec(_) if check.as_deref().map(Act::exec).as_ref() == Some(act) => continue,
                _ => 0,
            };
            if *heard > excused + count(&pages.asked, act) {
                found.entry(service).or_default().insert(act.clone());
            }
        }
        let told = found
            .into_iter()
            .map(|(service, acts)| (service.clone(), told(&acts)));
        told.collect()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Acts in one line, without those that are only how another one is done.
fn told(acts: &BTreeSet<Act>) -> String {
    let is_part = |act: &Act| match act {
        Act::Kill => acts.contains(&Act::Stop) || acts.contains(&Act::Restart),
        Act::Start | Act::Stop => acts.contains(&Act::Restart),
        Act::Unpause => acts.contains(&Act::Pause),
        _ => false,
    };
    let words: Vec<String> = acts
        .iter()
        .filter(|act| !is_part(act))
        .map(Act::in_words)
        .collect();
    words.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::{Act, Ledger};

    fn ledger() -> Ledger {
        let ledger = Ledger::default();
        ledger.enter("c1", "api", Some("/puppet need:/ready".to_owned()));
        ledger
    }

    fn told(ledger: &Ledger) -> Option<String> {
        ledger.of_others().remove("api")
    }

    #[test]
    fn what_was_asked_for_is_nobody_elses_and_once_more_is() {
        let ledger = ledger();
        ledger.ask("c1", Act::Pause);
        assert_eq!(told(&ledger), None, "asked, and not heard yet");
        ledger.hear("c1", Act::Pause);
        assert_eq!(told(&ledger), None);
        ledger.hear("c1", Act::Pause);
        assert_eq!(told(&ledger).as_deref(), Some("was paused by somebody else"));
    }

    #[test]
    fn what_the_engine_refused_excuses_nobody() {
        let ledger = ledger();
        ledger.ask("c1", Act::Kill);
        ledger.refused("c1", Act::Kill);
        ledger.hear("c1", Act::Kill);
        assert_eq!(
            told(&ledger).as_deref(),
            Some("was sent a signal by somebody else")
        );
    }

    #[test]
    fn its_health_check_and_programs_of_ours_are_told_from_those_of_others() {
        let ledger = ledger();
        for _ in 0..9 {
            ledger.hear("c1", Act::exec("/puppet need:/ready"));
        }
        ledger.ask("c1", Act::exec("/puppet say:us"));
        ledger.hear("c1", Act::exec("/puppet say:us "));
        assert_eq!(told(&ledger), None);
        ledger.hear("c1", Act::exec("/bin/sh"));
        assert_eq!(
            told(&ledger).as_deref(),
            Some("had `/bin/sh` run in it by somebody else")
        );
    }

    #[test]
    fn whoever_dies_leaves_its_networks_and_that_was_nobody() {
        let ledger = ledger();
        let off = || ledger.hear_of_network("c1", "front", false);
        let on = || ledger.hear_of_network("c1", "front", true);
        let taken = Some("was taken off a network by somebody else");
        off();
        assert_eq!(told(&ledger).as_deref(), taken);
        ledger.hear("c1", Act::Die);
        assert_eq!(told(&ledger), None);
        on();
        ledger.ask("c1", Act::Disconnect("front".to_owned()));
        off();
        off();
        assert_eq!(told(&ledger), None, "told twice, done once");
        on();
        off();
        assert_eq!(told(&ledger).as_deref(), taken);
    }

    #[test]
    fn a_restart_is_told_as_one_and_want_of_memory_as_such() {
        let ledger = ledger();
        for act in [
            Act::Kill,
            Act::Die,
            Act::Stop,
            Act::Start,
            Act::Restart,
            Act::Starve,
        ] {
            ledger.hear("c1", act);
        }
        assert_eq!(
            told(&ledger).as_deref(),
            Some("was restarted by somebody else and ran out of memory")
        );
        ledger.hear("c2", Act::Pause);
        assert_eq!(ledger.of_others().len(), 1, "a container that is not ours");
    }

    #[test]
    fn a_pause_that_is_over_is_told_as_one() {
        let ledger = ledger();
        ledger.hear("c1", Act::Pause);
        ledger.hear("c1", Act::Unpause);
        assert_eq!(told(&ledger).as_deref(), Some("was paused by somebody else"));
    }

    #[test]
    fn what_could_not_be_heard_is_told_once() {
        let ledger = ledger();
        ledger.miss("the engine broke off".to_owned());
        assert_eq!(ledger.missed().as_deref(), Some("the engine broke off"));
        assert_eq!(ledger.missed(), None);
    }
}
