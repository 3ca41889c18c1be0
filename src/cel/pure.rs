//! The pure functions of our own. Each takes JSON and gives JSON; what they cannot do they say.
//!
//! Objects arrive with their keys sorted, as [`value::to_json`](super::value::to_json) makes them.

use serde_json::{Map, Value};

use crate::digest::Digest;

pub(super) type Pure = fn(&[Value]) -> Result<Value, String>;

/// The function behind a name of [`PURE`](super::PURE).
pub(super) fn by_name(name: &str) -> Option<Pure> {
    Some(match name {
        "sum" => |args| sum(list(&args[0])?),
        "pct" => |args| pct(list(&args[0])?, number(&args[1])?),
        "slope" => |args| slope(list(&args[0])?),
        "near" => |args| near(number(&args[0])?, number(&args[1])?, number(&args[2])?),
        "keys" => |args| Ok(object(&args[0])?.keys().cloned().map(Value::String).collect()),
        "merge" => |args| Ok(merge(object(&args[0])?, object(&args[1])?)),
        "omit" => |args| omit(object(&args[0])?, list(&args[1])?),
        "between" => |args| between(list(&args[0])?, number(&args[1])?, number(&args[2])?),
        "json" => |args| serde_json::from_str(text(&args[0])?).map_err(|error| format!("not JSON: {error}")),
        "to_json" => |args| Ok(Value::String(args[0].to_string())),
        "pretty" => |args| Ok(Value::String(format!("{:#}", args[0]))),
        "zip" => |args| zip(list(&args[0])?, list(&args[1])?),
        "sha256" => |args| Ok(Value::String(Digest::of(text(&args[0])?).to_string())),
        _ => return None,
    })
}

/// The sum of a list of numbers; of none, `0`. Whole as long as all of them are.
fn sum(items: &[Value]) -> Result<Value, String> {
    if items.iter().all(Value::is_i64) {
        let total = items
            .iter()
            .filter_map(Value::as_i64)
            .try_fold(0_i64, i64::checked_add);
        return total.map(Value::from).ok_or_else(|| "the sum overflows".into());
    }
    let total: f64 = numbers(items)?.iter().sum();
    Ok(total.into())
}

/// The `p`-th percentile (0 to 100) by nearest rank: always one of the numbers themselves.
fn pct(items: &[Value], p: f64) -> Result<Value, String> {
    if !(0.0..=100.0).contains(&p) {
        return Err(format!("`{p}` is not a percentile between 0 and 100"));
    }
    let mut ranked: Vec<(f64, &Value)> = numbers(items)?.into_iter().zip(items).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank lies between 0 and the length of a list in memory"
    )]
    let rank = (p / 100.0 * ranked.len() as f64).ceil() as usize;
    ranked
        .get(rank.saturating_sub(1))
        .map(|(_, value)| (*value).clone())
        .ok_or_else(|| "there is no percentile of nothing".into())
}

/// The slope of the line that fits a list of `[x, y]` best: how much `y` grows by one of `x`.
fn slope(points: &[Value]) -> Result<Value, String> {
    let mut pairs = Vec::with_capacity(points.len());
    for point in points {
        match list(point)? {
            [x, y] => pairs.push((number(x)?, number(y)?)),
            other => return Err(format!("a point has {} parts, not 2", other.len())),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "no list in memory is that long")]
    let n = pairs.len() as f64;
    let mean_x = pairs.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = pairs.iter().map(|(_, y)| y).sum::<f64>() / n;
    let spread: f64 = pairs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let shared: f64 = pairs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    if pairs.len() < 2 || spread <= 0.0 {
        return Err("a slope needs two points with different `x`".into());
    }
    Ok((shared / spread).into())
}

fn near(a: f64, b: f64, tolerance: f64) -> Result<Value, String> {
    if tolerance < 0.0 {
        return Err(format!("a tolerance of `{tolerance}` is below zero"));
    }
    Ok(((a - b).abs() <= tolerance).into())
}

/// The first object with the fields of the second laid over it.
fn merge(under: &Map<String, Value>, over: &Map<String, Value>) -> Value {
    let mut merged = under.clone();
    merged.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(merged)
}

fn omit(from: &Map<String, Value>, names: &[Value]) -> Result<Value, String> {
    let names: Vec<&str> = names.iter().map(text).collect::<Result<_, _>>()?;
    let kept = from.iter().filter(|(key, _)| !names.contains(&key.as_str()));
    Ok(Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect()))
}

/// An object of these names and these values, in pairs: what a literal cannot write when the names are data.
fn zip(names: &[Value], values: &[Value]) -> Result<Value, String> {
    if names.len() != values.len() {
        return Err(format!("{} names and {} values", names.len(), values.len()));
    }
    let mut zipped = Map::new();
    for (name, value) in names.iter().zip(values) {
        if zipped.insert(text(name)?.to_owned(), value.clone()).is_some() {
            return Err(format!("the name {name} stands twice"));
        }
    }
    Ok(Value::Object(zipped))
}

