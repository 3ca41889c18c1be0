//! Derived files with their fixed old names and keys: what the gates' `[[paper]]` tables say.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Case, pretty};
use crate::{
    cel::{Scope, World},
    gate::model::{Gate, Paper, PaperForm, PaperTo},
    name::is_safe_path,
    observation::{Names, Pass},
};

/// Parts of the summary, by key.
pub(super) type SummaryParts = Map<String, Value>;

/// What the papers of all gates came to, besides the files themselves.
#[derive(Default)]
pub(super) struct Papers {
    pub(super) parts: SummaryParts,
    /// Which files each gate wrote, by its id.
    pub(super) of_gates: BTreeMap<String, Vec<String>>,
}

/// Write every paper of every gate that was run. What cannot be evaluated from what was seen is a fault, not a file.
pub(super) fn papers(
    case: &Case,
    files: &mut BTreeMap<String, Vec<u8>>,
    faults: &mut BTreeMap<String, String>,
) -> Papers {
    let mut papers = Papers::default();
    for gate in &case.suite.gates {
        let Some(pass) = case.records.get(&gate.id).and_then(|record| record.pass.as_ref()) else {
            continue;
        };
        let world = world(case);
        let scope = scope(case, &world, gate, pass);
        for (number, paper) in gate.papers.iter().enumerate() {
            let mut made = Made::default();
            if let Err(reason) = write(paper, &scope, &mut made) {
                faults.insert(
                    format!("gates/{}/gate.toml: paper {}", gate.id, number + 1),
                    reason,
                );
            }
            let of_gate = papers.of_gates.entry(gate.id.clone()).or_default();
            of_gate.extend(made.files.keys().cloned());
            papers.parts.extend(made.parts);
            files.extend(made.files);
        }
    }
    papers
}

/// What one paper came to.
#[derive(Default)]
struct Made {
    files: BTreeMap<String, Vec<u8>>,
    parts: SummaryParts,
}

fn world(case: &Case) -> World {
    let mut world = World::pure();
    for (name, function) in &case.suite.functions {
        world.define(name, &function.of, &function.is);
    }
    world
}

/// What a judged expression sees: constants, needed gates, lets, observations, derives; and, on paper only, what the
/// gate's controls came to.
fn scope<'w>(case: &Case, world: &'w World, gate: &Gate, pass: &Pass) -> Scope<'w> {
    let mut scope = world.scope();
    let constants = &case.constants;
    scope.bind("suite", &constants.suite);
    scope.bind("profile", &constants.profile);
    scope.bind("run", &constants.run);
    scope.bind("compose", &constants.compose);
    scope.bind(
        "from",
        &Value::Object(crate::observation::from_needed(&gate.needs, &case.records)),
    );
    let verdict = case.verdicts.iter().find(|verdict| verdict.gate == gate.id);
    scope.bind(
        "controls",
        &json!(
            verdict
                .map(|verdict| &verdict.controls)
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
        ),
    );
    for names in [&pass.lets, &pass.seen] {
        names.iter().for_each(|(name, value)| scope.bind(name, value));
    }
    for (name, sentence) in &gate.derives {
        if let Ok(value) = scope.eval(sentence) {
            scope.bind(name, &value);
        }
    }
    scope
}

fn write(paper: &Paper, scope: &Scope<'_>, made: &mut Made) -> Result<(), String> {
    for names in elements(paper, scope)? {
        let mut inner = scope.child();
        names.iter().for_each(|(name, value)| inner.bind(name, value));
        let (value, bytes) = form(&paper.form, &inner)?;
        match &paper.to {
            PaperTo::Summary(key) => {
                made.parts.insert(key.clone(), value);
            }
            PaperTo::File(text) => {
                let path = inner.text(text).map_err(|error| error.to_string())?;
                let path = path
                    .as_str()
                    .filter(|path| is_safe_path(path))
                    .ok_or("its name is not a safe path")?;
                made.files.insert(path.to_owned(), bytes);
            }
        }
    }
    Ok(())
}

/// Every combination of the paper's loop variables, or one without any.
fn elements(paper: &Paper, scope: &Scope<'_>) -> Result<Vec<Names>, String> {
    let mut combinations = vec![Names::new()];
    for (variable, over) in &paper.for_each {
        let list = scope.eval(over).map_err(|error| error.to_string())?;
        let values = list
            .as_array()
            .ok_or_else(|| format!("for_each `{variable}`: it is not a list"))?;
        combinations = combinations
            .iter()
            .flat_map(|names| values.iter().map(|value| with(names, variable, value)))
            .collect();
    }
    Ok(combinations)
}

fn with(names: &Names, variable: &str, value: &Value) -> Names {
    let mut names = names.clone();
    names.insert(variable.to_owned(), value.clone());
    names
}

fn form(form: &PaperForm, scope: &Scope<'_>) -> Result<(Value, Vec<u8>), String> {
    let eval = |sentence| scope.eval(sentence).map_err(|error| error.to_string());
    match form {
        PaperForm::Json(sentence) => {
            let value = eval(sentence)?;
            let bytes = pretty(&value);
            Ok((value, bytes))
        }
        PaperForm::Text(sentence) => {
            let value = eval(sentence)?;
            let text = value.as_str().ok_or("it is no text")?.to_owned();
            Ok((value, text.into_bytes()))
        }
        PaperForm::Csv(sentence) => {
            let value = eval(sentence)?;
            let bytes = csv(&value)?;
            Ok((value, bytes))
        }
    }
}

/// The rows of a sql look, under its columns.
fn csv(look: &Value) -> Result<Vec<u8>, String> {
    let list = |key: &str| {
        look.get(key)
            .and_then(Value::as_array)
            .ok_or_else(|| format!("it has no `{key}`"))
    };
    let columns: Vec<&str> = list("columns")?.iter().filter_map(Value::as_str).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut put = |record: Vec<String>| writer.write_record(record).map_err(|error| error.to_string());
    put(columns.iter().map(|column| (*column).to_owned()).collect())?;
    for row in list("rows")? {
        put(columns
            .iter()
            .map(|column| field(row.get(column).unwrap_or(&json!(null))))
            .collect())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
