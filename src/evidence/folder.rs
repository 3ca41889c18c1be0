//! The folder a record goes to. A run never writes into an older run's files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::pack::layout::{TIMELINE, TOC};

/// Why a record cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The folder holds something that is no pack.
    #[error(
        "`{folder}` holds `{entry}`, and is no pack\nhint: empty it, or choose another folder with --artifact-dir"
    )]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// Something in it.
        entry: String,
    },
    /// A former pack is in the way of the former pack.
    #[error(
        "cannot move the former pack aside: `{aside}` exists\nhint: move it, or choose another folder with --artifact-dir"
    )]
    AsideExists {
        /// Where the former pack would have gone.
        aside: PathBuf,
    },
    /// The folder cannot be read, moved or made.
    #[error("cannot open a record in `{folder}`")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Make the folder ready: new, or empty, or emptied by moving a former pack aside. Returns where that pack went.
pub(super) fn prepare(folder: &Path) -> Result<Option<PathBuf>, CreateError> {
    let failed = |source| CreateError::Io {
        folder: folder.to_owned(),
        source,
    };
    let aside = match first_entry(folder).map_err(failed)? {
        None => None,
        Some(entry) => Some(move_aside(folder, entry)?),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    Ok(aside)
}

fn first_entry(folder: &Path) -> io::Result<Option<String>> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(entry) => Ok(Some(entry?.file_name().to_string_lossy().into_owned())),
            None => Ok(None),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn move_aside(folder: &Path, entry: String) -> Result<PathBuf, CreateError> {
    let Some(run) = former_run(folder) else {
        let folder = folder.to_owned();
        return Err(CreateError::NotOurs { folder, entry });
    };
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{run}"));
    let aside = folder.with_file_name(name);
    if aside.symlink_metadata().is_ok() {
        return Err(CreateError::AsideExists { aside });
    }
    fs::rename(folder, &aside).map_err(|source| CreateError::Io {
        folder: folder.to_owned(),
        source,
    })?;
    Ok(aside)
}

/// The run whose pack, or whose unfinished record, a folder holds.
fn former_run(folder: &Path) -> Option<String> {
    let sealed = || fs::read_to_string(folder.join(TOC)).ok();
    let opened = || {
        let timeline = fs::read_to_string(folder.join(TIMELINE)).ok()?;
        timeline.lines().next().map(str::to_owned)
    };
    [sealed(), opened()].into_iter().flatten().find_map(|text| {
        let value: Value = serde_json::from_str(&text).ok()?;
        let run = value.get("run_id")?.as_str()?;
        // The name becomes part of a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        (!run.is_empty() && run.len() <= 100 && run.chars().all(plain)).then(|| run.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CreateError, prepare};

    #[test]
    fn a_new_and_an_empty_folder_are_taken_as_they_are() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let folder = scratch.path().join("artifacts/pack");
        assert_eq!(prepare(&folder).expect("it is new"), None);
        assert_eq!(prepare(&folder).expect("it is empty"), None);
    }

    #[test]
    fn a_former_pack_is_moved_aside_under_its_run_id() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let folder = scratch.path().join("pack");
        fs::create_dir(&folder).expect("a folder can be made");
        fs::write(folder.join("pack.json"), r#"{"run_id": "r-7"}"#).expect("files can be written");
        let aside = prepare(&folder).expect("it is ours").expect("it was moved");
        assert_eq!(aside, scratch.path().join("pack.r-7"));
        assert!(aside.join("pack.json").is_file());
        assert_eq!(fs::read_dir(&folder).expect("it is there again").count(), 0);
    }

    #[test]
    fn an_unfinished_record_is_moved_aside_too() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        let folder = scratch.path().join("pack");
        fs::create_dir(&folder).expect("a folder can be made");
        fs::write(
            folder.join("timeline.jsonl"),
            "{\"event\":\"opened\",\"run_id\":\"r-8\"}\n{\"ev",
        )
        .expect("files can be written");
        assert!(prepare(&folder).expect("it is ours").is_some());
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("timeline.jsonl"), "{\"run_id\":\"r-8\"}\n").expect("files can be written");
        assert!(matches!(prepare(&folder), Err(CreateError::AsideExists { .. })));
    }

    #[test]
    fn a_folder_of_something_else_is_refused_by_name_and_left_alone() {
        let scratch = tempfile::tempdir().expect("a folder can be made");
        fs::write(scratch.path().join("thesis.tex"), "").expect("files can be written");
        let error = prepare(scratch.path()).expect_err("it is not ours");
        assert!(error.to_string().contains("`thesis.tex`"), "{error}");
        fs::write(scratch.path().join("pack.json"), r#"{"run_id": "../../etc"}"#)
            .expect("files can be written");
        assert!(prepare(scratch.path()).is_err());
        assert!(scratch.path().join("thesis.tex").is_file());
    }
}
