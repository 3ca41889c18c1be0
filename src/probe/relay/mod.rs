//! Relays: where a proxy stands, between whoever asks from outside and the service that is asked.
//!
//! A relay stands while somebody holds it, and whoever asks a service is sent through it for so long. Nobody is
//! counted on to take it away: letting go of it is enough, on every way out.

mod alteration;
mod pattern;
mod rule;
mod server;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

pub use alteration::Alteration;
pub use pattern::Pattern;
pub use rule::{Counts, Rule};
use server::Relay;

/// The relays of a run.
#[derive(Clone, Debug, Default)]
pub struct Relays(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By the service behind them.
    relays: Mutex<BTreeMap<String, Weak<Relay>>>,
    /// Rules so far: a number is given once in a run.
    rules: AtomicU64,
}

/// Holds a relay where it stands.
#[derive(Clone, Debug)]
pub struct Held(Arc<Relay>);

impl Relays {
    /// Stand a relay before a service, or hold the one that stands there.
    pub fn hold(&self, service: &str, at: SocketAddr) -> io::Result<Held> {
        let mut relays = self.all();
        if let Some(relay) = relays.get(service).and_then(Weak::upgrade) {
            return Ok(Held(relay));
        }
        let relay = Arc::new(Relay::start(at)?);
        relays.insert(service.to_owned(), Arc::downgrade(&relay));
        Ok(Held(relay))
    }

    /// A number for a rule that nobody has put in yet.
    pub fn number(&self) -> u64 {
        self.0.rules.fetch_add(1, Ordering::Relaxed)
    }

    /// Where a service is to be asked while a relay stands before it.
    pub fn address(&self, service: &str) -> Option<SocketAddr> {
        self.standing(service).map(|relay| relay.address())
    }

    /// What a rule has come to so far; none when it does not stand.
    pub fn counts(&self, service: &str, number: u64) -> Option<Counts> {
        self.standing(service)?.rules().counts(number)
    }

    /// Take a rule out, if it stands.
    pub fn take_out(&self, service: &str, number: u64) {
        if let Some(relay) = self.standing(service) {
            relay.rules().take_out(number);
        }
    }

    fn standing(&self, service: &str) -> Option<Arc<Relay>> {
        self.all().get(service).and_then(Weak::upgrade)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Weak<Relay>>> {
        self.0.relays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Put a rule in, behind those that stand.
    pub fn put_in(&self, number: u64, rule: Rule) {
        self.0.rules().put_in(number, rule);
    }
}
