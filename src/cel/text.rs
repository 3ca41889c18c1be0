//! A text: characters with `${CEL}` in them. `$${` is a literal `${`.

use super::{Fault, Sentence};

/// A text, cut into its parts. A text that is exactly one `${…}` keeps the type of its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    source: String,
    parts: Vec<Part>,
}

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Characters that stand for themselves.
    Literal(String),
    /// `${…}`.
    Expr(Sentence),
}

impl Text {
    /// Cut a text into its parts and compile its expressions.
    pub fn parse(source: &str) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$${") {
                literal.push_str("${");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                let end = closing_brace(after).ok_or_else(|| Fault {
                    message: "`${` is never closed; write `$${` for a literal `${`".into(),
                    line: 1,
                    column: source.len() - rest.len() + 1,
                })?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                let before = &source[..source.len() - after.len()];
                let sentence = Sentence::compile(&after[..end]).map_err(|fault| fault.after(before))?;
                parts.push(Part::Expr(sentence));
                rest = &after[end + 1..];
            } else {
                literal.push('$');
                rest = &rest[1..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parts, in order; never empty.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The characters, when the text holds no `${…}`.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Its expressions, in order.
    pub fn sentences(&self) -> impl Iterator<Item = &Sentence> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expr(sentence) => Some(sentence),
            Part::Literal(_) => None,
        })
    }
}

/// Index of the `}` that closes an expression: braces nest (CEL has map literals) and do not count inside quotes.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (Some(_) | None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Part, Text};

    fn shape(source: &str) -> Vec<String> {
        let text = Text::parse(source).expect("a good text");
        let of = |part: &Part| match part {
            Part::Literal(text) => format!("'{text}'"),
            Part::Expr(sentence) => sentence.source().to_owned(),
        };
        text.parts().iter().map(of).collect()
    }

    #[test]
    fn literals_and_expressions_are_told_apart() {
        assert_eq!(
            shape("POST api /x/${id}?a=${b + 1}"),
            ["'POST api /x/'", "id", "'?a='", "b + 1"]
        );
        assert_eq!(shape("${ {'a': {'b': '}'}} }"), [" {'a': {'b': '}'}} "]);
        assert_eq!(shape("costs $5, $${not}"), ["'costs $5, ${not}'"]);
        assert_eq!(shape(""), ["''"]);
    }

    #[test]
    fn an_open_expression_is_a_fault() {
        let fault = Text::parse("abc ${d").expect_err("never closed");
        assert_eq!(fault.column, 5);
    }

    #[test]
    fn a_fault_is_told_from_the_beginning_of_the_text() {
        let fault = Text::parse("abc ${d + }").expect_err("not CEL");
        assert_eq!((fault.line, fault.column > 8), (1, true), "{fault:?}");
        let fault = Text::parse("abc\n  ${d + }").expect_err("not CEL");
        assert_eq!(fault.line, 2, "{fault:?}");
    }
}
