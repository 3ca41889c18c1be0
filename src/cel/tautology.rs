//! Sentences that are true of whatever they are asked about, as far as their form alone tells.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators},
};

/// Why a sentence can never be false; none when its form does not tell.
pub(super) fn certain(node: &IdedExpr) -> Option<&'static str> {
    match &node.expr {
        Expr::Literal(LiteralValue::Boolean(is)) if *is.inner() => Some("it is `true`"),
        Expr::Call(call) => certain_call(call),
        _ => None,
    }
}

/// The same of the parts of a conjunction: why one of them adds nothing.
pub(super) fn certain_part(node: &IdedExpr) -> Option<&'static str> {
    match arguments(node, operators::LOGICAL_AND) {
        Some([left, right]) => certain_part(left).or_else(|| certain_part(right)),
        _ => certain(node),
    }
}

fn certain_call(call: &CallExpr) -> Option<&'static str> {
    let name = call.func_name.as_str();
    match (name, call.args.as_slice()) {
        (operators::LOGICAL_AND, [left, right]) => certain(left).and(certain(right)),
        (operators::LOGICAL_OR, [left, right]) if is_not(left, right) || is_not(right, left) => {
            Some("one side of `||` is the opposite of the other")
        }
        (operators::LOGICAL_OR, [left, right]) => certain(left).or_else(|| certain(right)),
        (operators::CONDITIONAL, [_, yes, no]) => certain(yes).and(certain(no)),
        (operators::LOGICAL_NOT, [inner]) => impossible(inner),
        (operators::EQUALS | operators::LESS_EQUALS | operators::GREATER_EQUALS, [left, right])
            if same(left, right) =>
        {
            Some("both sides of the comparison are the same")
        }
        (operators::GREATER_EQUALS, [left, right]) if is_size(left) && is_at_most(right, 0) => Some(NO_LESS),
        (operators::LESS_EQUALS, [left, right]) if is_at_most(left, 0) && is_size(right) => Some(NO_LESS),
        (operators::GREATER, [left, right]) if is_size(left) && is_at_most(right, -1) => Some(NO_LESS),
        (operators::LESS, [left, right]) if is_at_most(left, -1) && is_size(right) => Some(NO_LESS),
        (operators::NOT_EQUALS, [left, right]) if is_size(left) && is_at_most(right, -1) => Some(NO_LESS),
        _ => None,
    }
}

const NO_LESS: &str = "a size is never less than nothing";

/// Why a sentence can never be true.
fn impossible(node: &IdedExpr) -> Option<&'static str> {
    let Expr::Call(call) = &node.expr else {
        let is_false = matches!(&node.expr, Expr::Literal(LiteralValue::Boolean(is)) if !*is.inner());
        return is_false.then_some("it is `true`");
    };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => certain(inner),
        (operators::NOT_EQUALS | operators::LESS | operators::GREATER, [left, right])
            if same(left, right) =>
        {
            Some("both sides of the comparison are the same")
        }
        (operators::LESS, [left, right]) if is_size(left) && is_at_most(right, 0) => Some(NO_LESS),
        (operators::GREATER, [left, right]) if is_at_most(left, 0) && is_size(right) => Some(NO_LESS),
        _ => None,
    }
}

/// One is written as the opposite of the other.
fn is_not(one: &IdedExpr, other: &IdedExpr) -> bool {
    if let Some([inner]) = arguments(one, operators::LOGICAL_NOT) {
        return same(inner, other);
    }
    let pair = arguments(one, operators::EQUALS).zip(arguments(other, operators::NOT_EQUALS));
    pair.is_some_and(|(equal, unequal)| all_same(equal, unequal))
}

fn arguments<'n>(node: &'n IdedExpr, operator: &str) -> Option<&'n [IdedExpr]> {
    match &node.expr {
        Expr::Call(call) if call.func_name == operator => Some(&call.args),
        _ => None,
    }
}

