//! Real bodies, broken keyword by keyword: a contract that takes them all forbids nothing.
//!
//! A schema tells where its keywords bite. But whoever forgot `type` or `additionalProperties: false` left a place
//! open: there a wrong type and a surplus field are tried all the same, and being taken they tell of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    books::{Account, Books},
    schemas::Schemas,
    spec::Spec,
    verdict::Cell,
};

/// The name of a field that nobody declares.
const SURPLUS: &str = "closure_surplus";

/// Schemas inside schemas, and elements of lists, are walked no further than this.
const DEEPEST: usize = 32;
const ELEMENTS: usize = 3;

/// Strings longer than this are not made.
const LONGEST: u64 = 10_000;

/// So many mutants of a keyword that were taken are told one by one.
const TOLD: usize = 20;

/// Formats of which a text of one blank is none.
const FORMATS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "time",
    "uri",
    "uuid",
];

/// Schema keywords that say something of a value: without any of them it may be anything.
const SAYING: &[&str] = &[
    "$ref",
    "type",
    "enum",
    "const",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "properties",
    "items",
];

/// What became of all mutants.
#[derive(Default)]
pub(super) struct Broken {
    tally: BTreeMap<&'static str, Tally>,
    /// Cells of whose bodies nothing that was broken was refused.
    pub(super) open: Vec<String>,
}

#[derive(Default)]
struct Tally {
    made: usize,
    rejected: usize,
    accepted: Vec<String>,
}

/// A body with one thing wrong.
struct Mutant {
    keyword: &'static str,
    place: String,
    body: Value,
}

/// Break the bodies that were kept, and see which the contract refuses.
pub(super) fn all(spec: &Spec<'_>, books: &Books<'_>, schemas: &mut Schemas<'_>) -> Result<Broken, String> {
    let mut broken = Broken::default();
    for (cell, account) in &books.cells {
        if !account.bodies.is_empty() && !broken.break_all(spec, cell, account, schemas)? {
            broken
                .open
                .push(format!("{} {} {}", cell.operation, cell.status, cell.media));
        }
    }
    Ok(broken)
}

impl Broken {
    /// Break the bodies of one cell; false when nothing was refused.
    fn break_all(
        &mut self,
        spec: &Spec<'_>,
        cell: &Cell,
        account: &Account,
        schemas: &mut Schemas<'_>,
    ) -> Result<bool, String> {
        let mut refused = false;
        let Some(schema) = spec.at(&account.schema).filter(|_| !account.schema.is_empty()) else {
            return Ok(false);
        };
        for body in account.bodies.values() {
            let mut walk = Walk {
                spec,
                body,
                mutants: Vec::new(),
            };
            walk.schema(schema, body, "", 0);
            for mutant in walk.mutants {
                let taken = schemas.take(&account.schema, &mutant.body)?;
                refused |= !taken;
                let tally = self.tally.entry(mutant.keyword).or_default();
                tally.made += 1;
                tally.rejected += usize::from(!taken);
                if taken && tally.accepted.len() < TOLD {
                    tally
                        .accepted
                        .push(format!("{} {} {}", cell.operation, cell.status, mutant.place));
                }
            }
        }
        Ok(refused)
    }

    /// By keyword: how many were made, how many were rejected, and which were not.
    pub(super) fn by_keyword(&self) -> Value {
        let told = |(keyword, tally): (&&str, &Tally)| {
            json!({
                "keyword": keyword,
                "made": tally.made,
                "rejected": tally.rejected,
                "accepted": tally.accepted,
            })
        };
        self.tally.iter().map(told).collect()
    }
}

/// A walk through a schema and a body that it takes.
struct Walk<'w> {
    spec: &'w Spec<'w>,
    body: &'w Value,
    mutants: Vec<Mutant>,
}

