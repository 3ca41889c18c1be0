//! The walls of the house: a room leans only on rooms above it, one room names each outside library, nobody prints
//! but the voice. Read from the sources, so that a new circle fails here before it becomes a habit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Rooms from the top of the house to the bottom, each with the rooms it may lean on.
const ROOMS: &[(&str, &str)] = &[
    ("name", ""),
    ("digest", ""),
    ("redact", ""),
    ("outcome", ""),
    ("observation", ""),
    ("exchange", "digest"),
    ("cel", "digest"),
    ("gate", "name observation cel"),
    ("compose", "name digest"),
    ("account", "observation"),
    ("contract", "digest exchange"),
    ("plan", "name gate compose digest cel observation"),
    ("judge", "gate observation outcome cel name"),
    ("pack", "plan digest name outcome"),
    (
        "evidence",
        "plan judge pack redact observation exchange digest name gate",
    ),
    (
        "report",
        "plan judge pack gate observation outcome digest cel name account evidence",
    ),
    (
        "verify",
        "pack judge report evidence plan gate observation outcome account contract digest name compose",
    ),
    ("lint", "gate compose cel judge report"),
    ("topology", "compose name redact digest"),
    ("doing", "cel digest gate"),
    ("load", "name digest exchange account"),
    (
        "probe",
        "observation exchange topology load doing cel gate compose account digest name redact pack",
    ),
    (
        "control",
        "gate topology probe judge observation compose cel doing digest",
    ),
    (
        "run",
        "name digest redact outcome observation exchange cel gate compose account contract plan judge pack evidence report \
         verify topology doing load probe control",
    ),
    (
        "cli",
        "observation gate plan pack evidence report verify judge outcome lint topology load probe run account",
    ),
];

/// An outside library, and where it may be named.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("cel", &["src/cel/"]),
    ("saphyr", &["src/compose/"]),
    ("toml", &["src/gate/", "src/probe/file.rs"]),
    ("zip", &["src/pack/"]),
    ("bollard", &["src/topology/docker.rs", "src/topology/docker/"]),
    ("tar", &["src/topology/docker/"]),
    ("aws_lc_rs", &["src/doing/"]),
    ("sqlx", &["src/probe/", "src/control/", "src/topology/"]),
    ("clap", &["src/cli/"]),
    ("indicatif", &["src/cli/"]),
    ("askama", &["src/report/"]),
    ("quick_junit", &["src/report/"]),
    ("hdrhistogram", &["src/account/"]),
    ("jsonschema", &["src/contract/schemas.rs"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of `src/` by its path from the root: its code, without comments and without its unit tests.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("src can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let relative = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .display()
                    .to_string();
                into.insert(relative, code(&text));
            }
        }
    }
    let mut into = BTreeMap::new();
    walk(&root().join("src"), &mut into);
    into
}

/// Code without comment lines, up to the unit tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn room_of(path: &str) -> Option<&str> {
    let room = path.strip_prefix("src/")?.split(['/', '.']).next()?;
    (room != "lib" && room != "main").then_some(room)
}

/// The rooms a piece of code names: `crate::judge::…`, `crate::{gate::…, outcome::…}`.
fn leans(code: &str) -> BTreeSet<&str> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .count()
    };
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.insert(&after[..word(after)]);
            continue;
        };
        let mut depth = 0;
        let mut first_of_entry = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => first_of_entry = true,
                c if depth == 0 && first_of_entry && (c.is_alphabetic() || c == '_') => {
                    found.insert(&group[at..at + word(&group[at..])]);
                    first_of_entry = false;
                }
                _ => {}
            }
        }
    }
    found.retain(|word| ROOMS.iter().any(|(room, _)| room == word));
    found
}

#[test]
fn every_room_is_listed_and_leans_only_on_rooms_it_may() {
    let mut complaints = Vec::new();
    for (path, code) in sources() {
        let Some(room) = room_of(&path) else { continue };
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            complaints.push(format!(
                "{path}: the room `{room}` is not in the table of tests/house.rs"
            ));
            continue;
        };
        for lean in leans(&code) {
            if lean != room && !may.split_whitespace().any(|allowed| allowed == lean) {
                complaints.push(format!("{path}: `{room}` leans on `{lean}`"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle() {
    for (at, (room, may)) in ROOMS.iter().enumerate() {
        for lean in may.split_whitespace() {
            let above = ROOMS[..at].iter().any(|(name, _)| *name == lean);
            assert!(
                above,
                "`{room}` may lean on `{lean}`, which does not stand above it"
            );
        }
    }
}

#[test]
fn a_lean_is_found_however_it_is_written() {
    let text = "use crate::judge::verdict;\nuse crate::{\n    gate::model::{Gate, plan},\n    outcome::Outcome,\n};\n";
    assert_eq!(
        leans(text).into_iter().collect::<Vec<_>>(),
        ["gate", "judge", "outcome"]
    );
}

#[test]
fn an_outside_library_is_named_in_its_own_room_only() {
    let mut complaints = Vec::new();
    for (path, code) in sources() {
        for (library, places) in OUTSIDE {
            let named = code.lines().any(|line| {
                line.trim_start().starts_with(&format!("use {library}::"))
                    || line.contains(&format!(" ::{library}::"))
            });
            if named && !places.iter().any(|place| path.starts_with(place)) {
                complaints.push(format!("{path}: names `{library}`"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn only_the_voice_prints() {
    let mut complaints = Vec::new();
    for (path, code) in sources() {
        let prints = code
            .lines()
            .filter(|line| line.contains("print!(") || line.contains("println!("));
        if !path.starts_with("src/cli/") {
            complaints.extend(prints.map(|line| format!("{path}: {}", line.trim())));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_service_shares_no_code_with_the_measurer() {
    let depends_on = |manifest: &str, name: &str| {
        let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
        text.lines()
            .any(|line| line.trim_start().starts_with(name) && line.contains("path"))
    };
    assert!(!depends_on("service/Cargo.toml", "closure"));
    assert!(!depends_on("Cargo.toml", "skeldir"));
}
