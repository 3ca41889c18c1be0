//! What an engine builds an image from: a folder as one archive in memory, the same bytes for the same files.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tar::{Builder, EntryType, Header};

/// More than this is no context but somebody's whole disk.
const LARGEST: u64 = 1 << 30;

/// An archive that is being filled.
pub(super) struct Context {
    archive: Builder<Vec<u8>>,
}

impl Context {
    pub(super) fn new() -> Self {
        Self {
            archive: Builder::new(Vec::new()),
        }
    }

    /// A whole folder, empty folders and modes too; links stay links. `instead` takes the place of one file's bytes.
    pub(super) fn of_folder(folder: &Path, instead: &(PathBuf, Vec<u8>)) -> io::Result<Self> {
        let mut paths = Vec::new();
        let total = list(folder, Path::new(""), &mut paths)?;
        if total > LARGEST {
            let words = format!(
                "it holds {} MiB, and no more than {} are sent",
                total >> 20,
                LARGEST >> 20
            );
            return Err(io::Error::other(words));
        }
        paths.sort();
        let mut context = Self::new();
        for path in paths {
            let replaced = (path == instead.0).then_some(instead.1.as_slice());
            context.add(folder, &path, replaced)?;
        }
        Ok(context)
    }

    /// One file.
    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
        let mut header = header(EntryType::Regular, mode);
        header.set_size(bytes.len() as u64);
        self.archive.append_data(&mut header, path, bytes)
    }

    pub(super) fn into_bytes(self) -> io::Result<Vec<u8>> {
        self.archive.into_inner()
    }

    fn add(&mut self, folder: &Path, path: &Path, replaced: Option<&[u8]>) -> io::Result<()> {
        let source = folder.join(path);
        let meta = source.symlink_metadata()?;
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_dir() {
            let mut header = header(EntryType::Directory, mode);
            header.set_size(0);
            return self.archive.append_data(&mut header, path, io::empty());
        }
        if meta.is_symlink() {
            let mut header = header(EntryType::Symlink, mode);
            header.set_size(0);
            return self
                .archive
                .append_link(&mut header, path, fs::read_link(source)?);
        }
        let path = path.to_string_lossy();
        if let Some(bytes) = replaced {
            self.file(&path, mode, bytes)
        } else {
            self.file(&path, mode, &fs::read(source)?)
        }
    }
}

/// An entry of nobody in particular, made at no time in particular.
fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Everything below a folder that can be sent, and how many bytes it is.
fn list(root: &Path, below: &Path, into: &mut Vec<PathBuf>) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let (path, kind) = (below.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            total += list(root, &path, into)?;
        } else if kind.is_file() {
            total += entry.metadata()?.len();
        } else if !kind.is_symlink() {
            // A socket or a pipe is nothing that can be sent.
            continue;
        }
        into.push(path);
    }
    Ok(total)
}

/// A recipe whose every stage, and so every image that comes of it on the way, carries these labels.
pub(super) fn labelled(recipe: &str, labels: &[(String, String)]) -> String {
    let words: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("\"{key}\"=\"{value}\""))
        .collect();
    let mut labelled = String::new();
    let (mut is_continued, mut is_from) = (false, false);
    for line in recipe.lines() {
        let instruction = line.split_whitespace().next().unwrap_or_default();
        // A comment in the middle of an instruction does not end it.
        let is_comment = instruction.starts_with('#');
        if !is_continued && !is_comment {
            is_from = instruction.eq_ignore_ascii_case("from");
        }
        if !is_comment {
            is_continued = line.trim_end().ends_with('\\');
        }
        labelled.push_str(line);
        labelled.push('\n');
        if is_from && !is_continued && !is_comment {
            labelled.push_str("LABEL ");
            labelled.push_str(&words.join(" "));
            labelled.push('\n');
            is_from = false;
        }
    }
    labelled
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Read as _,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::PathBuf,
    };

    use super::{Context, labelled};

    #[test]
    fn a_folder_becomes_the_same_bytes_with_modes_links_and_empty_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("rootfs/metrics")).expect("made");
        fs::set_permissions(at("rootfs/metrics"), fs::Permissions::from_mode(0o1777)).expect("set");
        fs::write(at("Dockerfile"), "FROM scratch\n").expect("written");
        let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
        fs::create_dir(at(&"d".repeat(90))).expect("made");
        fs::write(at(&long), "deep").expect("written");
        fs::set_permissions(at(&long), fs::Permissions::from_mode(0o755)).expect("set");
        symlink("/metrics", at("link")).expect("linked");
        let instead = (PathBuf::from("Dockerfile"), b"FROM scratch\nLABEL a=b\n".to_vec());
        let pack = || {
            let context = Context::of_folder(folder.path(), &instead).expect("packed");
            context.into_bytes().expect("whole")
        };
        let bytes = pack();
        assert_eq!(bytes, pack());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let (mode, mtime) = (
                entry.header().mode().expect("a mode"),
                entry.header().mtime().expect("a time"),
            );
            assert_eq!(mtime, 0);
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            seen.push((path, mode & 0o7777, text));
        }
        let of = |path: &str| {
            let found = seen.iter().find(|(name, ..)| name.trim_end_matches('/') == path);
            let (_, mode, text) = found.unwrap_or_else(|| panic!("no {path}"));
            (*mode, text.as_str())
        };
        assert_eq!(of("rootfs/metrics"), (0o1777, ""));
        assert_eq!(of(&long), (0o755, "deep"));
        assert_eq!(of("Dockerfile").1, "FROM scratch\nLABEL a=b\n");
        assert_eq!(of("link").1, "");
    }

    #[test]
    fn every_stage_is_labelled_and_nothing_else_is_touched() {
        let recipe = "# syntax is ours\nARG V=1\nfrom rust:1 \\\n  AS build\nRUN echo \\\n  # not the end\n  FROM here\n\
                      FROM scratch\nCOPY --from=build /a /a\n";
        let labels = [("closure.run".to_owned(), "r1".to_owned())];
        let expected = "# syntax is ours\nARG V=1\nfrom rust:1 \\\n  AS build\nLABEL \"closure.run\"=\"r1\"\nRUN echo \
                        \\\n  # not the end\n  FROM here\nFROM scratch\nLABEL \"closure.run\"=\"r1\"\nCOPY \
                        --from=build /a /a\n";
        assert_eq!(labelled(recipe, &labels), expected);
    }
}
