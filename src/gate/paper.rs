//! Derived files, and parts of the summary.

use crate::{cel::Sentence, name};

use super::{
    course::Course,
    desk::Desk,
    functions::Stance,
    keys,
    model::{Paper, PaperForm, PaperTo},
    node::{Is, Node},
    shape::Shape,
    types::{Choice, Sees},
};

const CHOICES: &[Choice] = &[
    Choice {
        among: &[&["file"], &["summary"]],
        required: true,
    },
    Choice {
        among: &[&["json"], &["csv"], &["text"]],
        required: true,
    },
];

/// What each control of the gate came to, families spread out: papers see it as `controls`.
const CONTROLS: &[(&str, Sees)] = &[
    ("control", Sees::Leaf),
    ("vars", Sees::Any),
    ("says", Sees::Leaf),
    ("proof", Sees::Leaf),
    ("must_fail", Sees::List(&Sees::Leaf)),
    ("may_fail", Sees::List(&Sees::Leaf)),
    ("broken", Sees::List(&Sees::Leaf)),
    ("note", Sees::Leaf),
];

impl Desk<'_> {
    /// The papers of a gate.
    pub(super) fn papers(&mut self, gate: &Node, course: &Course) -> Vec<Paper> {
        let mut course = course.clone();
        course.names.bind("controls", Shape::seen(CONTROLS).list(), false);
        let Some(list) = gate.get("paper") else {
            return Vec::new();
        };
        if !matches!(list.is, Is::List(_)) {
            self.pile
                .hint(&list.at, "`paper` is not a list of tables", "write `[[paper]]`");
            return Vec::new();
        }
        list.elements()
            .iter()
            .filter_map(|node| self.paper(node, &course))
            .collect()
    }

    fn paper(&mut self, node: &Node, course: &Course) -> Option<Paper> {
        if !self.table(node, "a paper", &[keys::PAPER]) {
            return None;
        }
        self.choices(node, "a paper", CHOICES);
        let mut inside = course.clone();
        let for_each = node
            .get("for_each")
            .map(|loops| self.loops(loops, &mut inside.names))
            .unwrap_or_default();
        let file = node.get("file").and_then(|file| self.paper_file(file, &inside));
        let summary = node.get("summary").and_then(|key| self.words(key, "`summary`"));
        let to = file.or(summary.map(PaperTo::Summary));
        let json = self.form(node, "json", &inside).map(PaperForm::Json);
        let csv = self.form(node, "csv", &inside);
        if let Some(csv) = &csv {
            self.is_rows(node, csv, &inside);
        }
        let text = self.form(node, "text", &inside).map(PaperForm::Text);
        Some(Paper {
            for_each,
            to: to?,
            form: json.or(csv.map(PaperForm::Csv)).or(text)?,
        })
    }

    fn form(&mut self, node: &Node, key: &str, course: &Course) -> Option<Sentence> {
        self.sentence(node.get(key)?, &format!("`{key}`"), &course.names)
    }

    /// A path inside the pack. Its expressions are judged, not done, so that a verifier gets the same name.
    fn paper_file(&mut self, node: &Node, course: &Course) -> Option<PaperTo> {
        let text = self.text(node, "`file`", &course.names, Stance::Judging)?;
        match text.literal() {
            Some(path) if !name::is_safe_path(path) => {
                self.pile
                    .add(&node.at, format!("`file`: `{path}` is no path inside a pack"));
                None
            }
            _ => Some(PaperTo::File(text)),
        }
    }

    fn is_rows(&mut self, node: &Node, csv: &Sentence, course: &Course) {
        let shape = super::modifiers::shape_of(csv, &course.names);
        let rows = match &shape {
            Shape::Any => true,
            other => other.has("rows") && other.has("columns"),
        };
        if let (false, Some(csv)) = (rows, node.get("csv")) {
            self.pile.hint(
                &csv.at,
                "`csv` is no look of kind `sql`",
                "a table needs its columns and rows",
            );
        }
    }
}
