//! A pack of which every byte has been accounted for. Only strict reading makes one, and it opens no socket.
//!
//! Whole does not mean true: whether the pack's outcomes follow from its evidence is for `verify` to say.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    beside::{Beside, Metadata},
    bytes::{Bytes, Slice},
    files::{Files, Folder},
    finding::{Code, Finding},
    layout::{MANIFEST, Role, role_of},
    manifest::Manifest,
    reading::Reading,
    second,
    store::Store,
    strict,
    toc::Toc,
};
use crate::digest::Digest;

/// Why there is no [`Whole`].
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The pack.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and these things are wrong with it: at least one.
    #[error("the pack is not whole: {} finding(s)", .0.len())]
    NotWhole(Vec<Finding>),
}

/// A whole pack. Its files are read again when they are asked for, and compared with the manifest again.
pub struct Whole {
    store: Store,
    manifest: Manifest,
    sizes: BTreeMap<String, u64>,
    toc: Toc,
    root: Digest,
    archive: Option<Metadata>,
}

impl Whole {
    /// Read a pack: a zip, with its checksum and metadata where they lie beside it, or a folder.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        let unreadable = |source| Refusal::Unreadable {
            path: path.to_owned(),
            source,
        };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            Self::of_folder(path).map_err(unreadable)?
        } else {
            let beside = Beside::look(path).map_err(unreadable)?;
            let source = Box::new(File::open(path).map_err(unreadable)?);
            Self::of_archive(source, &beside).map_err(unreadable)?
        }
        .map_err(Refusal::NotWhole)
    }

    /// Read an archive in memory.
    pub fn of_bytes(archive: Vec<u8>, beside: &Beside) -> Result<Self, Vec<Finding>> {
        let unread = |error: io::Error| {
            let expected = "bytes that can be read";
            vec![Finding::new(Code::Truncated, "", "the archive", expected, error)]
        };
        Self::of_archive(Box::new(archive), beside).map_err(unread)?
    }

    fn of_archive(source: Box<dyn Bytes>, beside: &Beside) -> io::Result<Result<Self, Vec<Finding>>> {
        let mut findings = Vec::new();
        let Some(members) = strict::read(&*source, &mut findings)? else {
            return Ok(Err(findings));
        };
        second::compare(&*source, &members, &mut findings);
        let (sha256, size) = Digest::of_reader(Slice::new(&*source, 0, source.len()?))?;
        let entries = members.len() as u64;
        let members = members
            .into_iter()
            .map(|member| (member.name.clone(), member))
            .collect();
        let reading = Reading::of(Store::Archive(source, members), &mut findings)?;
        let metadata = Metadata {
            name: beside.archive.clone(),
            sha256,
            size,
            entries,
            root_digest: reading.root.clone(),
        };
        beside.compare(&metadata, &mut findings);
        Ok(Self::judge(reading, findings, Some(metadata)))
    }

    fn of_folder(path: &Path) -> io::Result<Result<Self, Vec<Finding>>> {
        let mut findings = Vec::new();
        let folder = Folder::walk(path, &mut findings)?;
        let reading = Reading::of(Store::Folder(folder), &mut findings)?;
        let metadata = reading.archive_beside(path, &mut findings)?;
        Ok(Self::judge(reading, findings, metadata))
    }

    /// The one place where a pack becomes whole: nothing was found.
    fn judge(
        reading: Reading,
        findings: Vec<Finding>,
        archive: Option<Metadata>,
    ) -> Result<Self, Vec<Finding>> {
        match reading.toc {
            Some(toc) if findings.is_empty() => Ok(Self {
                store: reading.store,
                manifest: reading.manifest,
                sizes: reading.sizes,
                toc,
                root: reading.root,
                archive,
            }),
            _ => Err(findings),
        }
    }

    /// The names of all files, the table of contents and the manifest too, sorted by their bytes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.sizes.keys().map(String::as_str)
    }

    /// The contents of a file, compared with the manifest once more: a folder may have changed since it was read.
    pub fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.store.open(path)?.read_to_end(&mut bytes)?;
        let listed = self.manifest.get(path).unwrap_or(&self.root);
        if Digest::of(&bytes) == *listed {
            Ok(bytes)
        } else {
            Err(io::Error::other(format!("`{path}` changed after it was read")))
        }
    }

    /// The files of one role, sorted by their bytes.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &str> {
        self.paths()
            .filter(move |path| *path != MANIFEST && role_of(path) == role)
    }

    /// The table of contents.
    pub fn toc(&self) -> &Toc {
        &self.toc
    }

    /// The SHA-256 of the manifest: one digest for everything that is in the pack.
    pub fn root(&self) -> &Digest {
        &self.root
    }

    /// The archive it was read from, or that lies in the folder it was read from.
    pub fn archive(&self) -> Option<&Metadata> {
        self.archive.as_ref()
    }
}

impl Files for Whole {
    fn paths(&self) -> Vec<String> {
        self.sizes.keys().cloned().collect()
    }

    fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        Self::bytes(self, path)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use proptest::prelude::*;

