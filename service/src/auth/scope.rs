//! What a caller may do: admin more than manager, manager more than viewer.

use serde::Deserialize;

/// A scope. The greater may do whatever the smaller may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// May look.
    Viewer,
    /// May also ask for work.
    Manager,
    /// May do everything.
    Admin,
}

impl Scope {
    /// As tokens spell it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Manager, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == word)
    }
}

/// A claim that holds words: a list of them, or one text with spaces between.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    /// The greatest scope among them. Words that are no scope grant nothing.
    pub(super) fn greatest(&self) -> Option<Scope> {
        match self {
            Self::Text(text) => text.split_whitespace().filter_map(Scope::read).max(),
            Self::List(words) => words.iter().filter_map(|word| Scope::read(word)).max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_scope_of_a_token_counts_and_other_words_grant_nothing() {
        assert!(Scope::Admin > Scope::Manager && Scope::Manager > Scope::Viewer);
        for (claim, greatest) in [
            (r#""viewer""#, Some(Scope::Viewer)),
            (r#""openid viewer manager""#, Some(Scope::Manager)),
            (r#"["viewer","admin"]"#, Some(Scope::Admin)),
            (r#"["Admin","root"]"#, None),
            (r#""""#, None),
            ("[]", None),
        ] {
            let words: Words = serde_json::from_str(claim).expect(claim);
            assert_eq!(words.greatest(), greatest, "{claim}");
        }
    }
}
