//! What an error may say once it leaves the process. The errors of this house quote no values; this is for the day when
//! one of them passes on somebody else's words.

/// The longest text that is kept.
const LONGEST: usize = 300;

/// Instead of a word that is not passed on.
const REDACTED: &str = "[redacted]";

/// From here on a word without a separator in it is taken for a key or a token.
const LONGEST_PLAIN_RUN: usize = 24;

/// From here on digits are taken for a telephone, card or account number.
const LONGEST_NUMBER: usize = 6;

/// Words that announce a secret, as the name before a `=` or `:`.
const SECRETS: [&str; 7] = [
    "password",
    "secret",
    "token",
    "key",
    "bearer",
    "authorization",
    "dsn",
];

/// The text without addresses, numbers that name somebody, keys, tokens, passwords and quotations, and not longer than
/// can be read.
pub(crate) fn redacted(text: &str) -> String {
    let mut words = Vec::new();
    let mut announced = false;
    for word in text.split_whitespace() {
        let kept = if announced || tells(word) { REDACTED } else { word };
        announced = announces(word);
        words.push(kept);
    }
    words.join(" ").chars().take(LONGEST).collect()
}

/// Whether a word may be somebody's.
fn tells(word: &str) -> bool {
    let quotes = |letter: char| matches!(letter, '"' | '\'' | '“' | '”' | '«' | '»');
    word.contains('@')
        || word.contains("://")
        || word.contains(quotes)
        || word
            .split_once(['=', ':'])
            .is_some_and(|(name, value)| !value.is_empty() && is_secret(name))
        || runs(word, char::is_ascii_alphanumeric) > LONGEST_PLAIN_RUN
        || word.chars().filter(char::is_ascii_digit).count() > LONGEST_NUMBER
}

/// Whether the next word may be a secret.
fn announces(word: &str) -> bool {
    word.ends_with(['=', ':']) && is_secret(word) || word.eq_ignore_ascii_case("bearer")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

fn runs(word: &str, of: fn(&char) -> bool) -> usize {
    word.split(|letter| !of(&letter))
        .map(str::len)
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_words_pass_as_they_are() {
        for words in [
            "sqlstate 42501 on `one_effect_per_task`",
            "the task ran into its hard limit and was killed",
            "the connection broke (unexpected end of file)",
            "the computing process ended with signal: 9 (SIGKILL)",
        ] {
            assert_eq!(redacted(words), words);
        }
    }

    #[test]
    fn what_may_be_somebodys_is_not_passed_on() {
        for (said, passed) in [
            ("no inbox jane@example.com here", "no inbox [redacted] here"),
            ("api_key=sk_live_51H refused", "[redacted] refused"),
            ("password: hush", "password: [redacted]"),
            ("sent Bearer eyJhbGciOi", "sent Bearer [redacted]"),
            ("card 4242-4242-4242-4242 declined", "card [redacted] declined"),
            ("value \"Jane Doe\" is bad", "value [redacted] [redacted] is bad"),
            ("at postgresql://app:hush@db/x", "at [redacted]"),
            ("whsecABCDEFGHIJKLMNOPQRSTUVWXYZ", "[redacted]"),
        ] {
            assert_eq!(redacted(said), passed);
        }
    }

    #[test]
    fn a_long_story_is_cut() {
        assert_eq!(redacted(&"word ".repeat(1000)).chars().count(), LONGEST);
    }
}
