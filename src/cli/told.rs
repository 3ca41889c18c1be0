//! An assertion that did not hold, told in full: what it means, what was asked, what was wanted, what was seen.

use crate::judge::verdict::AssertionVerdict;

/// The most characters of one value that anybody wants to read in a terminal.
const LONGEST: usize = 200;

/// The claim, the expression, and each value it touched, expected and actual under one another.
pub(super) fn assertion(assertion: &AssertionVerdict) -> Vec<String> {
    let mut lines = vec![format!(
        "  {}: {}\n      {}",
        assertion.standing.word(),
        assertion.says,
        assertion.expression
    )];
    if let Some(expected) = &assertion.expected {
        lines.push(format!("      expected  {expected}"));
    }
    for (path, value) in &assertion.actual {
        lines.push(format!("      actual    {path} = {}", cut(&value.to_string())));
    }
    lines.extend(element(assertion));
    if let Some(note) = &assertion.note {
        lines.push(format!("      {note}"));
    }
    lines
}

/// The first element that fails, of an assertion that runs over a list.
fn element(assertion: &AssertionVerdict) -> Option<String> {
    let (each, failing) = (assertion.each.as_ref()?, assertion.element.as_ref()?);
    let (index, value) = (failing.get("index")?.as_u64()?, failing.get("value")?);
    let number = index + 1;
    Some(format!(
        "      element   {number} of `{each}`: {}",
        cut(&value.to_string())
    ))
}

/// A text that ends before it is too much.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{} …", &text[..text.floor_char_boundary(LONGEST)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{assertion, cut};
    use crate::judge::verdict::AssertionVerdict;

    #[test]
    fn a_broken_assertion_says_which_element_broke_it_and_what_was_wanted() {
        let verdict: AssertionVerdict = serde_json::from_value(json!({
            "name": "accepted", "says": "each note is accepted", "expression": "it.status == 200", "each": "posts",
            "standing": "broken", "examined": 3, "at_least": 3, "otherwise_inconclusive": false, "expected": 200,
            "actual": {"it.status": 503}, "element": {"index": 1, "value": {"status": 503}},
        }))
        .expect("a verdict");
        assert_eq!(
            assertion(&verdict),
            [
                "  broken: each note is accepted\n      it.status == 200",
                "      expected  200",
                "      actual    it.status = 503",
                "      element   2 of `posts`: {\"status\":503}",
            ]
        );
    }

    #[test]
    fn what_is_too_long_ends_between_two_characters() {
        let long = "ü".repeat(300);
        assert_eq!(cut(&long), format!("{} …", "ü".repeat(100)));
        assert_eq!(cut("short"), "short");
    }
}
