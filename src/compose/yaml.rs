//! Text into a tree with places. The one file that names the YAML crate.
//!
//! It reads the crate's events rather than its trees, because a tree no longer tells a duplicate key, has already
//! copied what an alias stands for (however often), and cannot say where a merged key came from.

use std::{collections::BTreeMap, sync::Arc};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::complaint::{Complaints, Place};
use super::scalar;
use super::tree::{Entry, Node, Value};

/// No compose file has more nodes once aliases are followed: a bound against aliases of aliases of aliases.
const MOST_NODES: usize = 20_000;
/// Nor is it nested deeper than this.
const DEEPEST: usize = 64;

/// Read one document. `None` when it ends before its end: then somebody has complained about that.
pub(super) fn parse(label: &str, text: &str, complaints: &mut Complaints) -> Option<Node> {
    let mut reader = Reader {
        file: label.into(),
        lines: text.split('\n').collect(),
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        left: MOST_NODES,
        complaints,
    };
    reader.document().ok()
}

/// Reading cannot go on; the reason is among the complaints.
struct Stop;

struct Reader<'a> {
    file: Arc<str>,
    lines: Vec<&'a str>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    /// Nodes that may still come.
    left: usize,
    complaints: &'a mut Complaints,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                _ if root.is_some() => {
                    return self.stop(&self.place(span), "a second document: a compose file has one");
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        root.map_or_else(|| self.stop(&Place::top(&self.file), "the file is empty"), Ok)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Stop> {
        let place = self.place(span);
        self.spend(1, &place)?;
        if depth > DEEPEST {
            return self.stop(&place, format!("nested deeper than {DEEPEST} levels"));
        }
        let (node, anchor) = match event {
            Event::Alias(id) => return self.alias(id, &place),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &place);
                (self.scalar(&text, style, place), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), &place);
                (Node::at(&place, Value::List(self.list(depth)?)), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), &place);
                (Node::at(&place, Value::Map(self.map(depth)?)), anchor)
            }
            _ => return self.stop(&place, "a value is missing"),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, place: &Place) -> Result<Node, Stop> {
        match self.anchors.get(&id).cloned() {
            Some(node) => self.spend(node.size(), place).map(|()| node),
            None => self.stop(place, "an alias inside of what it stands for"),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, place: Place) -> Node {
        let quotes = usize::from(matches!(
            style,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
        ));
        let line = self.lines.get(place.line - 1).copied().unwrap_or_default();
        let begins = line
            .char_indices()
            .nth(place.column - 1 + quotes)
            .map_or(line.len(), |(at, _)| at);
        let literal_at = line[begins..].starts_with(text).then_some(quotes);
        let value = if style == ScalarStyle::Plain {
            scalar::plain(text)
        } else {
            Some(Value::Text(text.to_owned()))
        };
        if value.is_none() {
            let message = format!("readers of YAML disagree about `{text}`");
            self.complaints.hint(
                &place,
                message,
                "put it in quotes, or spell it as it would be printed",
            );
        }
        if text.contains('\0') {
            self.complaints.say(&place, "a text with a zero byte");
        }
        Node {
            place,
            literal_at,
            value: value.unwrap_or(Value::Unknown),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merges = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = if is_merge {
                None
            } else {
                self.key(event, span, depth)?
            };
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            match key {
                Some(key) => self.enter(
                    &mut entries,
                    Entry {
                        key,
                        place: self.place(span),
                        value,
                    },
                ),
                None if is_merge => merges.push(value),
                None => {}
            }
        }
        for merge in merges {
            self.merge(&mut entries, merge)?;
        }
        Ok(entries)
    }

    /// The text of a key; `None` when it is something else, which has been complained about.
    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Option<String>, Stop> {
        let place = self.place(span);
        let problem = match &event {
            Event::Scalar(text, style, _, None) => {
                let is_text =
                    *style != ScalarStyle::Plain || matches!(scalar::plain(text), Some(Value::Text(_)));
                let is_filled = text.contains("${");
                match (is_text, is_filled) {
                    (true, false) => None,
                    (true, true) => Some(format!("variables are not filled in in keys: `{text}`")),
                    (false, _) => Some(format!("key `{text}` is not a text until it is put in quotes")),
                }
            }
            _ => Some("a key must be a text".to_owned()),
        };
        if let Some(problem) = &problem {
            self.complaints.say(&place, problem);
        }
        match event {
            Event::Scalar(text, ..) => Ok(problem.is_none().then(|| text.into_owned())),
            event => self.node(event, span, depth + 1).map(|_| None),
        }
    }

    fn enter(&mut self, entries: &mut Vec<Entry>, entry: Entry) {
        match entries.iter().find(|earlier| earlier.key == entry.key) {
            None => entries.push(entry),
            Some(earlier) => {
                let message = format!("duplicate key `{}`", entry.key);
                self.complaints.hint(
                    &entry.place,
                    message,
                    format!("it stands in line {} already", earlier.place.line),
                );
            }
        }
    }

    /// `<<`: the entries of one map or several, where no entry of that name stands yet.
    fn merge(&mut self, entries: &mut Vec<Entry>, merged: Node) -> Result<(), Stop> {
        match merged.value {
            Value::Map(others) => {
                for other in others {
                    if !entries.iter().any(|entry| entry.key == other.key) {
                        entries.push(other);
                    }
                }
                Ok(())
            }
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                items.into_iter().try_for_each(|item| self.merge(entries, item))
            }
            _ => self.stop(&merged.place, "`<<` must be a map or a list of maps"),
        }
    }

    fn refuse_tag(&mut self, is_tagged: bool, place: &Place) {
        if is_tagged {
            self.complaints.say(place, "tags are not in the declared subset");
        }
    }

    fn spend(&mut self, nodes: usize, place: &Place) -> Result<(), Stop> {
        match self.left.checked_sub(nodes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.stop(
                place,
                format!("more than {MOST_NODES} values once aliases are followed"),
            ),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => self.syntax(&error),
            None => self.stop(&Place::top(&self.file), "the file ends too early"),
        }
    }

    fn syntax<T>(&mut self, error: &ScanError) -> Result<T, Stop> {
        let place = self.place(Span::empty(*error.marker()));
        self.stop(&place, format!("not YAML: {}", error.info()))
    }

    fn stop<T>(&mut self, place: &Place, message: impl Into<String>) -> Result<T, Stop> {
        self.complaints.say(place, message);
        Err(Stop)
    }

    /// The crate counts lines from one and columns from nought.
    fn place(&self, span: Span) -> Place {
        Place {
            file: self.file.clone(),
            line: span.start.line().max(1),
            column: span.start.col() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Complaints, Node, parse};

    fn read(text: &str) -> Result<Node, String> {
        let mut complaints = Complaints::default();
        let root = parse("f.yml", text, &mut complaints);
        complaints
            .unless(root)
            .map_err(|complaints| complaints.to_string())
    }

    fn json(text: &str) -> String {
        read(text).map_or_else(|words| words, |node| node.canonical().to_string())
    }

    #[test]
    fn merges_give_way_to_what_stands_and_earlier_ones_to_none() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {<<: *b}\n";
        assert_eq!(
            json(text),
            r#"{"a":{"x":1,"y":1},"b":{"y":2,"z":2},"c":{"x":3,"y":1,"z":2},"d":{"y":2,"z":2}}"#
        );
    }

    #[test]
    fn places_count_from_one() {
        let root = read("a:\n  - 'b'\n  - |\n    c\n").expect("this is YAML");
        let list = root.get("a").expect("the key is there");
        let super::Value::List(items) = &list.value else {
            panic!("a list")
        };
        assert_eq!(items[0].place.to_string(), "f.yml:2:5");
        assert_eq!(items[0].place_inside(0).to_string(), "f.yml:2:6");
        assert_eq!(items[1].literal_at, None);
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        let level = |n: usize| {
            let item = if n == 0 {
                "x".to_owned()
            } else {
                format!("*a{}", n - 1)
            };
            format!("a{n}: &a{n} [{}]\n", vec![item; 10].join(", "))
        };
        let text: String = (0..9).map(level).collect();
        assert_eq!(
            json(&text),
            "f.yml:5:10: more than 20000 values once aliases are followed"
        );
    }

    #[test]
    fn hostile_nesting_is_refused() {
        let deep = format!("a: {}1{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(json(&deep), "f.yml:1:68: nested deeper than 64 levels");
        assert_eq!(
            json("a: &a [*a]"),
            "f.yml:1:8: an alias inside of what it stands for"
        );
    }

    #[test]
    fn every_duplicate_is_said() {
        assert_eq!(
            json("a: 1\nb: {c: 1, c: 2}\na: 2\n"),
            "f.yml:2:11: duplicate key `c`\n  hint: it stands in line 2 already\n\
             f.yml:3:1: duplicate key `a`\n  hint: it stands in line 1 already"
        );
    }

    #[test]
    fn a_file_is_one_document() {
        assert_eq!(json(""), "f.yml:1:1: the file is empty");
        assert_eq!(
            json("a: b\n---\nc: d\n"),
            "f.yml:3:1: a second document: a compose file has one"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a-c0-9 :\\[\\]{}\"'&*!|>#,\\n$<~?%@`\\\\\\t]{0,80}") {
            let _ = read(&text);
        }
    }
}
