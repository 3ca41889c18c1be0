//! Texts with variables: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR?message}`, `${VAR:+instead}`, `$$`.
//!
//! Pure: the only values are the ones handed in. Nothing here reads the environment of a process or an `.env` file.

use std::collections::BTreeMap;

use super::complaint::Complaints;
use super::subset::{did_you_mean, is_interpolated};
use super::tree::{Node, Value};
use super::variables::Form;
use crate::name::nearest;

/// How deep variables may stand in the defaults of variables.
const DEEPEST: usize = 16;

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
    at: usize,
    message: String,
    hint: &'static str,
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
    fn fill(&self, values: &BTreeMap<String, String>, missing: &mut impl FnMut(&Reference)) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(reference) => reference.fill(values, missing),
        });
        pieces.collect()
    }
}

impl Reference {
    fn fill(&self, values: &BTreeMap<String, String>, missing: &mut impl FnMut(&Self)) -> String {
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

    /// Why it cannot be filled in, and what to do about it.
    fn complaint(&self, values: &BTreeMap<String, String>) -> (String, Option<String>) {
        let name = &self.name;
        let lacks = if values.contains_key(name) {
            "is empty"
        } else {
            "is not set"
        };
        let near = nearest(name, values.keys().map(String::as_str))
            .filter(|near| near != name)
            .map(did_you_mean);
        match self.form {
            Form::Required if self.written.is_empty() => {
                (format!("required variable `{name}` {lacks}"), near)
            }
            Form::Required => (
                format!("required variable `{name}` {lacks}: {}", self.written),
                near,
            ),
            _ => {
                let hint =
                    near.unwrap_or_else(|| format!("write `${{{name}-}}` when it may stand for nothing"));
                (format!("variable `{name}` {lacks}"), Some(hint))
            }
        }
    }
}

/// Fill every text of a file. Without values, a text with a variable becomes unknown; with them, a variable that is
/// missing is complained about. Either way a text that cannot be taken apart is, and `$$` becomes `$`.
pub(super) fn fill(root: &mut Node, values: Option<&BTreeMap<String, String>>, complaints: &mut Complaints) {
    root.each_text(&mut Vec::new(), is_interpolated, &mut |_, node| {
        let Value::Text(text) = &node.value else { return };
        node.value = match (Template::parse(text), values) {
            (Err(fault), _) => {
                complaints.hint(&node.place_inside(fault.at), fault.message, fault.hint);
                Value::Unknown
            }
            (Ok(template), None) if !template.references().is_empty() => Value::Unknown,
            (Ok(template), values) => {
                fill_one(node, &template, values.unwrap_or(&BTreeMap::new()), complaints)
            }
        };
    });
}

fn fill_one(
    node: &Node,
    template: &Template,
    values: &BTreeMap<String, String>,
    complaints: &mut Complaints,
) -> Value {
    let mut whole = true;
    let text = template.fill(values, &mut |reference| {
        let (message, hint) = reference.complaint(values);
        complaints.push(&node.place_inside(reference.at), message, hint);
        whole = false;
    });
    if whole { Value::Text(text) } else { Value::Unknown }
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
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Template;

    fn filled(text: &str) -> String {
        let values = BTreeMap::from([
            ("SET".to_owned(), "s".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        let mut missing = Vec::new();
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(fault) => return format!("{}: {}", fault.at, fault.message),
        };
        let filled = template.fill(&values, &mut |reference| {
            missing.push(reference.complaint(&values).0)
        });
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
    fn what_is_missing_is_named_with_the_files_own_words() {
        assert_eq!(
            filled("${NO?missing NO} ${EMPTY:?may not be empty} ${EMPTY:?} $NO ${UNUSED:+${SET:?}}"),
            "required variable `NO` is not set: missing NO, required variable `EMPTY` is empty: may not be empty, \
             required variable `EMPTY` is empty, variable `NO` is not set"
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
            let values = BTreeMap::from([("V".to_owned(), value.clone())]);
            let template = Template::parse("<${V}>").expect("this is a template");
            prop_assert_eq!(template.fill(&values, &mut |_| ()), format!("<{value}>"));
        }
    }
}
