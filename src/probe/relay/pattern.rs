//! Which requests a rule is about: `GET /health/*`.

/// A method and a path, each of which may hold `*` for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    method: String,
    path: String,
}

impl Pattern {
    /// `METHOD /path`, or why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some((method, path)) if !method.is_empty() && path.starts_with('/') => Ok(Self {
                method: method.to_owned(),
                path: path.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` matches no request\nhint: write `GET /path`; `*` stands for anything"
            )),
        }
    }

    /// Whether a request is meant: by its method and its path, without the query.
    pub fn matches(&self, method: &str, path: &str) -> bool {
        is_like(method, &self.method) && is_like(path, &self.path)
    }
}

/// The parts between the stars stand in the text in their order, the first at its beginning, the last at its end.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in between.split('*') {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, is_like};

    #[test]
    fn a_star_stands_for_anything() {
        for (text, pattern, like) in [
            ("/health", "/health", true),
            ("/health/ready", "/health", false),
            ("/health/ready", "/health/*", true),
            ("/a/7/b", "/a/*/b", true),
            ("/a/b", "/a/*/b", false),
            ("/a/7/b/8/c", "/a/*/b/*", true),
            ("/ab", "/a*b*", true),
            ("/aa", "/a*a", true),
            ("/a", "/a*a", false),
            ("/anything", "*", true),
        ] {
            assert_eq!(is_like(text, pattern), like, "{text} {pattern}");
        }
    }

    #[test]
    fn a_method_is_matched_too() {
        let pattern = Pattern::parse("GET /health").expect("a pattern");
        assert!(pattern.matches("GET", "/health"));
        assert!(!pattern.matches("POST", "/health"));
        let any = Pattern::parse("* /health").expect("a pattern");
        assert!(any.matches("POST", "/health"));
        for text in ["/health", "GET", "GET health", " /health"] {
            let error = Pattern::parse(text).expect_err("it is none");
            assert!(
                error.starts_with(&format!("`{text}` matches no request")),
                "{error}"
            );
        }
    }
}
