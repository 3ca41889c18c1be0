//! Rules: which exchanges of a relay are altered, how, and how many have been.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

use super::{Alteration, Pattern};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Which requests it is about.
    pub pattern: Pattern,
    /// What is done to them.
    pub alteration: Alteration,
    /// To what share of them, from 0 to 1, evenly: 0.02 is every fiftieth.
    pub share: f64,
}

/// What a rule has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests it was about.
    pub matched: u64,
    /// Exchanges that were not what they would have been.
    pub altered: u64,
}

/// A rule where it stands.
#[derive(Debug)]
pub(super) struct Standing {
    number: u64,
    rule: Rule,
    matched: AtomicU64,
    altered: AtomicU64,
    taken_out: watch::Sender<bool>,
}

/// The rules of one relay, the first put in before the others.
#[derive(Debug, Default)]
pub(super) struct Rules(Mutex<Vec<Arc<Standing>>>);

impl Rules {
    pub(super) fn put_in(&self, number: u64, rule: Rule) {
        self.all().push(Arc::new(Standing {
            number,
            rule,
            matched: AtomicU64::new(0),
            altered: AtomicU64::new(0),
            taken_out: watch::Sender::new(false),
        }));
    }

    /// Take a rule out, and let go of what it holds back.
    pub(super) fn take_out(&self, number: u64) {
        self.all().retain(|standing| {
            let stays = standing.number != number;
            if !stays {
                standing.taken_out.send_replace(true);
            }
            stays
        });
    }

    pub(super) fn counts(&self, number: u64) -> Option<Counts> {
        let all = self.all();
        let standing = all.iter().find(|standing| standing.number == number)?;
        Some(Counts {
            matched: standing.matched.load(Ordering::Relaxed),
            altered: standing.altered.load(Ordering::Relaxed),
        })
    }

    /// The rules that are to alter a request, in their order.
    pub(super) fn about(&self, method: &str, path: &str) -> Vec<Arc<Standing>> {
        let all = self.all();
        let chosen = all.iter().filter(|standing| standing.chooses(method, path));
        chosen.cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Standing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    pub(super) fn alteration(&self) -> &Alteration {
        &self.rule.alteration
    }

    pub(super) fn has_altered(&self) {
        self.altered.fetch_add(1, Ordering::Relaxed);
    }

    /// Wait until the rule is taken out.
    pub(super) async fn until_taken_out(&self) {
        let mut taken_out = self.taken_out.subscribe();
        // Its sender is part of the rule we hold: it cannot be gone.
        let _told = taken_out.wait_for(|taken_out| *taken_out).await;
    }

    fn chooses(&self, method: &str, path: &str) -> bool {
        self.rule.pattern.matches(method, path) && {
            let nth = self.matched.fetch_add(1, Ordering::Relaxed);
            takes(self.rule.share, nth)
        }
    }
}

/// The share adds up to one more whole exchange at this one.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^53 requests")]
fn takes(share: f64, nth: u64) -> bool {
    let so_far = |count: u64| (count as f64 * share.clamp(0.0, 1.0)).floor();
    so_far(nth + 1) > so_far(nth)
}

#[cfg(test)]
mod tests {
    use super::{Alteration, Counts, Pattern, Rule, Rules};

    #[test]
    fn a_share_is_taken_evenly_and_counted() {
        let rules = Rules::default();
        let rule = Rule {
            pattern: Pattern::parse("GET /a").expect("a pattern"),
            alteration: Alteration::Freeze,
            share: 0.25,
        };
        rules.put_in(4, rule);
        let taken: Vec<usize> = (0..8).filter(|_| !rules.about("GET", "/a").is_empty()).collect();
        assert_eq!(taken, [3, 7]);
        assert!(rules.about("GET", "/b").is_empty());
        let counts = Counts {
            matched: 8,
            altered: 0,
        };
        assert_eq!(rules.counts(4), Some(counts));
        rules.take_out(4);
        assert_eq!(rules.counts(4), None);
        assert!(rules.about("GET", "/a").is_empty());
    }
}
