//! The kind `file`: one file of the repository.

use std::path::{Component, Path};

use serde_json::{Value, json};

use super::{Blind, Params, Site};
use crate::digest::Digest;

/// Larger files are not something an assertion reads.
const LIMIT: u64 = 8 * 1024 * 1024;

/// `{path, as}` → `{path, sha256, json or text}`. `as` is `json`, `toml` or `text`; by default the extension says.
pub(super) fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let path = params.text("path")?;
    let bytes = read(&site.root, path).map_err(|why| Blind::because(format!("`{path}`: {why}")))?;
    let form = params.maybe_text("as")?.unwrap_or_else(|| by_extension(path));
    let mut seen = json!({ "path": path, "sha256": Digest::of(&bytes) });
    let (key, value) = parse(form, bytes).map_err(|why| Blind::because(format!("`{path}`: {why}")))?;
    seen[key] = value;
    Ok(seen)
}

fn by_extension(path: &str) -> &'static str {
    match Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str())
    {
        Some("json") => "json",
        Some("toml") => "toml",
        _ => "text",
    }
}

/// The bytes of a file below `root`, whatever links stand on the way.
fn read(root: &Path, path: &str) -> Result<Vec<u8>, String> {
    let below = |part: Component<'_>| matches!(part, Component::Normal(_));
    if path.is_empty() || !Path::new(path).components().all(below) {
        return Err("not a path inside the repository".into());
    }
    let words = |error: std::io::Error| error.to_string().to_lowercase();
    let root = root.canonicalize().map_err(words)?;
    let full = root.join(path).canonicalize().map_err(words)?;
    if !full.starts_with(&root) {
        return Err("it leads out of the repository".into());
    }
    match full.metadata().map_err(words)? {
        meta if !meta.is_file() => Err("not a file".into()),
        meta if meta.len() > LIMIT => Err(format!("larger than {LIMIT} bytes")),
        _ => std::fs::read(&full).map_err(words),
    }
}

fn parse(form: &str, bytes: Vec<u8>) -> Result<(&'static str, Value), String> {
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    match form {
        "text" => Ok(("text", text.into())),
        "json" => serde_json::from_str(&text)
            .map(|json| ("json", json))
            .map_err(|error| format!("not JSON: {error}")),
        "toml" => toml::from_str(&text)
            .map(|json| ("json", json))
            .map_err(|error| format!("not TOML: {}", error.message())),
        other => Err(format!(
            "`as` is `{other}`\nhint: it may be `json`, `toml` or `text`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{by_extension, parse, read};

    #[test]
    fn a_path_out_of_the_repository_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("repo");
        std::fs::create_dir(&root).expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("written");
        std::fs::write(root.join("a.json"), "{}").expect("written");
        std::os::unix::fs::symlink("../secret", root.join("link")).expect("a link");
        assert_eq!(read(&root, "a.json"), Ok(b"{}".to_vec()));
        for bad in ["", "../secret", "/etc/passwd", "a/../../secret"] {
            assert_eq!(
                read(&root, bad),
                Err("not a path inside the repository".into()),
                "{bad}"
            );
        }
        assert_eq!(read(&root, "link"), Err("it leads out of the repository".into()));
        assert!(read(&root, "missing").is_err());
    }

    #[test]
    fn toml_and_json_are_both_seen_as_json() {
        assert_eq!(
            parse("toml", b"a = 1\n[b]\nc = \"x\"".to_vec()),
            Ok(("json", serde_json::json!({"a": 1, "b": {"c": "x"}})))
        );
        assert_eq!(
            parse("json", b"[1]".to_vec()),
            Ok(("json", serde_json::json!([1])))
        );
        assert_eq!(parse("text", b"[1]".to_vec()), Ok(("text", "[1]".into())));
        assert!(parse("json", b"[1".to_vec()).is_err());
        assert!(parse("text", vec![0xff]).is_err());
        assert!(parse("yaml", vec![]).is_err());
        assert_eq!(
            (
                by_extension("x/y.json"),
                by_extension("Cargo.toml"),
                by_extension("LICENSE")
            ),
            ("json", "toml", "text")
        );
    }
}
