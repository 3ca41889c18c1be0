//! What stands in an expression: names, calls, paths, literals. Found once, when it is compiled, in the tree as it
//! was written, before macros are expanded.

use std::collections::{BTreeMap, BTreeSet};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators},
};
use serde_json::Value;

use super::language::{BINDING, NAMESPACES};

/// A number or a string written in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Double(f64),
    /// A string.
    Text(String),
}

impl Literal {
    /// The literal as JSON.
    pub fn json(&self) -> Value {
        match self {
            Self::Int(n) => (*n).into(),
            Self::Double(n) => (*n).into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

/// What was found in one expression.
pub(super) struct Anatomy {
    pub(super) plain: IdedExpr,
    pub(super) reads: BTreeSet<String>,
    pub(super) calls: Vec<(String, usize)>,
    pub(super) paths: BTreeSet<Vec<String>>,
    pub(super) fields: BTreeSet<String>,
    pub(super) literals: Vec<Literal>,
    /// Select chains over free names alone, with their spelling: what a report shows as the values touched.
    pub(super) touched: Vec<(String, IdedExpr)>,
    pub(super) depth: usize,
}

/// Names that comprehensions bind, each with the path of the list it runs over, where that is one.
type Bound = BTreeMap<String, Option<Vec<String>>>;

impl Anatomy {
    pub(super) fn of(plain: IdedExpr) -> Self {
        let mut found = Self {
            plain: IdedExpr::default(),
            reads: BTreeSet::new(),
            calls: Vec::new(),
            paths: BTreeSet::new(),
            fields: BTreeSet::new(),
            literals: Vec::new(),
            touched: Vec::new(),
            depth: depth(&plain),
        };
        found.walk(&plain, &Bound::new());
        found.plain = plain;
        found
    }

    pub(super) fn place(&self) -> Option<Vec<String>> {
        place(&self.plain, &Bound::new())
    }

    fn walk(&mut self, node: &IdedExpr, bound: &Bound) {
        if is_chain(node) {
            self.chain(node, bound);
        }
        match &node.expr {
            Expr::Ident(name) if !bound.contains_key(name) => {
                self.reads.insert(name.clone());
            }
            Expr::Literal(literal) => self.literals.extend(plain_literal(literal)),
            Expr::Select(select) => {
                self.fields.insert(select.field.clone());
                self.beneath(&select.operand, bound);
            }
            Expr::Call(call) => self.call(call, bound),
            Expr::List(list) => list.elements.iter().for_each(|element| self.walk(element, bound)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(pair) = &entry.expr {
                        self.walk(&pair.key, bound);
                        self.walk(&pair.value, bound);
                    }
                }
            }
            _ => {}
        }
    }

    /// Walk on below a link of a chain whose end has been noted: its prefixes are not paths of their own.
    fn beneath(&mut self, node: &IdedExpr, bound: &Bound) {
        match &node.expr {
            Expr::Select(select) => {
                self.fields.insert(select.field.clone());
                self.beneath(&select.operand, bound);
            }
            Expr::Call(call) if is_index(call) => self.index(call, bound),
            Expr::Ident(name) if !bound.contains_key(name) => {
                self.reads.insert(name.clone());
            }
            _ => self.walk(node, bound),
        }
    }

    fn chain(&mut self, node: &IdedExpr, bound: &Bound) {
        if let Some(path) = place(node, bound) {
            self.paths.insert(path);
        }
        if let Some(spelling) = spelling(node, bound)
            && !self.touched.iter().any(|(known, _)| *known == spelling)
        {
            self.touched.push((spelling, node.clone()));
        }
    }

    fn call(&mut self, call: &CallExpr, bound: &Bound) {
        if is_index(call) {
            return self.index(call, bound);
        }
        let (name, receiver) = match call.target.as_deref() {
            Some(target) => match &target.expr {
                Expr::Ident(space) if NAMESPACES.contains(&space.as_str()) && !bound.contains_key(space) => {
                    (format!("{space}.{}", call.func_name), None)
                }
                _ => (call.func_name.clone(), Some(target)),
            },
            None => (call.func_name.clone(), None),
        };
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.calls
                .push((name, call.args.len() + usize::from(receiver.is_some())));
        }
        if let Some(receiver) = receiver {
            self.walk(receiver, bound);
        }
        match binding(call) {
            Some((variable, range)) => {
                let mut inner = bound.clone();
                inner.insert(variable.to_owned(), place(range, bound));
                call.args[1..].iter().for_each(|arg| self.walk(arg, &inner));
            }
            None => call.args.iter().for_each(|arg| self.walk(arg, bound)),
        }
    }

    fn index(&mut self, call: &CallExpr, bound: &Bound) {
        self.beneath(&call.args[0], bound);
        match &call.args[1].expr {
            Expr::Literal(LiteralValue::String(key)) => {
                self.fields.insert(key.inner().to_owned());
            }
            Expr::Literal(_) => {}
            _ => self.walk(&call.args[1], bound),
        }
    }
}

fn is_index(call: &CallExpr) -> bool {
    call.func_name == operators::INDEX && call.args.len() == 2
}

fn is_chain(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Ident(_) | Expr::Select(_) => true,
        Expr::Call(call) => is_index(call),
        _ => false,
    }
}

