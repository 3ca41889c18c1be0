//! Texts with variables: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR?message}`, `${VAR:+instead}`, `$$`.
//!
//! Pure: the only values are the ones handed in. Nothing here reads the environment of a process or an `.env` file.
//! Templates are taken apart by [`Cursor`], from left to right, with the defaults of variables as templates again.

use std::collections::BTreeMap;

use super::variables::Form;

/// How deep variables may stand in the defaults of variables.
const DEEPEST: usize = 16;

/// The values of variables, by name.
pub(super) type Values = BTreeMap<String, String>;

/// A text, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    Variable(Reference),
}

/// One place where a variable stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    /// Characters from the beginning of the text to its `$`.
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) form: Form,
    /// An empty value counts as none: the `:` before the operator.
    pub(super) non_empty: bool,
    /// What follows the operator, as it is written.
    pub(super) written: String,
    /// The same, taken apart, for a default or an alternative.
    word: Template,
}

/// What is wrong with a text, and how many characters into it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: &'static str,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut cursor = Cursor {
            text: text.chars().collect(),
            at: 0,
        };
        cursor.template(0)
    }

    /// Every variable, also those in defaults of others.
    pub(super) fn references(&self) -> Vec<&Reference> {
        let variables = self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(reference) => Some(reference),
            Piece::Literal(_) => None,
        });
        variables
            .flat_map(|reference| std::iter::once(reference).chain(reference.word.references()))
            .collect()
    }

    /// The text with every variable filled in. Each that is missing goes to `missing`, and stands as nothing.
    pub(super) fn fill(&self, values: &Values, missing: &mut impl FnMut(&Reference)) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(reference) => reference.fill(values, missing),
        });
        pieces.collect()
    }
}

impl Reference {
    fn fill(&self, values: &Values, missing: &mut impl FnMut(&Self)) -> String {
        let value = values
            .get(&self.name)
            .filter(|value| !(self.non_empty && value.is_empty()));
        match (self.form, value) {
            (Form::Alternative, Some(_)) | (Form::Default, None) => self.word.fill(values, missing),
            (Form::Alternative, None) => String::new(),
            (_, Some(value)) => value.clone(),
            (Form::Plain | Form::Required, None) => {
                missing(self);
                String::new()
            }
        }
    }
}

/// Reads a text from left to right.
struct Cursor {
    text: Vec<char>,
    at: usize,
}

impl Cursor {
    /// Up to the end of the text, or, inside braces, up to the `}` that closes them.
    fn template(&mut self, depth: usize) -> Result<Template, Fault> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        while let Some(c) = self.peek() {
            if c == '}' && depth > 0 {
                break;
            }
            let at = self.at;
            self.at += 1;
            match (c, self.peek()) {
                ('$', Some('$')) => {
                    self.at += 1;
                    literal.push('$');
                }
                ('$', _) => {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    pieces.push(Piece::Variable(self.reference(at, depth)?));
                }
                (c, _) => literal.push(c),
            }
        }
        pieces.push(Piece::Literal(literal));
        pieces.retain(|piece| *piece != Piece::Literal(String::new()));
        Ok(Template(pieces))
    }

    /// What follows a `$` that is not another `$`.
    fn reference(&mut self, at: usize, depth: usize) -> Result<Reference, Fault> {
        let is_braced = self.eat('{');
        let name = self.name();
        let plain = Reference {
            at,
            name,
            form: Form::Plain,
            non_empty: false,
            written: String::new(),
            word: Template(Vec::new()),
        };
        match (is_braced, plain.name.is_empty()) {
            (_, true) => fault(
                at,
                "`$` without the name of a variable",
                "write `$$` for a dollar sign",
            ),
            (false, false) => Ok(plain),
            (true, false) if depth >= DEEPEST => fault(
                at,
                format!("variables nested deeper than {DEEPEST} levels"),
                "give one of them a name of its own",
            ),
            (true, false) => self.braced(plain, depth),
        }
    }

    /// What follows `${NAME`.
    fn braced(&mut self, plain: Reference, depth: usize) -> Result<Reference, Fault> {
        if self.eat('}') {
            return Ok(plain);
        }
        let non_empty = self.eat(':');
        let form = match self.peek() {
            Some('-') => Form::Default,
            Some('?') => Form::Required,
            Some('+') => Form::Alternative,
            Some(_) => {
                let message = format!("`${{{}` goes on with no `-`, `?`, `+` or `}}`", plain.name);
                return fault(self.at, message, "as in `${NAME:-default}` or `${NAME?message}`");
            }
            None => return unclosed(&plain),
        };
        self.at += 1;
        let begin = self.at;
        let word = if form == Form::Required {
            self.message()
        } else {
            self.template(depth + 1)?
        };
        let written = self.text[begin..self.at].iter().collect();
        if !self.eat('}') {
            return unclosed(&plain);
        }
        Ok(Reference {
            form,
            non_empty,
            written,
            word,
            ..plain
        })
    }

    /// A message is for people: nothing in it is filled in.
    fn message(&mut self) -> Template {
        while self.peek().is_some_and(|c| c != '}') {
            self.at += 1;
        }
        Template(Vec::new())
    }

    fn name(&mut self) -> String {
        let begin = self.at;
        while self
            .peek()
            .is_some_and(|c| c == '_' || c.is_ascii_alphabetic() || (self.at > begin && c.is_ascii_digit()))
        {
            self.at += 1;
        }
        self.text[begin..self.at].iter().collect()
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }
}

