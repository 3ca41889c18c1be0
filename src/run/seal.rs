//! The seal: what the plan was carried out on, looked at again at every boundary between gates. What changed breaks
//! it, by name; what could not be looked at is written down, and breaks nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What one look saw: each part by its name, or why it could not be looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    pub(super) parts: BTreeMap<String, Result<Value, String>>,
    /// What somebody other than closure did since closure last did something there: `service api` → `was recreated`.
    pub(super) disturbed: BTreeMap<String, String>,
}

impl Look {
    /// This look and another one, together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self.disturbed.extend(other.disturbed);
        self
    }
}

/// The seal of one run.
#[derive(Default)]
pub(super) struct Seal {
    first: BTreeMap<String, Value>,
    boundaries: Vec<Value>,
}

impl Seal {
    /// Take what a first look saw into the seal. A part is sealed as it is first seen.
    pub(super) fn take(&mut self, look: &Look) {
        for (name, seen) in &look.parts {
            if let Ok(seen) = seen {
                self.first.entry(name.clone()).or_insert_with(|| seen.clone());
            }
        }
    }

    /// Compare a later look with the first one, and write the boundary down. Says in words what broke, if anything.
    pub(super) fn boundary(&mut self, at: &str, t_ms: u64, look: &Look) -> Option<String> {
        let (mut changed, mut unseen) = (Map::new(), Map::new());
        let mut words = Vec::new();
        for (name, first) in &self.first {
            match look.parts.get(name) {
                Some(Ok(now)) if now == first => {}
                Some(Ok(now)) => {
                    words.push(format!("{} changed", called(name)));
                    changed.insert(name.clone(), json!({"first": first, "now": now}));
                }
                Some(Err(why)) => drop(unseen.insert(name.clone(), json!(why))),
                None => drop(unseen.insert(name.clone(), json!("it was not looked at"))),
            }
        }
        for (name, what) in &look.disturbed {
            words.push(format!("{} {what}", called(name)));
            changed.insert(name.clone(), json!({"first": self.first.get(name), "now": what}));
        }
        self.boundaries
            .push(json!({"at": at, "t_ms": t_ms, "changed": changed, "unseen": unseen}));
        (!words.is_empty()).then(|| format!("the seal broke {}: {}", whereabouts(at), words.join("; ")))
    }

    /// What everything was at first.
    pub(super) fn first(&self) -> &BTreeMap<String, Value> {
        &self.first
    }

    /// Every boundary so far.
    pub(super) fn boundaries(&self) -> &[Value] {
        &self.boundaries
    }
}

/// The part that says whether a container engine was heard all the time.
pub(super) const ENGINE: &str = "engine_events";

/// The last boundary of a run.
pub(super) const END: &str = "the end";

fn whereabouts(at: &str) -> String {
    if at == END {
        format!("at {at}")
    } else {
        format!("before {at}")
    }
}

/// A part as people call it.
fn called(name: &str) -> String {
    match (name, name.strip_prefix("service ")) {
        (_, Some(service)) => format!("service `{service}`"),
        ("git_sha", _) => "the commit".to_owned(),
        (ENGINE, _) => "whether the engine can be heard".to_owned(),
        ("git_dirty", _) => "whether the working tree is clean".to_owned(),
        ("closure_sha256", _) => "closure's own program".to_owned(),
        (name, _) => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{END, Look, Seal};

    fn look(parts: &[(&str, &str)]) -> Look {
        Look {
            parts: parts
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Ok(json!(value))))
                .collect(),
            ..Look::default()
        }
    }

    fn sealed(parts: &[(&str, &str)]) -> Seal {
        let mut seal = Seal::default();
        seal.take(&look(parts));
        seal
    }

    #[test]
    fn what_stays_the_same_breaks_nothing() {
        let mut seal = sealed(&[("git_sha", "a")]);
        assert_eq!(seal.boundary("M1", 5, &look(&[("git_sha", "a")])), None);
        assert_eq!(
            seal.boundaries(),
            [json!({"at": "M1", "t_ms": 5, "changed": {}, "unseen": {}})]
        );
    }

    #[test]
    fn everything_that_changed_is_named_and_both_states_are_on_paper() {
        let mut seal = sealed(&[("git_sha", "a"), ("suite.toml", "x"), ("migration_head", "6")]);
        let words = seal.boundary(
            "M2",
            9,
            &look(&[("git_sha", "b"), ("suite.toml", "x"), ("migration_head", "7")]),
        );
        assert_eq!(
            words.as_deref(),
            Some("the seal broke before M2: the commit changed; `migration_head` changed")
        );
        assert_eq!(
            seal.boundaries()[0]["changed"],
            json!({"git_sha": {"first": "a", "now": "b"}, "migration_head": {"first": "6", "now": "7"}})
        );
    }

    #[test]
    fn a_service_that_somebody_else_recreated_breaks_it_by_name() {
        let mut seal = sealed(&[("service api", "image")]);
        let mut disturbed = look(&[("service api", "image")]);
        disturbed
            .disturbed
            .insert("service api".to_owned(), "was recreated".to_owned());
        assert_eq!(
            seal.boundary(END, 9, &disturbed).as_deref(),
            Some("the seal broke at the end: service `api` was recreated")
        );
    }

    #[test]
    fn what_could_not_be_looked_at_is_written_down_and_breaks_nothing() {
        let mut seal = sealed(&[("migration_head", "6"), ("git_sha", "a")]);
        let mut blind = look(&[("git_sha", "a")]);
        blind
            .parts
            .insert("migration_head".to_owned(), Err("connection refused".to_owned()));
        assert_eq!(seal.boundary("M2", 9, &blind), None);
        assert_eq!(
            seal.boundaries()[0]["unseen"],
            json!({"migration_head": "connection refused"})
        );
    }

    #[test]
    fn a_part_is_sealed_as_it_is_first_seen() {
        let mut seal = sealed(&[("git_sha", "a")]);
        seal.take(&look(&[("git_sha", "b"), ("service api", "image")]));
        assert_eq!(seal.first()["git_sha"], "a");
        assert_eq!(seal.first()["service api"], "image");
    }
}