/// The name a call binds and the list it runs over: `l.map(x, …)`.
fn binding(call: &CallExpr) -> Option<(&str, &IdedExpr)> {
    let range = call.target.as_deref()?;
    match &call.args.first()?.expr {
        Expr::Ident(variable) if call.args.len() >= 2 && BINDING.contains(&call.func_name.as_str()) => {
            Some((variable, range))
        }
        _ => None,
    }
}

/// Where in the data an expression points, when it points anywhere.
fn place(node: &IdedExpr, bound: &Bound) -> Option<Vec<String>> {
    match &node.expr {
        Expr::Ident(name) => bound
            .get(name)
            .cloned()
            .unwrap_or_else(|| Some(vec![name.clone()])),
        Expr::Select(select) => {
            let mut path = place(&select.operand, bound)?;
            path.push(select.field.clone());
            Some(path)
        }
        Expr::Call(call) if is_index(call) => {
            let mut path = place(&call.args[0], bound)?;
            match &call.args[1].expr {
                Expr::Literal(LiteralValue::String(key)) => path.push(key.inner().to_owned()),
                Expr::Literal(_) => {}
                _ => path.push("*".to_owned()),
            }
            Some(path)
        }
        // These hand back elements of the list they are called on.
        Expr::Call(call) => match call.func_name.as_str() {
            "filter" | "sortBy" | "sort" | "reverse" | "slice" | "distinct" => {
                place(call.target.as_deref()?, bound)
            }
            "between" if call.target.is_none() => place(call.args.first()?, bound),
            _ => None,
        },
        _ => None,
    }
}

/// How a chain over free names and literal indexes is written.
fn spelling(node: &IdedExpr, bound: &Bound) -> Option<String> {
    match &node.expr {
        Expr::Ident(name) => (!bound.contains_key(name)).then(|| name.clone()),
        Expr::Select(select) => Some(format!("{}.{}", spelling(&select.operand, bound)?, select.field)),
        Expr::Call(call) if is_index(call) => {
            let of = spelling(&call.args[0], bound)?;
            match &call.args[1].expr {
                Expr::Literal(LiteralValue::String(key)) => Some(format!("{of}['{}']", key.inner())),
                Expr::Literal(LiteralValue::Int(at)) => Some(format!("{of}[{}]", at.inner())),
                _ => Some(format!("{of}[{}]", spelling(&call.args[1], bound)?)),
            }
        }
        _ => None,
    }
}

fn plain_literal(literal: &LiteralValue) -> Option<Literal> {
    match literal {
        LiteralValue::Int(n) => Some(Literal::Int(*n.inner())),
        LiteralValue::UInt(n) => i64::try_from(*n.inner()).ok().map(Literal::Int),
        LiteralValue::Double(n) => Some(Literal::Double(*n.inner())),
        LiteralValue::String(text) => Some(Literal::Text(text.inner().to_owned())),
        LiteralValue::Boolean(_) | LiteralValue::Bytes(_) | LiteralValue::Null => None,
    }
}

/// Comprehensions inside one another; those in a row (`l.filter(…).map(…)`) do not multiply.
fn depth(node: &IdedExpr) -> usize {
    let deepest = |nodes: &[IdedExpr]| nodes.iter().map(depth).max().unwrap_or(0);
    match &node.expr {
        Expr::Call(call) => {
            let level = usize::from(binding(call).is_some());
            let target = call.target.as_deref().map_or(0, depth);
            target.max(level + deepest(&call.args))
        }
        Expr::Select(select) => depth(&select.operand),
        Expr::List(list) => deepest(&list.elements),
        Expr::Map(map) => {
            let of = |entry: &EntryExpr| match entry {
                EntryExpr::MapEntry(pair) => depth(&pair.key).max(depth(&pair.value)),
                EntryExpr::StructField(field) => depth(&field.value),
            };
            map.entries.iter().map(|entry| of(&entry.expr)).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// The operator and the two sides of a comparison.
pub(super) fn comparison(node: &IdedExpr) -> Option<(&'static str, &IdedExpr, &IdedExpr)> {
    let Expr::Call(call) = &node.expr else { return None };
    let operator = match call.func_name.as_str() {
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::LESS => "<",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::GREATER_EQUALS => ">=",
        operators::IN => "in",
        _ => return None,
    };
    match call.args.as_slice() {
        [left, right] => Some((operator, left, right)),
        _ => None,
    }
}
