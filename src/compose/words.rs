//! A command written as one text, split into its words the way a POSIX shell would, and nothing else expanded.

/// The words; `None` when a quote or a backslash is left open.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\\' => word.push(chars.next()?),
            '\'' => single_quoted(&mut chars, word)?,
            '"' => double_quoted(&mut chars, word)?,
            c => word.push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn single_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '\'' => return Some(()),
            c => word.push(c),
        }
    }
}

/// Between double quotes a backslash speaks only before another one, or before a quote.
fn double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => match chars.next()? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_would() {
        for (text, words) in [
            ("a b\tc\n", vec!["a", "b", "c"]),
            (
                "sh -c 'echo \"hi\" && exit 3'",
                vec!["sh", "-c", "echo \"hi\" && exit 3"],
            ),
            (r#"a"b c"d e\ f "\"\\\n""#, vec!["ab cd", "e f", r#""\\n"#]),
            ("'' \"\"", vec!["", ""]),
            ("", vec![]),
        ] {
            assert_eq!(split(text).expect("nothing is open"), words, "{text}");
        }
    }

    #[test]
    fn what_is_left_open_is_refused() {
        for text in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn single_quoted_words_come_back(words in proptest::collection::vec("[^']{0,8}", 0..5)) {
            let text: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            proptest::prop_assert_eq!(split(&text.join(" ")), Some(words));
        }
    }
}