fn is_size(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Call(call) if call.func_name == "size")
}

fn is_at_most(node: &IdedExpr, most: i64) -> bool {
    match &node.expr {
        Expr::Literal(LiteralValue::Int(n)) => *n.inner() <= most,
        _ => match arguments(node, operators::NEGATE) {
            Some([inner]) => {
                matches!(&inner.expr, Expr::Literal(LiteralValue::Int(n)) if -*n.inner() <= most)
            }
            _ => false,
        },
    }
}

/// Two expressions are written alike, wherever they stand.
fn same(one: &IdedExpr, other: &IdedExpr) -> bool {
    match (&one.expr, &other.expr) {
        (Expr::Call(one), Expr::Call(other)) => {
            let targets = match (&one.target, &other.target) {
                (Some(one), Some(other)) => same(one, other),
                (None, None) => true,
                _ => false,
            };
            one.func_name == other.func_name && targets && all_same(&one.args, &other.args)
        }
        (Expr::Select(one), Expr::Select(other)) => {
            one.field == other.field && one.test == other.test && same(&one.operand, &other.operand)
        }
        (Expr::List(one), Expr::List(other)) => all_same(&one.elements, &other.elements),
        (Expr::Map(one), Expr::Map(other)) => {
            let pair = |(one, other): (&EntryExpr, &EntryExpr)| match (one, other) {
                (EntryExpr::MapEntry(one), EntryExpr::MapEntry(other)) => {
                    same(&one.key, &other.key) && same(&one.value, &other.value)
                }
                _ => false,
            };
            let entries = |map: &cel::common::ast::MapExpr| map.entries.len();
            let both = one.entries.iter().zip(&other.entries);
            entries(one) == entries(other) && both.map(|(a, b)| (&a.expr, &b.expr)).all(pair)
        }
        (Expr::Ident(one), Expr::Ident(other)) => one == other,
        (Expr::Literal(one), Expr::Literal(other)) => one == other,
        _ => false,
    }
}

fn all_same(one: &[IdedExpr], other: &[IdedExpr]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

#[cfg(test)]
mod tests {
    use crate::cel::Sentence;

    fn sentence(source: &str) -> Sentence {
        Sentence::compile(source).unwrap_or_else(|fault| panic!("{source}: {fault:?}"))
    }

    #[test]
    fn what_can_never_be_false_is_told_by_its_form() {
        for source in [
            "true",
            "a.b == a.b",
            "l.map(x, x.n) == l.map(x, x.n)",
            "{'a': b} == {'a': b}",
            "a || !a",
            "!has(a.b) || has(a.b)",
            "a.n == 1 || a.n != 1",
            "a.ok || true",
            "size(l) >= 0",
            "l.size() > -1",
            "0 <= size(l)",
            "!(size(l) < 0)",
            "!(a != a)",
            "!false",
            "size(l) >= 0 && a <= a",
            "c ? true : size(l) >= 0",
        ] {
            assert!(sentence(source).certain().is_some(), "{source}");
        }
    }

    #[test]
    fn what_could_be_false_is_not_called_certain() {
        for source in [
            "a.b == a.c",
            "size(l) >= 1",
            "size(l) > 0",
            "a || b",
            "a == b || a == b",
            "size(l) >= 0 && a.ok",
            "c ? true : a.ok",
            "!(a == a)",
            "a.n >= 0",
            "l[0] == l[1]",
            "[a, b] == [b, a]",
        ] {
            assert_eq!(sentence(source).certain(), None, "{source}");
        }
    }

    #[test]
    fn a_part_that_adds_nothing_is_found_in_a_conjunction() {
        let idle = sentence("a.ok && (size(l) >= 0 && b.ok)").certain_part();
        assert_eq!(idle, Some("a size is never less than nothing"));
        assert_eq!(sentence("a.ok && b.ok").certain_part(), None);
    }
}
