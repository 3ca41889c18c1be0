use std::{fs, path::Path};

use serde_json::Value;

use super::{gate, judged, seen};
use crate::{judge::verdict::Standing, outcome::Outcome};

/// Every gate of the folder with its observations: `x.toml` beside `x.json`.
fn fixtures() -> Vec<(String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gates/decorative");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the fixtures are there") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let source = fs::read_to_string(&path).expect("a gate");
            let seen = fs::read_to_string(path.with_extension("json")).expect("its observations");
            found.push((name, source, serde_json::from_str(&seen).expect("good JSON")));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn each_decorative_sentence_is_called_so_by_name() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 10, "{} fixtures", fixtures.len());
    for (name, source, observed) in fixtures {
        let gate = gate(&source);
        let verdict = judged(&gate, &seen(observed));
        assert_ne!(verdict.outcome, Outcome::Pass, "{name}");
        for assertion in &gate.assertions {
            let which = &assertion.name;
            assert_eq!(verdict.standing(which), Standing::Held, "{name}: {which}");
            let decorative = verdict.row(which).decorative;
            if which.starts_with("no_floor") {
                assert!(
                    !decorative && !verdict.kills.unnoticed.is_empty(),
                    "{name}: {which}"
                );
            } else {
                assert!(decorative, "{name}: {which}: {:?}", verdict.row(which));
                let reason = format!("`{which}` is decorative: nothing could make it false");
                assert!(verdict.reasons.contains(&reason), "{name}: {:?}", verdict.reasons);
            }
        }
    }
}
