//! A tree of texts into the value it has in a scope.

use serde_json::{Map, Value};

use super::model::Tree;
use crate::cel::{EvalError, Scope, Text};

/// The value of a tree: every text evaluated, keys too; `null` stays `null`, for whoever removes what it names.
pub fn evaluate(scope: &Scope<'_>, tree: &Tree) -> Result<Value, EvalError> {
    match tree {
        Tree::Plain(value) => Ok(value.clone()),
        Tree::Text(text) => scope.text(text),
        Tree::List(items) => items.iter().map(|item| evaluate(scope, item)).collect(),
        Tree::Table(entries) => {
            let mut table = Map::new();
            for (name, entry) in entries {
                table.insert(key(scope, name)?, evaluate(scope, entry)?);
            }
            Ok(Value::Object(table))
        }
    }
}

/// A key is a string whatever it is made of: a key written `${200}` is `200`.
fn key(scope: &Scope<'_>, name: &Text) -> Result<String, EvalError> {
    Ok(match scope.text(name)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Tree, evaluate};
    use crate::cel::{Text, World};

    fn text(source: &str) -> Text {
        Text::parse(source).expect("a good text")
    }

    #[test]
    fn texts_and_keys_are_evaluated_and_null_stays() {
        let world = World::pure();
        let mut scope = world.scope();
        scope.bind("n", &json!(7));
        let tree = Tree::Table(vec![
            (text("a"), Tree::Text(text("${n}"))),
            (
                text("k${n}"),
                Tree::List(vec![Tree::Text(text("x${n}")), Tree::Plain(json!(null))]),
            ),
            (text("gone"), Tree::Plain(json!(null))),
        ]);
        assert_eq!(
            evaluate(&scope, &tree),
            Ok(json!({"a": 7, "k7": ["x7", null], "gone": null}))
        );
        assert!(evaluate(&scope, &Tree::Text(text("${m}"))).is_err());
    }
}
