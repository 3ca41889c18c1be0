//! What the language is: CEL's standard library, its list, math and string extensions, one macro of our own, and the
//! names of everything that can be called.

use std::sync::{Arc, LazyLock};

use cel::{
    Env, ExecutionError, IdedExpr, ParseError,
    common::{
        ast::{
            CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, LiteralValue,
            MapEntryExpr, MapExpr, operators,
        },
        types::{CelList, CelMap, DYN_TYPE},
        value::{CowVal, Val},
    },
    extensions,
    parser::{Macro, MacroExprHelper},
};

/// Pure functions of our own with the number of their arguments, the receiver counted: `pct(l, 95)` and `l.pct(95)`
/// are the same call.
pub const PURE: &[(&str, usize)] = &[
    ("sum", 1),
    ("pct", 2),
    ("slope", 1),
    ("near", 3),
    ("keys", 1),
    ("merge", 2),
    ("omit", 2),
    ("between", 3),
    ("json", 1),
    ("to_json", 1),
    ("sha256", 1),
];

/// Functions that act, and so may not stand in a sentence, with the number of their arguments.
pub const DOING: &[(&str, usize)] = &[
    ("uuid", 1),
    ("fresh", 1),
    ("pick", 2),
    ("now", 0),
    ("rfc3339", 1),
    ("mint", 1),
    ("secret", 1),
    ("canary", 1),
    ("dsn", 1),
    ("dsn_password", 1),
    ("url", 1),
    ("public_ring", 1),
    ("hmac_hex", 2),
    ("hmac_b64", 2),
    ("jwt", 2),
    ("jwt_with", 3),
    ("flip", 1),
    ("base64", 1),
    ("gzip", 1),
];

/// CEL's own functions and macros, and those of its extensions. They check their arguments themselves.
pub const BUILTIN: &[&str] = &[
    "has",
    "all",
    "always",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "size",
    "type",
    "dyn",
    "bool",
    "bytes",
    "double",
    "int",
    "string",
    "uint",
    "contains",
    "startsWith",
    "endsWith",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
    "split",
    "substring",
    "format",
    "reverse",
    "slice",
    "flatten",
    "distinct",
    "sort",
    "sortBy",
    "lists.range",
    "strings.quote",
    "math.ceil",
    "math.floor",
    "math.round",
    "math.trunc",
    "math.isInf",
    "math.isNaN",
    "math.isFinite",
    "math.abs",
    "math.sign",
    "math.bitAnd",
    "math.bitOr",
    "math.bitXor",
    "math.bitNot",
    "math.bitShiftLeft",
    "math.bitShiftRight",
    "math.sqrt",
    "math.greatest",
    "math.least",
];

/// Calls that bind a name: `l.map(x, …)`. The first argument is the name, the rest is read with it in scope.
pub(super) const BINDING: &[&str] = &[
    "all",
    "always",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "sortBy",
];

/// Prefixes of qualified function names, which look like a method called on a variable.
pub(super) const NAMESPACES: &[&str] = &["lists", "strings", "math"];

/// The function every comprehension's range goes through. No sentence can name it: `@` is not CEL.
const IN_ORDER: &str = "@in_order";

static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(build()));

/// True for a name a suite's function may not take.
pub fn is_taken(name: &str) -> bool {
    let listed = |table: &[(&str, usize)]| table.iter().any(|(taken, _)| *taken == name);
    BUILTIN.contains(&name) || listed(PURE) || listed(DOING)
}

/// The one environment everything is compiled and evaluated in.
pub(super) fn language() -> &'static Arc<Env> {
    &LANGUAGE
}

fn build() -> Env {
    let mut env = Env::stdlib().with_optional_support(false);
    let declared = env
        .add_extension(extensions::lists)
        .and_then(|()| env.add_extension(extensions::math))
        .and_then(|()| env.add_extension(extensions::strings))
        .and_then(|()| env.add_macro(Macro::receiver("always", 2, always)))
        .and_then(|()| env.add_overload(IN_ORDER, "any_in_order", vec![DYN_TYPE], keys_in_order));
    declared.expect("these names are disjoint, and a test builds the language");
    env
}

