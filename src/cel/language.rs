//! What the language is: CEL's standard library, its list, math and string extensions, one macro of our own, and the
//! names of everything that can be called.

use std::sync::{Arc, LazyLock};

use cel::{
    Env, IdedExpr, ParseError,
    common::{
        ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators},
        types::DYN_TYPE,
    },
    extensions,
    parser::{Macro, MacroExprHelper},
};

use super::order;

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
    ("pretty", 1),
    ("zip", 2),
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
    "matches",
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
        .and_then(|()| env.add_overload(order::IN_ORDER, "any_in_order", vec![DYN_TYPE], order::in_order));
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
