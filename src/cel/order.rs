//! One order for every walk over a map.
//!
//! The crate's maps are hash maps, each with a seed of its own, and one observation has to give one verdict, also
//! tomorrow and elsewhere. So the range of every comprehension is led through a function that puts keys in order.

use cel::{
    ExecutionError, IdedExpr,
    common::{
        ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, MapEntryExpr, MapExpr},
        types::{CelList, CelMap},
        value::{CowVal, Val},
    },
};

/// The function every range goes through. No sentence can name it: `@` is not CEL.
pub(super) const IN_ORDER: &str = "@in_order";

/// Make every comprehension of an expression walk a map by its sorted keys.
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

/// A map as the list of its sorted keys, anything else as it is.
pub(super) fn in_order<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
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