/// `x.always(v, e)` is `size(x) > 0 && x.all(v, e)`: true of nothing is never true.
fn always(
    helper: &mut MacroExprHelper<'_>,
    target: &mut Option<IdedExpr>,
    args: &mut Vec<IdedExpr>,
) -> Result<Option<IdedExpr>, ParseError> {
    let name = args.first().map(|name| (name.id, name.expr.clone()));
    let variable = match name {
        Some((_, Expr::Ident(variable))) => variable,
        Some((id, _)) => {
            return Err(helper.new_error(id, "the first argument of `always` must be a plain name"));
        }
        None => return Ok(None),
    };
    let (Some(range), Some(each)) = (target.take(), args.pop()) else {
        return Ok(None);
    };
    let zero = helper.next_expr(Expr::Literal(LiteralValue::Int(0.into())));
    let size = call(helper, "size", vec![range.clone()]);
    let some = call(helper, operators::GREATER, vec![size, zero]);
    let every = every(helper, range, variable, each);
    Ok(Some(call(helper, operators::LOGICAL_AND, vec![some, every])))
}

/// The comprehension CEL's own `all` expands to; its evaluator knows this shape and lets a false outweigh an error.
fn every(helper: &mut MacroExprHelper<'_>, range: IdedExpr, variable: String, each: IdedExpr) -> IdedExpr {
    let so_far = "@result".to_owned();
    let accu_init = helper.next_expr(Expr::Literal(LiteralValue::Boolean(true.into())));
    let known = helper.next_expr(Expr::Ident(so_far.clone()));
    let loop_cond = call(helper, operators::NOT_STRICTLY_FALSE, vec![known]);
    let known = helper.next_expr(Expr::Ident(so_far.clone()));
    let loop_step = call(helper, operators::LOGICAL_AND, vec![known, each]);
    let result = helper.next_expr(Expr::Ident(so_far.clone()));
    helper.next_expr(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: range,
        iter_var: variable,
        iter_var2: None,
        accu_var: so_far,
        accu_init,
        loop_cond,
        loop_step,
        result,
    })))
}

fn call(helper: &mut MacroExprHelper<'_>, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    helper.next_expr(Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    }))
}

/// Make every comprehension of an expression walk a map by its sorted keys. The crate's maps are hash maps with a
/// seed of their own, and one observation has to give one verdict, also tomorrow and elsewhere.
pub(super) fn ordered(node: IdedExpr) -> IdedExpr {
    let id = node.id;
    let all = |nodes: Vec<IdedExpr>| nodes.into_iter().map(ordered).collect();
    let boxed = |node: Box<IdedExpr>| Box::new(ordered(*node));
    let expr = match node.expr {
        Expr::Call(call) => Expr::Call(CallExpr {
            func_name: call.func_name,
            target: call.target.map(boxed),
            args: all(call.args),
        }),
        Expr::Comprehension(walk) => Expr::Comprehension(Box::new(ordered_walk(*walk))),
        Expr::List(list) => Expr::List(ListExpr {
            elements: all(list.elements),
            ..list
        }),
        Expr::Map(map) => Expr::Map(MapExpr {
            entries: map.entries.into_iter().map(ordered_entry).collect(),
        }),
        Expr::Select(mut select) => {
            select.operand = boxed(select.operand);
            Expr::Select(select)
        }
        other => other,
    };
    IdedExpr { id, expr }
}

fn ordered_entry(entry: IdedEntryExpr) -> IdedEntryExpr {
    let expr = match entry.expr {
        EntryExpr::MapEntry(pair) => EntryExpr::MapEntry(MapEntryExpr {
            key: ordered(pair.key),
            value: ordered(pair.value),
            optional: pair.optional,
        }),
        field @ EntryExpr::StructField(_) => field,
    };
    IdedEntryExpr { id: entry.id, expr }
}

fn ordered_walk(walk: ComprehensionExpr) -> ComprehensionExpr {
    let range = ordered(walk.iter_range);
    // A list literal, or what another comprehension made, has an order already.
    let iter_range = if matches!(range.expr, Expr::List(_) | Expr::Comprehension(_)) {
        range
    } else {
        IdedExpr {
            id: range.id,
            expr: Expr::Call(CallExpr {
                func_name: IN_ORDER.to_owned(),
                target: None,
                args: vec![range],
            }),
        }
    };
    ComprehensionExpr {
        iter_range,
        accu_init: ordered(walk.accu_init),
        loop_cond: ordered(walk.loop_cond),
        loop_step: ordered(walk.loop_step),
        result: ordered(walk.result),
        ..walk
    }
}

fn keys_in_order<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let range = args
        .pop()
        .ok_or_else(ExecutionError::missing_argument_or_target)?;
    let Some(map) = range.downcast_ref::<CelMap>() else {
        return Ok(range);
    };
    let mut keys: Vec<_> = map.inner().keys().cloned().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val + 'v>> = keys.iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}
