//! Profiles: the figures a run is made with, and the machine it asks for.

use std::collections::BTreeMap;

use super::{
    course::Course,
    desk::Desk,
    functions::Stance,
    keys,
    model::{Profile, Tree},
    names::Names,
    node::{Entry, Node},
    shape::Shape,
};

impl Desk<'_> {
    /// The profiles of a suite. What they have in common is bound as `profile`.
    pub(super) fn suite_profiles(&mut self, node: &Node, names: &mut Names) -> BTreeMap<String, Profile> {
        let entries = self.named(node, "profile", "profile");
        let mut profiles = BTreeMap::new();
        for entry in &entries {
            if self.table(
                &entry.value,
                &format!("profile `{}`", entry.key),
                &[keys::PROFILE],
            ) {
                profiles.extend(self.profile(entry).map(|profile| (entry.key.clone(), profile)));
            }
        }
        if let Some((first, others)) = entries.split_first() {
            for other in others {
                self.same_lets(first, other);
            }
        } else {
            self.pile.hint(
                &node.at,
                "the suite has no profile",
                "add `[profile.NAME]` with `within` and `let`",
            );
        }
        let first = entries
            .first()
            .map_or(Shape::Any, |entry| constants_shape(&entry.value));
        names.bind("profile", first, true);
        profiles
    }

    fn profile(&mut self, entry: &Entry) -> Option<Profile> {
        let lets = self.constants(&entry.value);
        let mut demands = BTreeMap::new();
        if let Some(node) = entry
            .value
            .get("demands")
            .filter(|node| self.table(node, "`demands`", &[keys::DEMANDS]))
        {
            let read = self.fields(node, keys::DEMANDS, &Course::default());
            let plain = read.into_iter().filter_map(|(key, value)| match value {
                Tree::Plain(value) => Some((key.source().to_owned(), value)),
                _ => None,
            });
            demands.extend(plain);
        }
        let within = self.fixed_duration(entry.value.get("within")?, "`within`")?;
        Some(Profile {
            demands,
            within,
            lets,
        })
    }

    /// Every profile has the same names and types, or a gate would be good in one and break in another.
    fn same_lets(&mut self, first: &Entry, other: &Entry) {
        let (ours, theirs) = (first.value.get("let"), other.value.get("let"));
        let entries = |node: Option<&Node>| node.map(|node| node.entries().to_vec()).unwrap_or_default();
        for entry in entries(theirs) {
            match ours.and_then(|ours| ours.get(&entry.key)) {
                None => {
                    let message = format!("profile `{}` has no `{}`", first.key, entry.key);
                    self.pile
                        .hint(&entry.at, message, "every profile has the same names");
                }
                Some(ours) if ours.word() != entry.value.word() => {
                    let (is, was) = (entry.value.word(), ours.word());
                    let message = format!("`{}` is {is}, and {was} in profile `{}`", entry.key, first.key);
                    self.pile
                        .hint(&entry.value.at, message, "every profile has the same types");
                }
                Some(_) => {}
            }
        }
        for entry in entries(ours)
            .iter()
            .filter(|entry| theirs.and_then(|t| t.get(&entry.key)).is_none())
        {
            let message = format!("profile `{}` has no `{}`", other.key, entry.key);
            self.pile
                .hint(&entry.at, message, "every profile has the same names");
        }
    }

    /// Constants that nothing but one another can be computed from.
    pub(super) fn constants(&mut self, node: &Node) -> Vec<(String, Tree)> {
        self.lets(node, &mut Names::default(), Stance::Constant)
    }
}

/// What constants look like from outside: `suite`, or `profile`.
pub(super) fn constants_shape(node: &Node) -> Shape {
    node.get("let")
        .map_or_else(|| Shape::Fields(BTreeMap::new()), Shape::written)
}
