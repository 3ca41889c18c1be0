//! Who stands for a service: the process or container that was started here last, and what is there now. Whoever
//! seals a run asks at every boundary whether somebody else had a hand in it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Topology, error::Cause, substrate::Ear};

/// One life of a service, told from every other one by its name and its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incarnation {
    /// The container's id; natively the process's.
    pub id: String,
    /// When it was started, as the engine says; natively in ticks since the machine started.
    pub started_at: String,
}

/// What was started here last, and what is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenure {
    /// The life that was begun here last; none before the first.
    pub ours: Option<Incarnation>,
    /// The life that is there now, or the last one that was.
    pub now: Option<Incarnation>,
}

impl Tenure {
    /// What somebody else did to the service since it was started here last, as a predicate; none when nobody did.
    pub fn disturbed(&self) -> Option<&'static str> {
        match (&self.ours, &self.now) {
            (Some(_), None) => Some("was removed"),
            (Some(ours), Some(now)) if ours.id != now.id => Some("was recreated"),
            (Some(ours), Some(now)) if ours.started_at != now.started_at => Some("was restarted"),
            // Never started, or as we left it.
            (None, _) | (Some(_), Some(_)) => None,
        }
    }
}

/// What an engine was heard to do that nobody here asked it for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// By service, as a predicate: `was paused by somebody else`, `ran out of memory`. Kept for as long as the run.
    pub of_others: BTreeMap<String, String>,
    /// Why something may have gone unheard since this was asked last.
    pub missed: Option<String>,
}

impl Topology {
    /// Tell this one everything that an engine says of what it does to the services, as it says it. Called before
    /// [`Topology::prepare`]; nothing is told once the services are taken down or left.
    pub fn tell(&self, ear: Ear) {
        self.substrate.tell(ear);
    }

    /// What an engine was heard to do to the services since they were prepared, and nobody here asked it for: none
    /// where there is no engine.
    pub async fn heard(&self) -> Option<Heard> {
        self.substrate.heard().await
    }

    /// Who stands for each service, or why that cannot be told now.
    pub async fn tenures(&self) -> BTreeMap<String, Result<Tenure, Cause>> {
        let looks = self
            .lives
            .keys()
            .map(|name| async { (name.clone(), self.substrate.tenure(name).await) });
        futures::future::join_all(looks).await.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Incarnation, Tenure};

    fn life(id: &str, started_at: &str) -> Incarnation {
        Incarnation {
            id: id.to_owned(),
            started_at: started_at.to_owned(),
        }
    }

    #[test]
    fn what_others_did_is_told_apart() {
        let disturbed = |ours, now| Tenure { ours, now }.disturbed();
        assert_eq!(disturbed(None, None), None);
        assert_eq!(disturbed(Some(life("a", "1")), Some(life("a", "1"))), None);
        assert_eq!(
            disturbed(Some(life("a", "1")), Some(life("a", "2"))),
            Some("was restarted")
        );
        assert_eq!(
            disturbed(Some(life("a", "1")), Some(life("b", "2"))),
            Some("was recreated")
        );
        assert_eq!(disturbed(Some(life("a", "1")), None), Some("was removed"));
    }
}