    use super::{Refusal, Whole};
    use crate::pack::{
        beside::Beside,
        finding::Code,
        layout::{self, Role},
        seal, specimen,
    };

    /// Path and code of everything wrong with a pack.
    fn wrong(path: &Path) -> Vec<(Code, String)> {
        match Whole::read(path) {
            Ok(_) => Vec::new(),
            Err(Refusal::NotWhole(findings)) => findings.into_iter().map(|f| (f.code, f.path)).collect(),
            Err(error) => panic!("{error}"),
        }
    }

    fn sealed_folder() -> tempfile::TempDir {
        let folder = specimen::record();
        seal(folder.path(), &specimen::label()).expect("it can be sealed");
        folder
    }

    #[test]
    fn a_folder_and_its_archive_are_whole_and_hold_the_same() {
        let folder = sealed_folder();
        let Ok(unpacked) = Whole::read(folder.path()) else {
            panic!("the folder is not whole");
        };
        let Ok(packed) = Whole::read(&folder.path().join(layout::ARCHIVE)) else {
            panic!("the archive is not whole");
        };
        assert_eq!(unpacked.root(), packed.root());
        assert_eq!(unpacked.archive(), packed.archive());
        assert_eq!(unpacked.toc(), packed.toc());
        assert!(unpacked.paths().eq(packed.paths()));
        for path in packed.paths() {
            assert_eq!(unpacked.bytes(path).ok(), packed.bytes(path).ok(), "{path}");
        }
        assert!(packed.of_role(Role::Log).eq(["logs/api.log"]));
        assert!(packed.bytes("nobody.txt").is_err());
    }

    #[test]
    fn everything_wrong_with_a_folder_is_reported_at_once() {
        let folder = sealed_folder();
        let path = folder.path();
        fs::remove_file(path.join(layout::ARCHIVE)).expect("it is there");
        fs::write(path.join("plan.json"), "{}").expect("files can be written");
        fs::write(path.join("logs/new.log"), "").expect("files can be written");
        fs::remove_file(path.join("seal.json")).expect("it is there");
        symlink("api.log", path.join("logs/link.log")).expect("links can be made");
        let wrong = wrong(path);
        for expected in [
            (Code::SymbolicLink, "logs/link.log"),
            (Code::Altered, "plan.json"),
            (Code::Unlisted, "logs/new.log"),
            (Code::Missing, "seal.json"),
            (Code::TocDiffers, "plan.json"),
        ] {
            assert!(
                wrong.contains(&(expected.0, expected.1.to_owned())),
                "{expected:?}: {wrong:?}"
            );
        }
    }

    #[test]
    fn an_archive_that_holds_something_else_than_its_folder_is_found() {
        let [folder, other] = [sealed_folder(), specimen::record()];
        fs::write(other.path().join("logs/api.log"), "other\n").expect("files can be written");
        seal(other.path(), &specimen::label()).expect("it can be sealed");
        for name in [layout::ARCHIVE, layout::CHECKSUM] {
            fs::copy(other.path().join(name), folder.path().join(name)).expect("it is there");
        }
        let codes: Vec<_> = wrong(folder.path()).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [Code::ArchiveDiffers, Code::MetadataMismatch]);
    }

    #[test]
    fn bytes_that_change_after_reading_are_not_handed_out() {
        let folder = sealed_folder();
        let Ok(whole) = Whole::read(folder.path()) else {
            panic!("the folder is not whole");
        };
        fs::write(folder.path().join("plan.json"), "{}").expect("files can be written");
        let error = whole.bytes("plan.json").expect_err("it changed");
        assert_eq!(error.to_string(), "`plan.json` changed after it was read");
    }

    #[test]
    fn a_pack_that_is_not_there_is_unreadable_and_not_broken() {
        let error = Whole::read(Path::new("/nowhere/pack.zip")).err();
        assert!(matches!(error, Some(Refusal::Unreadable { .. })));
    }

    #[test]
    fn no_bit_of_the_archive_is_free() {
        let good = specimen::sealed().archive;
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            assert!(Whole::of_bytes(bytes, &Beside::default()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn no_cut_of_the_archive_is_whole_and_none_panics() {
        let good = specimen::sealed().archive;
        for length in 0..good.len() {
            assert!(
                Whole::of_bytes(good[..length].to_vec(), &Beside::default()).is_err(),
                "{length}"
            );
            assert!(
                Whole::of_bytes(good[length + 1..].to_vec(), &Beside::default()).is_err(),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_whole_and_none_panic(bytes: Vec<u8>) {
            prop_assert!(Whole::of_bytes(bytes, &Beside::default()).is_err());
        }

        #[test]
        fn no_number_in_a_header_makes_it_panic(at: prop::sample::Index, word: [u8; 4]) {
            let good = specimen::sealed().archive;
            let mut bytes = good.clone();
            let at = at.index(bytes.len() - 4);
            bytes[at..at + 4].copy_from_slice(&word);
            let whole = Whole::of_bytes(bytes.clone(), &Beside::default()).is_ok();
            prop_assert_eq!(whole, bytes == good);
        }
    }
}
