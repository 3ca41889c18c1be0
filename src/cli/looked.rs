//! Where and when the values of an assertion were seen.

use serde_json::Value;

use crate::observation::{Look, Pass};

/// Parameters that name what was looked at, in the gate's own words.
const PLACES: [&str; 5] = ["request", "service", "services", "db", "file"];

/// One sentence for each of these probes that looked: `again: http POST counter /notes, 10.1 s into the run`. Of a
/// probe that looked several times, the first look.
pub(super) fn in_words(probes: &[String], pass: &Pass) -> Vec<String> {
    let looks = probes
        .iter()
        .filter_map(|probe| Some((probe, first_look(probe, pass)?)));
    looks.map(|(probe, look)| sentence(probe, look)).collect()
}

/// The name a path begins with.
fn probe_of(path: &str) -> &str {
    let end = path.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &path[..end.unwrap_or(path.len())]
}

/// The first look of a probe; those of a loop or a group bear its name with an index or a step behind it.
fn first_look<'p>(probe: &str, pass: &'p Pass) -> Option<&'p Look> {
    let is_of = |look: &&Look| probe_of(&look.probe) == probe;
    pass.looks.iter().filter(is_of).min_by_key(|look| look.begin_ms)
}

fn sentence(probe: &str, look: &Look) -> String {
    let place = PLACES.iter().find_map(|key| look.params.get(key));
    let place = place.map_or_else(String::new, |place| match place {
        Value::String(name) => format!(" {name}"),
        list => format!(" {list}"),
    });
    let (seconds, tenths) = (look.begin_ms / 1000, look.begin_ms % 1000 / 100);
    format!("{probe}: {}{place}, {seconds}.{tenths} s into the run", look.kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{first_look, probe_of, sentence};
    use crate::observation::{Look, Pass};

    fn look(probe: &str, begin_ms: u64) -> Look {
        Look {
            probe: probe.into(),
            kind: "http".into(),
            params: json!({"timeout_ms": 500, "request": "POST counter /notes"}),
            begin_ms,
            ..Look::default()
        }
    }

    #[test]
    fn a_look_is_told_with_what_was_looked_at_and_when() {
        let words = sentence("again", &look("again", 10_118));
        assert_eq!(words, "again: http POST counter /notes, 10.1 s into the run");
    }

    #[test]
    fn of_a_loop_the_first_look_counts_and_a_name_that_only_begins_alike_does_not() {
        let pass = Pass {
            looks: vec![look("posts_before", 1), look("posts[2]", 9), look("posts[0]", 5)],
            ..Pass::default()
        };
        assert_eq!(first_look("posts", &pass).map(|look| look.begin_ms), Some(5));
        assert_eq!(probe_of("kept.rows[0].text"), "kept");
    }
}
