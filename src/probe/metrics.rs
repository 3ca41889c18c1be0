//! Metrics as text: Prometheus 0.0.4 and `OpenMetrics` 1.0, read strictly.
//!
//! A line that is not understood is an error with its number, never skipped: a dropped sample would look like a
//! quiet service.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// One scrape: every sample in order, and the declared types.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scrape {
    samples: Vec<Sample>,
    types: BTreeMap<String, String>,
    known: BTreeSet<(String, BTreeMap<String, String>)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    /// `[{name, labels, value}]`; a value that is not finite is the text `NaN`, `+Inf` or `-Inf`.
    pub(super) fn samples(&self) -> Value {
        let one = |sample: &Sample| json!({ "name": sample.name, "labels": sample.labels, "value": number(sample.value) });
        self.samples.iter().map(one).collect()
    }

    /// Family → `counter`, `gauge`, `histogram` …
    pub(super) fn types(&self) -> Value {
        self.types
            .iter()
            .map(|(name, kind)| (name.clone(), kind.clone().into()))
            .collect::<Map<_, _>>()
            .into()
    }
}

fn number(value: f64) -> Value {
    match value {
        v if v.is_nan() => "NaN".into(),
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        finite => finite.into(),
    }
}

/// Read a whole scrape. Fails with the number of the first line that is not metrics, and why.
pub(super) fn parse(text: &str) -> Result<Scrape, String> {
    let mut scrape = Scrape::default();
    let mut ended = false;
    for (at, line) in text.lines().enumerate() {
        let fail = |why: String| format!("line {}: {why}", at + 1);
        if ended {
            return Err(fail("something follows `# EOF`".into()));
        }
        ended = line == "# EOF";
        scrape.read(line).map_err(fail)?;
    }
    Ok(scrape)
}

impl Scrape {
    fn read(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() {
            return Ok(());
        }
        if let Some(comment) = line.strip_prefix('#') {
            return self.declare(comment);
        }
        let sample = Reader { rest: line }.sample()?;
        if !self.known.insert((sample.name.clone(), sample.labels.clone())) {
            return Err(format!("`{}` appears twice with the same labels", sample.name));
        }
        self.samples.push(sample);
        Ok(())
    }

    /// `# TYPE name kind`; other comments carry nothing an assertion reads.
    fn declare(&mut self, comment: &str) -> Result<(), String> {
        let mut words = comment.split_whitespace();
        if words.next() != Some("TYPE") {
            return Ok(());
        }
        let (Some(name), Some(kind), None) = (words.next(), words.next(), words.next()) else {
            return Err("`# TYPE` needs a name and a type".into());
        };
        match self.types.insert(name.to_owned(), kind.to_owned()) {
            Some(_) => Err(format!("the type of `{name}` is declared twice")),
            None => Ok(()),
        }
    }
}

