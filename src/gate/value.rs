//! Values by their types: what the tables promise is checked here, one type after another.

use crate::{
    cel::{Part, Text},
    name,
};

use super::{
    course::Course,
    desk::Desk,
    duration::{FORMS, duration},
    functions::Stance,
    model::Tree,
    node::{Is, Node},
    shape::Shape,
    speech::all,
    types::{Key, Type},
};

impl Desk<'_> {
    /// The values of a table that has been checked for its keys, in the order in which they are written.
    pub(super) fn fields(&mut self, table: &Node, keys: &[Key], course: &Course) -> Vec<(Text, Tree)> {
        let mut read = Vec::new();
        for entry in table.entries() {
            let Some(key) = keys.iter().find(|key| key.name == entry.key) else {
                continue;
            };
            if let Some(value) = self.value(key.holds, &entry.value, &format!("`{}`", entry.key), course) {
                read.push((literal(&entry.key), value));
            }
        }
        read
    }

    /// A value of a type.
    pub(super) fn value(&mut self, holds: Type, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let names = &course.names;
        if takes_expression(holds) && is_lone_expression(node) {
            return self.text(node, what, names, Stance::Doing).map(Tree::Text);
        }
        match holds {
            Type::Text => self.text(node, what, names, Stance::Doing).map(Tree::Text),
            Type::Open => self.text(node, what, names, Stance::Open).map(Tree::Text),
            Type::Constant => self.text(node, what, names, Stance::Constant).map(Tree::Text),
            Type::Words => self.words(node, what).map(|words| Tree::Text(literal(&words))),
            Type::Name => {
                let word = self.words(node, what)?;
                self.identifier(&word, &node.at, what)
                    .then(|| Tree::Text(literal(&word)))
            }
            Type::OneOf(words) => self.one_of(node, what, words),
            Type::Number => self.plain(node, what, "a number", |is| {
                matches!(is, Is::Int(_) | Is::Float(_))
            }),
            Type::Count => self.plain(node, what, "a whole number from 1", |is| {
                matches!(is, Is::Int(1..))
            }),
            Type::Bool => self.plain(node, what, "`true` or `false`", |is| matches!(is, Is::Bool(_))),
            Type::Duration => self.duration(node, what, course).map(Tree::Text),
            Type::Sentence => {
                let sentence = self.sentence(node, what, names)?;
                Text::parse(&format!("${{{}}}", sentence.source()))
                    .ok()
                    .map(Tree::Text)
            }
            Type::Any | Type::Own => self.tree(node, what, names, Stance::Doing),
            Type::List(of) => self.list(*of, node, what, course),
            Type::Map(of) => self.map(Type::Text, *of, node, what, course),
            Type::Settings => self.map(Type::Setting, Type::Text, node, what, course),
            Type::Headers => {
                let seeing = course.seeing(names.with("body", Shape::Leaf));
                self.map(Type::Text, Type::Text, node, what, &seeing)
            }
            Type::Fields(keys) => self
                .table(node, what, &[keys])
                .then(|| Tree::Table(self.fields(node, keys, course))),
            _ => self.reference(holds, node, what, course),
        }
    }

    /// A duration; when it holds `${…}` it becomes one only while the gate runs.
    pub(super) fn duration(&mut self, node: &Node, what: &str, course: &Course) -> Option<Text> {
        let text = self.text(node, what, &course.names, Stance::Doing)?;
        match text.literal() {
            Some(written) if duration(written).is_err() => {
                self.pile
                    .hint(&node.at, format!("{what}: `{written}` is not a duration"), FORMS);
                None
            }
            _ => Some(text),
        }
    }

    fn plain(&mut self, node: &Node, what: &str, wanted: &str, good: fn(&Is) -> bool) -> Option<Tree> {
        if !good(&node.is) {
            let is = match &node.is {
                Is::Int(int) => format!("{int}"),
                Is::Float(float) => format!("{float}"),
                _ => node.word().to_owned(),
            };
            self.pile.add(&node.at, format!("{what} is {is}, not {wanted}"));
            return None;
        }
        match node.is {
            Is::Int(int) => Some(Tree::Plain(int.into())),
            Is::Float(float) => Some(Tree::Plain(float.into())),
            Is::Bool(bool) => Some(Tree::Plain(bool.into())),
            _ => None,
        }
    }

    fn one_of(&mut self, node: &Node, what: &str, words: &[&str]) -> Option<Tree> {
        let word = self.words(node, what)?;
        if words.contains(&word.as_str()) {
            return Some(Tree::Text(literal(&word)));
        }
        let message = format!("{what} cannot be `{word}`");
        let hint = words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let hint = if words.len() == 1 {
            format!("write {hint}")
        } else {
            format!("one of {hint}")
        };
        self.pile.hint(&node.at, message, hint);
        None
    }

    fn list(&mut self, of: Type, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let Is::List(elements) = &node.is else {
            self.pile
                .add(&node.at, format!("{what} is {}, not a list", node.word()));
            return None;
        };
        let what = format!("an element of {what}");
        all(elements
            .iter()
            .map(|element| self.value(of, element, &what, course)))
        .map(Tree::List)
    }

    fn map(&mut self, keys: Type, of: Type, node: &Node, what: &str, course: &Course) -> Option<Tree> {
        let Is::Table(entries) = &node.is else {
            self.pile
                .add(&node.at, format!("{what} is {}, not a table", node.word()));
            return None;
        };
        let read = entries.iter().map(|entry| {
            let key = Node {
                at: entry.at.clone(),
                is: Is::Text(entry.key.clone()),
            };
            let key = self.value(keys, &key, &format!("a key of {what}"), course);
            let value = self.value(of, &entry.value, &format!("`{}`", entry.key), course);
            match (key?, value?) {
                (Tree::Text(key), value) => Some((key, value)),
                _ => None,
            }
        });
        all(read).map(Tree::Table)
    }
}

/// Wherever a value of its own type is wanted, one lone `${…}` will do.
fn takes_expression(holds: Type) -> bool {
    use Type::{Bool, Count, Fields, Headers, List, Map, Number, Settings};
    matches!(
        holds,
        Bool | Count | Fields(_) | Headers | List(_) | Map(_) | Number | Settings
    )
}

fn is_lone_expression(node: &Node) -> bool {
    let text = node.text().and_then(|text| Text::parse(text).ok());
    text.is_some_and(|text| matches!(text.parts(), [Part::Expr(_)]))
}

/// A text that stands for itself.
pub(super) fn literal(characters: &str) -> Text {
    Text::parse(&characters.replace("${", "$${")).expect("every `${` is escaped")
}

/// True for the name of a variable of an environment.
pub(super) fn is_variable(text: &str) -> bool {
    name::is_identifier(text)
}