/// The elements whose `t_ms` lies between two times, both included.
fn between(points: &[Value], from: f64, to: f64) -> Result<Value, String> {
    let mut inside = Vec::new();
    for point in points {
        let at = point.get("t_ms").ok_or("an element has no `t_ms`")?;
        if (from..=to).contains(&number(at)?) {
            inside.push(point.clone());
        }
    }
    Ok(Value::Array(inside))
}

fn list(value: &Value) -> Result<&[Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| not("a list", value))
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| not("a map", value))
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| not("a string", value))
}

fn number(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| not("a number", value))
}

fn numbers(items: &[Value]) -> Result<Vec<f64>, String> {
    items.iter().map(number).collect()
}

fn not(wanted: &str, value: &Value) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    };
    format!("{kind} is not {wanted}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::by_name;

    fn call(name: &str, args: &Value) -> Result<Value, String> {
        by_name(name).expect("a pure function")(args.as_array().expect("arguments"))
    }

    #[test]
    fn a_sum_is_whole_as_long_as_its_parts_are() {
        assert_eq!(call("sum", &json!([[1, 2, 3]])), Ok(json!(6)));
        assert_eq!(call("sum", &json!([[1, 0.5]])), Ok(json!(1.5)));
        assert_eq!(call("sum", &json!([[]])), Ok(json!(0)));
        assert!(call("sum", &json!([[i64::MAX, 1]])).is_err());
        assert!(call("sum", &json!([["1"]])).is_err());
    }

    #[test]
    fn a_percentile_is_one_of_the_numbers() {
        let l = json!([40, 10, 30, 20]);
        assert_eq!(call("pct", &json!([l, 50])), Ok(json!(20)));
        assert_eq!(call("pct", &json!([l, 95])), Ok(json!(40)));
        assert_eq!(call("pct", &json!([l, 0])), Ok(json!(10)));
        assert!(call("pct", &json!([[], 50])).is_err());
        assert!(call("pct", &json!([l, 101])).is_err());
    }

    #[test]
    fn a_slope_is_that_of_the_fitted_line() {
        assert_eq!(call("slope", &json!([[[0, 1], [1, 3], [2, 5]]])), Ok(json!(2.0)));
        assert!(call("slope", &json!([[[0, 1]]])).is_err());
        assert!(call("slope", &json!([[[1, 1], [1, 2]]])).is_err());
        assert!(call("slope", &json!([[[1, 2, 3]]])).is_err());
    }

    #[test]
    fn near_and_between_include_their_edges() {
        assert_eq!(call("near", &json!([10, 10.5, 0.5])), Ok(json!(true)));
        assert_eq!(call("near", &json!([10, 10.6, 0.5])), Ok(json!(false)));
        let points = json!([{"t_ms": 1}, {"t_ms": 2}, {"t_ms": 3}]);
        assert_eq!(
            call("between", &json!([points, 2, 3])),
            Ok(json!([{"t_ms": 2}, {"t_ms": 3}]))
        );
        assert!(call("between", &json!([[{}], 2, 3])).is_err());
    }

    #[test]
    fn maps_are_merged_and_thinned() {
        assert_eq!(
            call("merge", &json!([{"a": 1, "b": 1}, {"b": 2}])),
            Ok(json!({"a": 1, "b": 2}))
        );
        assert_eq!(
            call("omit", &json!([{"a": 1, "b": 2}, ["b", "c"]])),
            Ok(json!({"a": 1}))
        );
        assert_eq!(call("keys", &json!([{"a": 1, "b": 2}])), Ok(json!(["a", "b"])));
    }

    #[test]
    fn names_and_values_are_zipped_in_pairs_only() {
        assert_eq!(
            call("zip", &json!([["a", "b"], [1, 2]])),
            Ok(json!({"a": 1, "b": 2}))
        );
        assert!(call("zip", &json!([["a"], [1, 2]])).is_err());
        assert!(call("zip", &json!([["a", "a"], [1, 2]])).is_err());
        assert!(call("zip", &json!([[1], [2]])).is_err());
    }

    #[test]
    fn json_is_read_and_written() {
        assert_eq!(
            call("json", &json!(["{\"a\": [1, 2.0]}"])),
            Ok(json!({"a": [1, 2.0]}))
        );
        assert_eq!(
            call("to_json", &json!([{"a": [1, 2.0]}])),
            Ok(json!("{\"a\":[1,2.0]}"))
        );
        assert_eq!(
            call("pretty", &json!([{"a": [1]}])),
            Ok(json!("{\n  \"a\": [\n    1\n  ]\n}"))
        );
        assert!(call("json", &json!(["{"])).is_err());
        let sum = call("sha256", &json!(["abc"])).expect("a digest");
        assert!(sum.as_str().is_some_and(|hex| hex.starts_with("ba7816bf")));
    }
}