/// What is left of one line.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// `name{label="value",…} value [timestamp] [# exemplar]`.
    fn sample(mut self) -> Result<Sample, String> {
        let name = self
            .word(
                |c| c.is_ascii_alphanumeric() || c == '_' || c == ':',
                "a metric's name",
            )?
            .to_owned();
        let labels = if self.take('{') {
            self.labels()?
        } else {
            BTreeMap::new()
        };
        let rest = self.rest.split(" # ").next().unwrap_or_default();
        if !rest.starts_with([' ', '\t']) {
            return Err(format!("a blank and a value must follow `{name}`"));
        }
        let mut words = rest.split_whitespace();
        let value = words.next().ok_or_else(|| format!("`{name}` has no value"))?;
        let value = float(value).ok_or_else(|| format!("`{value}` is not a number"))?;
        if let Some(time) = words.next().filter(|time| float(time).is_none()) {
            return Err(format!("`{time}` is not a timestamp"));
        }
        match words.next() {
            Some(more) => Err(format!("`{more}` follows the timestamp")),
            None => Ok(Sample { name, labels, value }),
        }
    }

    /// Up to and with the closing brace; a comma may stand before it.
    fn labels(&mut self) -> Result<BTreeMap<String, String>, String> {
        let mut labels = BTreeMap::new();
        loop {
            self.blanks();
            if self.take('}') {
                return Ok(labels);
            }
            let name = self
                .word(|c| c.is_ascii_alphanumeric() || c == '_', "a label's name")?
                .to_owned();
            self.blanks();
            self.need('=')?;
            self.blanks();
            self.need('"')?;
            let value = self.quoted()?;
            if labels.insert(name.clone(), value).is_some() {
                return Err(format!("label `{name}` appears twice"));
            }
            self.blanks();
            if !self.take(',') && !self.rest.starts_with('}') {
                return Err(format!("`,` or `}}` must follow label `{name}`"));
            }
        }
    }

    /// Up to and with the closing quote. The escapes are `\\`, `\"` and `\n`.
    fn quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, same @ ('\\' | '"'))) => value.push(same),
                    _ => return Err("only `\\\\`, `\\\"` and `\\n` may follow a backslash".into()),
                },
                plain => value.push(plain),
            }
        }
        Err("a label's value is never closed".into())
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool, what: &str) -> Result<&'a str, String> {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("`{}` does not begin with {what}", self.rest));
        }
        self.rest = rest;
        Ok(word)
    }

    fn take(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn need(&mut self, c: char) -> Result<(), String> {
        if self.take(c) {
            Ok(())
        } else {
            Err(format!("`{c}` is missing before `{}`", self.rest))
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

/// Numbers as both formats write them. Rust would also take `infinity` and `nan(…)`-like words in any case.
fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ if text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) =>
        {
            text.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::parse;

    #[test]
    fn both_dialects_are_read() {
        let text = "# HELP jobs Jobs done.\n# TYPE jobs counter\njobs_total{queue=\"a\\\"b\\\\\",state=\"ok\",} 12 1700000000\n\n\
                    http_bucket{le=\"+Inf\"} 3.0 # {trace_id=\"x\"} 0.5\nup 1e0\nage NaN\n# EOF\n";
        let scrape = parse(text).expect("metrics");
        assert_eq!(scrape.types(), json!({"jobs": "counter"}));
        assert_eq!(
            scrape.samples(),
            json!([
                {"name": "jobs_total", "labels": {"queue": "a\"b\\", "state": "ok"}, "value": 12.0},
                {"name": "http_bucket", "labels": {"le": "+Inf"}, "value": 3.0},
                {"name": "up", "labels": {}, "value": 1.0},
                {"name": "age", "labels": {}, "value": "NaN"},
            ])
        );
    }

    #[test]
    fn every_line_that_is_not_metrics_is_named() {
        for (text, why) in [
            ("<html>", "does not begin with a metric's name"),
            ("up", "a value must follow"),
            ("up one", "`one` is not a number"),
            ("up infinity", "`infinity` is not a number"),
            ("up 1 2 3", "`3` follows the timestamp"),
            ("up{a=\"b} 1", "never closed"),
            ("up{a=\"b\" c=\"d\"} 1", "`,` or `}` must follow"),
            ("up{a=\"b\",a=\"c\"} 1", "label `a` appears twice"),
            ("up{a=\"\\t\"} 1", "may follow a backslash"),
            ("up 1\nup 1", "line 2: `up` appears twice"),
            ("# TYPE a counter\n# TYPE a gauge", "declared twice"),
            ("# EOF\nup 1", "follows `# EOF`"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z#{}=\",\\\\ 0-9.\n]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_label_value_comes_back(value in "\\PC{0,20}", number in -1e9_f64..1e9) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let scrape = parse(&format!("m{{l=\"{escaped}\"}} {number:e}")).expect("metrics");
            prop_assert_eq!(scrape.samples(), json!([{"name": "m", "labels": {"l": value}, "value": number}]));
        }
    }
}
