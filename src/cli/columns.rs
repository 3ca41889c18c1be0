//! Names in a column, and beside them words that wrap where a terminal ends.

/// Where lines end.
const WIDTH: usize = 100;

/// A name and its words. The words begin behind `indent` and a column of `width` for names, and go on below.
pub(super) fn row(indent: usize, width: usize, name: &str, words: &str) -> String {
    let margin = indent + width + 2;
    let below = format!("\n{:margin$}", "");
    let words = wrapped(words, WIDTH.saturating_sub(margin).max(20)).join(&below);
    let text = format!("{:indent$}{name:<width$}  {words}", "");
    text.trim_end().to_owned() + "\n"
}

/// The width of the longest name.
pub(super) fn widest<'a>(names: impl IntoIterator<Item = &'a str>) -> usize {
    names
        .into_iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or_default()
}

/// `1 gate`, `3 gates`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{count, row, widest};

    #[test]
    fn words_wrap_under_where_they_began() {
        let words = "every key is in exactly one bucket ".repeat(4);
        assert_eq!(
            row(2, 9, "every_key", &words),
            "  every_key  every key is in exactly one bucket every key is in exactly one bucket every key is in\n             \
             exactly one bucket every key is in exactly one bucket\n"
        );
        assert_eq!(row(2, 9, "", "red"), "             red\n");
        assert_eq!(row(0, 3, "a", ""), "a\n");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            (count(1, "gate"), count(0, "gate")),
            ("1 gate".into(), "0 gates".into())
        );
        assert_eq!(widest(["a", "über"]), 4);
    }
}
