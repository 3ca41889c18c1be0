//! A tree of texts into the value it has in a scope, and a value into the tree that has it.

use serde_json::{Map, Value};

use super::model::Tree;
use crate::cel::{Scope, Text};

/// The value of a tree: every text evaluated, keys too; `null` stays `null`, for whoever removes what it names.
///
/// The error names the text that failed: it is all a reader of the pack gets to see.
pub fn evaluate(tree: &Tree, scope: &Scope<'_>) -> Result<Value, String> {
    match tree {
        Tree::Plain(value) => Ok(value.clone()),
        Tree::Text(text) => said(text, scope),
        Tree::List(items) => items.iter().map(|item| evaluate(item, scope)).collect(),
        Tree::Table(entries) => {
            let mut table = Map::new();
            for (name, entry) in entries {
                table.insert(key(name, scope)?, evaluate(entry, scope)?);
            }
            Ok(Value::Object(table))
        }
    }
}

fn said(text: &Text, scope: &Scope<'_>) -> Result<Value, String> {
    scope
        .text(text)
        .map_err(|error| format!("`{}`: {error}", text.source()))
}

/// A key is a string, also when a number was said: a key written `${200}` is `200`.
fn key(name: &Text, scope: &Scope<'_>) -> Result<String, String> {
    match said(name, scope)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!(
            "`{}`: a key must be a text, not `{other}`",
            name.source()
        )),
    }
}

/// A value as the tree that evaluates to it, for putting an evaluated value in the place of a written one.
pub fn literal(value: &Value) -> Result<Tree, String> {
    let text = |text: &str| Text::parse(&text.replace("${", "$${")).map_err(|fault| fault.to_string());
    Ok(match value {
        Value::String(characters) => Tree::Text(text(characters)?),
        Value::Array(items) => Tree::List(items.iter().map(literal).collect::<Result<_, _>>()?),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| Ok((text(key)?, literal(value)?));
            Tree::Table(entries.iter().map(entry).collect::<Result<_, String>>()?)
        }
        plain => Tree::Plain(plain.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Tree, evaluate, literal};
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
            (text("${n}"), Tree::Plain(json!(null))),
        ]);
        assert_eq!(
            evaluate(&tree, &scope),
            Ok(json!({"a": 7, "k7": ["x7", null], "7": null}))
        );
    }

    #[test]
    fn a_text_that_fails_is_named_and_so_is_a_key_that_is_no_text() {
        let world = World::pure();
        let scope = world.scope();
        let error = evaluate(&Tree::Text(text("${m}")), &scope).expect_err("there is no `m`");
        assert!(error.starts_with("`${m}`: "), "{error}");
        let tree = Tree::Table(vec![(text("${null}"), Tree::Plain(json!(1)))]);
        assert_eq!(
            evaluate(&tree, &scope),
            Err("`${null}`: a key must be a text, not `null`".to_owned())
        );
    }

    #[test]
    fn a_literal_tree_evaluates_to_its_value() {
        let value = json!({"a": [1, true, null, 1.5, "costs $5 and ${not} $${really}"], "${k}": {"": "}"}});
        let world = World::pure();
        let tree = literal(&value).expect("no expression in it");
        assert_eq!(evaluate(&tree, &world.scope()), Ok(value));
    }
}