impl<'w> Walk<'w> {
    /// What one schema says of the value at one place.
    fn schema(&mut self, schema: &'w Value, value: &'w Value, place: &str, depth: usize) {
        let says = |keyword: &str| schema.get(keyword);
        if depth == DEEPEST {
            return;
        }
        if says("type").is_some() || !SAYING.iter().any(|keyword| says(keyword).is_some()) {
            self.put("type", place, other_type(value, says("type")));
        }
        let reference = says("$ref").and_then(Value::as_str);
        if let Some(referred) = reference.and_then(|reference| self.spec.referred(reference)) {
            self.schema(referred, value, place, depth + 1);
        }
        for part in says("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.schema(part, value, place, depth + 1);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(only) = says(keyword).and_then(|branches| the_one(branches, value)) {
                self.schema(only, value, place, depth + 1);
            }
        }
        if let Some(options) = says("enum").and_then(Value::as_array) {
            self.put("enum", place, outside(options));
        }
        if let Some(only) = says("const") {
            self.put("const", place, outside(std::slice::from_ref(only)));
        }
        match value {
            Value::String(text) => self.string(schema, text, place),
            Value::Number(_) => self.number(schema, place),
            Value::Array(items) => self.list(schema, items, place, depth),
            Value::Object(fields) => {
                if let Some(schema) = schema.as_object() {
                    self.fields(schema, fields, place, depth);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn string(&mut self, schema: &Value, text: &str, place: &str) {
        let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        let format = schema.get("format").and_then(Value::as_str);
        if format.is_some_and(|format| FORMATS.contains(&format)) {
            self.put("format", place, json!(" "));
        }
        if let Some(least) = limit("minLength").filter(|least| (1..LONGEST).contains(least)) {
            let shorter = text.chars().take(usize::try_from(least - 1).unwrap_or_default());
            self.put("minLength", place, json!(shorter.collect::<String>()));
        }
        if let Some(most) = limit("maxLength").filter(|most| *most < LONGEST) {
            let longer = "x".repeat(usize::try_from(most + 1).unwrap_or_default());
            self.put("maxLength", place, json!(longer));
        }
    }

    fn number(&mut self, schema: &Value, place: &str) {
        for (keyword, beyond) in [
            ("minimum", -1.0),
            ("maximum", 1.0),
            ("exclusiveMinimum", 0.0),
            ("exclusiveMaximum", 0.0),
        ] {
            if let Some(limit) = schema.get(keyword).filter(|limit| limit.is_number()) {
                self.put(keyword, place, moved(limit, beyond));
            }
        }
    }

    fn list(&mut self, schema: &'w Value, items: &'w [Value], place: &str, depth: usize) {
        let limit = |keyword: &str| {
            let limit = schema.get(keyword).and_then(Value::as_u64);
            limit.and_then(|limit| usize::try_from(limit).ok())
        };
        if let Some(least) = limit("minItems").filter(|least| (1..=items.len()).contains(least)) {
            self.put("minItems", place, json!(items[..least - 1]));
        }
        if let (Some(most), Some(first)) = (limit("maxItems").filter(|most| *most < 1_000), items.first()) {
            let more = items.iter().chain(std::iter::repeat(first)).take(most + 1);
            self.put("maxItems", place, more.cloned().collect::<Value>());
        }
        if let (Some(Value::Bool(true)), Some(first)) = (schema.get("uniqueItems"), items.first()) {
            let twice = items.iter().chain([first]);
            self.put("uniqueItems", place, twice.cloned().collect::<Value>());
        }
        let leading = schema.get("prefixItems").and_then(Value::as_array);
        let leading = leading.map_or(&[][..], Vec::as_slice);
        let rest = schema.get("items");
        for (at, item) in items.iter().enumerate().take(leading.len() + ELEMENTS) {
            if let Some(schema) = leading.get(at).or(rest) {
                self.schema(schema, item, &format!("{place}/{at}"), depth + 1);
            }
        }
    }

    fn fields(
        &mut self,
        schema: &'w Map<String, Value>,
        fields: &'w Map<String, Value>,
        place: &str,
        depth: usize,
    ) {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let mut fewer = fields.clone();
            if fewer.shift_remove(name).is_some() {
                let missing = format!("{place}/{}", super::spec::escaped(name));
                self.put_at("required", place, missing, Value::Object(fewer));
            }
        }
        let declared = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in declared.into_iter().flatten() {
            if let Some(value) = fields.get(name) {
                let place = format!("{place}/{}", super::spec::escaped(name));
                self.schema(schema, value, &place, depth + 1);
            }
        }
        let closed = ["additionalProperties", "unevaluatedProperties"]
            .iter()
            .any(|keyword| schema.get(*keyword) == Some(&Value::Bool(false)));
        let by_schema = matches!(schema.get("additionalProperties"), Some(Value::Object(_)))
            || schema.contains_key("patternProperties");
        if (declared.is_some() || closed) && !by_schema {
            let mut more = fields.clone();
            more.insert(SURPLUS.to_owned(), json!(1));
            self.put("additionalProperties", place, Value::Object(more));
        }
    }

    /// A mutant with something else at a place.
    fn put(&mut self, keyword: &'static str, place: &str, other: impl Into<Option<Value>>) {
        if let Some(other) = other.into() {
            self.put_at(keyword, place, place.to_owned(), other);
        }
    }

    /// The same, told of by another place.
    fn put_at(&mut self, keyword: &'static str, at: &str, told: String, other: Value) {
        let mut body = self.body.clone();
        if let Some(value) = body.pointer_mut(at) {
            *value = other;
            self.mutants.push(Mutant {
                keyword,
                place: told,
                body,
            });
        }
    }
}

/// A value of a type that is neither the value's own nor allowed.
fn other_type(value: &Value, allowed: Option<&Value>) -> Option<Value> {
    let allows = |name: &str| match allowed {
        Some(Value::Array(names)) => names.iter().any(|one| one == name),
        Some(one) => one == name,
        None => false,
    };
    let others = [
        ("boolean", json!(true)),
        ("array", json!([])),
        ("object", json!({})),
        ("string", json!("closure")),
        ("number", json!(0.5)),
    ];
    let same = |other: &Value| std::mem::discriminant(other) == std::mem::discriminant(value);
    let other = others
        .into_iter()
        .find(|(name, other)| !allows(name) && !same(other));
    other.map(|(_, other)| other)
}

/// A value beside every one that is listed.
fn outside(options: &[Value]) -> Option<Value> {
    let whole = options.iter().map(Value::as_i64).collect::<Option<Vec<_>>>();
    if let Some(greatest) = whole.as_deref().and_then(|numbers| numbers.iter().max()) {
        return greatest.checked_add(1).map(Value::from);
    }
    let mut text = options.iter().rev().find_map(Value::as_str)?.to_owned();
    while options.iter().any(|option| *option == text.as_str()) {
        text.push('~');
    }
    Some(text.into())
}

/// A limit moved by so much; a whole one stays whole.
fn moved(limit: &Value, by: f64) -> Option<Value> {
    match limit.as_i64() {
        #[expect(clippy::cast_possible_truncation, reason = "by one, or by nothing")]
        Some(limit) => limit.checked_add(by as i64).map(Value::from),
        None => Some(json!(limit.as_f64()? + by)),
    }
}

/// The branch that is meant, when there is but one besides null.
fn the_one<'v>(branches: &'v Value, value: &Value) -> Option<&'v Value> {
    let is_null = |branch: &&Value| branch.get("type").is_some_and(|name| name == "null");
    let mut others = branches.as_array()?.iter().filter(|branch| !is_null(branch));
    let only = others.next().filter(|_| !value.is_null())?;
    others.next().is_none().then_some(only)
}
