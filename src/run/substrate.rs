//! What the services run on: chosen before anything starts, said in one line, and recorded with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use super::order::Wanted;
use crate::{
    compose::Model,
    plan::Drawn,
    topology::{self, On},
};

/// A substrate, and why it is this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Chosen {
    pub(super) substrate: On,
    /// What was asked for.
    pub(super) asked: Wanted,
    /// Why it came to this one.
    pub(super) because: String,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "substrate {}: {}", self.substrate.word(), self.because)
    }
}

/// Choose: what was asked for, or, left to us, containers wherever they can run. Whatever was asked for and cannot run
/// says so itself, when it is brought up.
pub(super) async fn choose(asked: Wanted, drawn: &Drawn, given: &BTreeMap<String, String>) -> Chosen {
    let (substrate, because) = match asked {
        Wanted::Docker => (On::Docker, "it was asked for".to_owned()),
        Wanted::Native => (On::Native, "it was asked for".to_owned()),
        Wanted::Auto => match containers(sketch(drawn, given).as_ref()).await {
            Ok(because) => (On::Docker, because),
            Err(because) => (On::Native, because),
        },
    };
    Chosen {
        substrate,
        asked,
        because,
    }
}

/// Why the services of a model can run in containers here, or why not; one line.
async fn containers(model: Option<&Model>) -> Result<String, String> {
    let engine = topology::engine()
        .await
        .map_err(|cause| first_line(&cause.to_string()))?;
    let images = match model {
        Some(model) => topology::images(model)
            .await
            .map_err(|cause| first_line(&cause.to_string()))?,
        None => Vec::new(),
    };
    let missing: BTreeSet<&str> = images
        .iter()
        .filter(|image| image.standing.is_err())
        .map(|image| image.reference.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(format!(
            "engine {} answers, and every image can be had",
            engine.version
        ));
    }
    let missing: Vec<String> = missing.iter().map(|reference| format!("`{reference}`")).collect();
    Err(format!(
        "engine {} answers, but {} cannot be had",
        engine.version,
        missing.join(", ")
    ))
}

fn first_line(words: &str) -> String {
    words.lines().next().unwrap_or_default().to_owned()
}

/// The model as far as it can be known before anything is minted: every value of the suite's is the same word. Enough
/// to tell images and programs; nothing when even that cannot be told yet.
pub(super) fn sketch(drawn: &Drawn, given: &BTreeMap<String, String>) -> Option<Model> {
    let mut variables = given.clone();
    for (name, _) in &drawn.suite.env {
        variables.entry(name.clone()).or_insert_with(|| "0".to_owned());
    }
    drawn.compose.resolve(&variables).ok()
}

#[cfg(test)]
mod tests {
    use super::{Chosen, On, Wanted};

    #[test]
    fn a_choice_is_one_line_on_the_screen_and_three_fields_on_paper() {
        let chosen = Chosen {
            substrate: On::Native,
            asked: Wanted::Auto,
            because: "no engine answers".to_owned(),
        };
        assert_eq!(chosen.to_string(), "substrate native: no engine answers");
        assert_eq!(
            serde_json::json!(chosen),
            serde_json::json!({"substrate": "native", "asked": "auto", "because": "no engine answers"})
        );
    }
}
