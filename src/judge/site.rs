//! Where in an observation a counterfeit may be made: the leaves, lists and maps a question mentions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One step into an observation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into a map.
    Key(String),
    /// Into a list.
    At(usize),
}

/// Places in one observation that differ in nothing but the indexes of lists. Never empty.
#[derive(Clone, Debug)]
pub(super) struct Column<'a> {
    pub(super) probe: &'a str,
    pub(super) places: Vec<Vec<Step>>,
}

/// The places a question mentions: under a mentioned field, down to the next mentioned one. The observation itself
/// counts as mentioned, because its name is.
pub(super) fn columns<'a>(probe: &'a str, seen: &Value, fields: &BTreeSet<String>) -> Vec<Column<'a>> {
    let mut found = BTreeMap::new();
    let covered = !mentions(seen, fields);
    collect(seen, &mut Vec::new(), covered, true, fields, &mut found);
    let columns = found.into_values().map(|places| Column { probe, places });
    columns.collect()
}

type Found = BTreeMap<Vec<Step>, Vec<Vec<Step>>>;

/// `covered`: everything here is meant. `named`: this very value is, whatever is meant below it.
fn collect(
    value: &Value,
    place: &mut Vec<Step>,
    covered: bool,
    named: bool,
    fields: &BTreeSet<String>,
    found: &mut Found,
) {
    if covered || named {
        found.entry(pattern(place)).or_default().push(place.clone());
    }
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                place.push(Step::At(at));
                collect(item, place, covered, false, fields, found);
                place.pop();
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                let named = fields.contains(key);
                let covered = if named { !mentions(entry, fields) } else { covered };
                place.push(Step::Key(key.clone()));
                collect(entry, place, covered, named, fields, found);
                place.pop();
            }
        }
        _ => {}
    }
}

fn mentions(value: &Value, fields: &BTreeSet<String>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| mentions(item, fields)),
        Value::Object(entries) => entries
            .iter()
            .any(|(key, entry)| fields.contains(key) || mentions(entry, fields)),
        _ => false,
    }
}

/// The value without the entries of maps that are neither mentioned nor lead to what is: the same places, less to judge.
/// For the observation itself and for any value at a place of one of its columns.
pub(super) fn lean(value: &Value, fields: &BTreeSet<String>) -> Value {
    if mentions(value, fields) {
        pruned(value, fields)
    } else {
        value.clone()
    }
}

fn pruned(value: &Value, fields: &BTreeSet<String>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| pruned(item, fields)).collect(),
        Value::Object(entries) => {
            let kept = entries.iter().filter_map(|(key, entry)| {
                let kept = if fields.contains(key) {
                    lean(entry, fields)
                } else if mentions(entry, fields) {
                    pruned(entry, fields)
                } else {
                    return None;
                };
                Some((key.clone(), kept))
            });
            Value::Object(kept.collect())
        }
        _ => value.clone(),
    }
}

fn pattern(place: &[Step]) -> Vec<Step> {
    let any = |step: &Step| match step {
        Step::At(_) => Step::At(0),
        key @ Step::Key(_) => key.clone(),
    };
    place.iter().map(any).collect()
}

impl Column<'_> {
    /// Up to twelve of its places, spread over its whole length.
    pub(super) fn spread(&self) -> Vec<&[Step]> {
        const MOST: usize = 12;
        let length = self.places.len();
        if length <= MOST {
            return self.places.iter().map(Vec::as_slice).collect();
        }
        let at = |nth: usize| nth * (length - 1) / (MOST - 1);
        (0..MOST).map(|nth| self.places[at(nth)].as_slice()).collect()
    }

    /// The column without indexes: what two questions may have in common.
    pub(super) fn pattern(&self) -> Vec<Step> {
        pattern(&self.places[0])
    }
}

/// The value at a place.
pub(super) fn at<'v>(root: &'v Value, place: &[Step]) -> Option<&'v Value> {
    place.iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::At(index) => value.get(index),
    })
}

/// The value at a place, to be replaced.
pub(super) fn at_mut<'v>(root: &'v mut Value, place: &[Step]) -> Option<&'v mut Value> {
    place.iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::At(index) => value.get_mut(index),
    })
}

/// Take a field out of its map; false when the place is no field.
pub(super) fn drop_field(root: &mut Value, place: &[Step]) -> bool {
    let Some((Step::Key(key), above)) = place.split_last() else {
        return false;
    };
    let fields = at_mut(root, above).and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.shift_remove(key).is_some())
}

/// How a place is written: `hooks[3].json.status`.
pub(super) fn spelled(probe: &str, place: &[Step]) -> String {
    let mut text = probe.to_owned();
    for step in place {
        match step {
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::At(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::{columns, drop_field, lean, spelled};

    fn places(seen: &Value, fields: &[&str]) -> Vec<String> {
        let fields: BTreeSet<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let columns = columns("p", seen, &fields);
        columns
            .iter()
            .map(|column| spelled(column.probe, &column.places[0]))
            .collect()
    }

    #[test]
    fn a_mentioned_field_covers_what_is_below_it_unless_something_there_is_mentioned() {
        let seen = json!({"a": {"b": 1, "c": 2}, "d": {"e": 3}, "f": 4});
        assert_eq!(
            places(&seen, &["a", "b", "d"]),
            ["p", "p.a", "p.a.b", "p.d", "p.d.e"]
        );
    }

    #[test]
    fn a_bare_name_covers_the_whole_observation() {
        assert_eq!(places(&json!([{"x": 1}, {"x": 2}]), &[]), ["p", "p[0]", "p[0].x"]);
    }

    #[test]
    fn a_lean_observation_has_every_place_that_a_question_mentions_and_nothing_beside() {
        let seen = json!({"t": 1, "services": [{"name": "api", "rss": 7, "env": {"A": "1"}}, {"env": {}}], "env": {}});
        let fields = BTreeSet::from(["services", "rss"].map(str::to_owned));
        assert_eq!(lean(&seen, &fields), json!({"services": [{"rss": 7}, {}]}));
        let whole = json!({"a": {"b": 1}, "c": [2]});
        assert_eq!(lean(&whole, &fields), whole, "a bare name means everything");
        let map = json!({"services": {"api": {"up": true}}, "other": 1});
        assert_eq!(lean(&map, &fields), json!({"services": {"api": {"up": true}}}));
        let places = |seen: &Value| -> Vec<_> {
            let columns = columns("p", seen, &fields);
            columns.into_iter().flat_map(|column| column.places).collect()
        };
        assert_eq!(places(&lean(&seen, &fields)), places(&seen));
    }

    #[test]
    fn a_column_is_spread_over_its_whole_length() {
        let seen: Value = (0..100).map(|n| json!({"x": n})).collect();
        let columns = columns("p", &seen, &BTreeSet::from(["x".to_owned()]));
        let column = &columns[1];
        let spread: Vec<String> = column.spread().iter().map(|place| spelled("p", place)).collect();
        assert_eq!(
            (spread.len(), spread[0].as_str(), spread[11].as_str()),
            (12, "p[0].x", "p[99].x")
        );
    }

    #[test]
    fn only_fields_can_be_dropped() {
        let mut seen = json!({"l": [{"x": 1, "y": 2}]});
        let fields = BTreeSet::from(["x".to_owned()]);
        let place = columns("p", &seen, &fields)[1].places[0].clone();
        assert!(drop_field(&mut seen, &place));
        assert_eq!(seen, json!({"l": [{"y": 2}]}));
        assert!(!drop_field(&mut seen, &[]));
    }
}