fn fault<T>(at: usize, message: impl Into<String>, hint: &'static str) -> Result<T, Fault> {
    Err(Fault {
        at,
        message: message.into(),
        hint,
    })
}

fn unclosed<T>(reference: &Reference) -> Result<T, Fault> {
    fault(
        reference.at,
        format!("`${{{}` is never closed", reference.name),
        "every `${` needs a `}` of its own",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Template, Values};

    fn filled(text: &str) -> String {
        let values = Values::from([
            ("SET".to_owned(), "s".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        let mut missing = Vec::new();
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(fault) => return format!("{}: {}", fault.at, fault.message),
        };
        let filled = template.fill(&values, &mut |reference| missing.push(reference.name.clone()));
        if missing.is_empty() {
            filled
        } else {
            missing.join(", ")
        }
    }

    #[test]
    fn every_form_means_what_it_means_in_a_shell() {
        for (text, expected) in [
            ("$SET-${SET}", "s-s"),
            ("${SET:-d}${SET-d}${SET:?m}${SET?m}", "ssss"),
            ("[${EMPTY:-d}][${EMPTY-d}][${EMPTY?m}]", "[d][][]"),
            ("[${NO:-d}][${NO-d}][${NO:-}]", "[d][d][]"),
            ("[${SET:+a}][${EMPTY:+a}][${EMPTY+a}][${NO+a}]", "[a][][a][]"),
            ("${A:-a${B:-b${SET}}z}", "absz"),
            ("${NO:-$SET$$}", "s$"),
        ] {
            assert_eq!(filled(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_only_what_is_asked_for() {
        assert_eq!(
            filled("${NO?m} ${EMPTY:?m} $NO ${OTHER} ${UNUSED:+${NEVER:?}}"),
            "NO, EMPTY, NO, OTHER"
        );
    }

    #[test]
    fn what_cannot_be_taken_apart_says_where() {
        assert_eq!(filled("ab$"), "2: `$` without the name of a variable");
        assert_eq!(filled("$1"), "0: `$` without the name of a variable");
        assert_eq!(filled("x${A"), "1: `${A` is never closed");
        assert_eq!(filled("x${A:-${B}"), "1: `${A` is never closed");
        assert_eq!(filled("${A:=d}"), "4: `${A` goes on with no `-`, `?`, `+` or `}`");
        assert_eq!(filled("${A B}"), "3: `${A` goes on with no `-`, `?`, `+` or `}`");
        let deep = "${A-".repeat(40) + &"}".repeat(40);
        assert_eq!(filled(&deep), "64: variables nested deeper than 16 levels");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$\\{\\}A-C:?+\\-é 1]{0,60}") {
            let _ = filled(&text);
        }

        #[test]
        fn a_text_without_dollars_is_unchanged(text in "[^$]{0,60}") {
            prop_assert_eq!(filled(&text), text);
        }

        #[test]
        fn doubled_dollars_come_back_single(text in "[$a-c{}: ]{0,60}") {
            prop_assert_eq!(filled(&text.replace('$', "$$")), text);
        }

        #[test]
        fn values_are_not_filled_in_again(value in "[$\\{\\}A-C]{0,20}") {
            let values = Values::from([("V".to_owned(), value.clone())]);
            let template = Template::parse("<${V}>").expect("this is a template");
            prop_assert_eq!(template.fill(&values, &mut |_| ()), format!("<{value}>"));
        }
    }
}
