//! The classes of a load: how many of each, and where they ought to land.

use serde_json::Value;

use crate::{
    account::Lands,
    cel::{Scope, Sentence, Text},
    gate::{model::Tree, tree::evaluate},
    load::ClassPlan,
};

/// One class as its table has it.
pub(super) struct Class<'t> {
    pub(super) tree: &'t Tree,
    pub(super) plan: ClassPlan,
}

/// The classes of so many arrivals together; the one without a count takes the rest.
pub(super) fn classes<'t>(tree: &'t Tree, scope: &Scope<'_>, total: usize) -> Result<Vec<Class<'t>>, String> {
    let Some(Tree::List(items)) = tree.get("class") else {
        return Err("a load has classes".into());
    };
    let mut classes = Vec::with_capacity(items.len());
    let mut rest = None;
    let mut taken = 0_usize;
    for item in items {
        let count = item
            .get("count")
            .map(|count| number_of(count, scope, total))
            .transpose()?;
        match count {
            Some(count) => taken += count,
            None => rest = Some(classes.len()),
        }
        classes.push(Class {
            tree: item,
            plan: class_plan(item, scope, count.unwrap_or_default())?,
        });
    }
    if let Some(at) = rest {
        let left = total
            .checked_sub(taken)
            .ok_or("the classes are more than all arrivals together")?;
        classes[at].plan.count = left;
    }
    Ok(classes)
}

fn class_plan(tree: &Tree, scope: &Scope<'_>, count: usize) -> Result<ClassPlan, String> {
    let value = |key: &str| tree.get(key).map(|part| evaluate(part, scope)).transpose();
    let lands = match value("lands")?.as_ref().and_then(Value::as_str) {
        None | Some("canonical") => Lands::Canonical,
        Some("dead") => Lands::Dead,
        Some("refused") => Lands::Refused,
        Some(other) => return Err(format!("`lands` is `{other}`, not canonical, dead or refused")),
    };
    let cents = match tree.get("with").and_then(|with| with.get("cents")) {
        Some(cents) => evaluate(cents, scope)?.as_i64().unwrap_or_default(),
        None => 0,
    };
    let whole = |value: Option<Value>| value.and_then(|value| usize::try_from(value.as_u64()?).ok());
    Ok(ClassPlan {
        name: value("name")?
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default(),
        count,
        same_key: value("same_key")? == Some(Value::Bool(true)),
        burst: whole(value("burst")?).unwrap_or_default(),
        lands,
        cents,
    })
}

/// A count: a number, or a sentence over `T`.
fn number_of(tree: &Tree, scope: &Scope<'_>, total: usize) -> Result<usize, String> {
    let mut inner = scope.child();
    inner.bind("T", &total.into());
    let value = match tree {
        Tree::Plain(number) => number.clone(),
        Tree::Text(text) => sentence_of(text)?
            .map_or_else(|| inner.text(text), |sentence| inner.eval(&sentence))
            .map_err(|error| format!("count `{}`: {error}", text.source()))?,
        Tree::List(_) | Tree::Table(_) => return Err("a count is a number or a sentence over `T`".into()),
    };
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| format!("count `{value}` is no whole number"))
}

/// A text without `${…}` is a sentence here.
fn sentence_of(text: &Text) -> Result<Option<Sentence>, String> {
    text.literal()
        .map(Sentence::compile)
        .transpose()
        .map_err(|fault| format!("count `{}`: {fault}", text.source()))
}
