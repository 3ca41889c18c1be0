//! Secrets known by their shape alone: `Bearer …` and `://user:password@`.

/// The text with both shapes hidden; none when there is nothing to hide.
pub(super) fn hide(text: &str) -> Option<String> {
    let mut cuts = passwords(text);
    cuts.extend(bearer_tokens(text));
    cuts.sort_by_key(|cut| cut.start);
    let mut hidden = String::new();
    let mut kept = 0;
    for cut in &cuts {
        if cut.start >= kept {
            hidden.push_str(&text[kept..cut.start]);
            hidden.push_str(cut.label);
            kept = cut.end;
        }
    }
    hidden.push_str(&text[kept..]);
    (!cuts.is_empty()).then_some(hidden)
}

/// A part of a text, and what stands in its place.
struct Cut {
    start: usize,
    end: usize,
    label: &'static str,
}

/// Between the first colon behind `://` and the `@` that ends the user part.
fn passwords(text: &str) -> Vec<Cut> {
    let ends_user = |c: char| c.is_whitespace() || "/?#\"'<>@".contains(c);
    text.match_indices("://")
        .filter_map(|(at, mark)| {
            let user = at + mark.len();
            let end = user + text[user..].find(ends_user)?;
            let start = user + text[user..end].find(':')? + 1;
            let password = &text[start..end];
            let is_one = text[end..].starts_with('@') && !password.is_empty() && !password.starts_with('‹');
            is_one.then_some(Cut {
                start,
                end,
                label: "‹password›",
            })
        })
        .collect()
}

/// Behind `Bearer`: any token where the header's name stands before it; elsewhere only what looks like one, because
/// `bearer` is a word too.
fn bearer_tokens(text: &str) -> Vec<Cut> {
    let lower = text.to_ascii_lowercase();
    lower
        .match_indices("bearer ")
        .filter_map(|(at, mark)| {
            let start = at + mark.len();
            let length = text[start..].find(|c| !is_token(c)).unwrap_or(text.len() - start);
            let token = &text[start..start + length];
            let of_header = lower[..at]
                .trim_end_matches([' ', ':', '=', '"', '\'', '\\'])
                .ends_with("authorization");
            let looks_so = token.len() >= 16 && token.bytes().any(|byte| byte.is_ascii_digit());
            (length > 0 && (of_header || looks_so)).then_some(Cut {
                start,
                end: start + length,
                label: "‹bearer token›",
            })
        })
        .collect()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

#[cfg(test)]
mod tests {
    use super::hide;

    #[test]
    fn passwords_in_urls_are_hidden() {
        assert_eq!(
            hide("postgresql://app:s3cr3t@127.0.0.1:5432/db and redis://:pw@h").as_deref(),
            Some("postgresql://app:‹password›@127.0.0.1:5432/db and redis://:‹password›@h")
        );
    }

    #[test]
    fn urls_without_a_password_are_left_alone() {
        for text in [
            "http://127.0.0.1:8000/health",
            "http://a:80/b@c",
            "postgresql://app:‹password›@h",
            "user@host ://",
            "https://user@host/",
        ] {
            assert_eq!(hide(text), None, "{text}");
        }
    }

    #[test]
    fn bearer_tokens_are_hidden_and_the_word_is_not() {
        assert_eq!(
            hide(r#"{"Authorization":"Bearer abc"}"#).as_deref(),
            Some(r#"{"Authorization":"Bearer ‹bearer token›"}"#)
        );
        assert_eq!(
            hide("sent bearer eyJhbGciOiJSUzI1NiJ9.e30.x").as_deref(),
            Some("sent bearer ‹bearer token›")
        );
        assert_eq!(hide("missing bearer authentication"), None);
    }
}
