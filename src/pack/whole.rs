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
    form,
    layout::{ARCHIVE, MANIFEST, Role, TOC, role_of},
    manifest::{self, Manifest},
    seal::archive_digest,
    strict::{self, Member},
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

/// Where the bytes are.
enum Store {
    Folder(Folder),
    Archive(Box<dyn Bytes>, BTreeMap<String, Member>),
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
        Ok(reading.judge(findings, Some(metadata)))
    }

    fn of_folder(path: &Path) -> io::Result<Result<Self, Vec<Finding>>> {
        let mut findings = Vec::new();
        let folder = Folder::walk(path, &mut findings)?;
        let reading = Reading::of(Store::Folder(folder), &mut findings)?;
        let metadata = reading.archive_beside(path, &mut findings)?;
        Ok(reading.judge(findings, metadata))
    }

    /// The names of all files, the table of contents and the manifest too, sorted by their bytes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.sizes.keys().map(String::as_str)
    }

    /// True when the pack holds a file of this name.
    pub fn holds(&self, path: &str) -> bool {
        self.sizes.contains_key(path)
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

    /// A file's checksum, as the manifest lists it.
    pub fn digest(&self, path: &str) -> Option<&Digest> {
        self.manifest.get(path)
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

impl Store {
    fn open<'a>(&'a self, path: &str) -> io::Result<Box<dyn Read + 'a>> {
        match self {
            Self::Folder(folder) => Ok(Box::new(folder.open(path)?)),
            Self::Archive(source, members) => {
                let member = members.get(path).ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(Slice::new(&**source, member.at, member.size)))
            }
        }
    }

    /// Name → size and SHA-256 of every file.
    fn measure(&self) -> io::Result<BTreeMap<String, (u64, Digest)>> {
        match self {
            Self::Folder(folder) => folder
                .files()
                .keys()
                .map(|name| {
                    let (digest, size) = Digest::of_reader(folder.open(name)?)?;
                    Ok((name.clone(), (size, digest)))
                })
                .collect(),
            Self::Archive(_, members) => Ok(members
                .iter()
                .map(|(name, member)| (name.clone(), (member.size, member.digest.clone())))
                .collect()),
        }
    }
}

/// A pack while it is being read: everything known, nothing judged.
struct Reading {
    store: Store,
    manifest: Manifest,
    sizes: BTreeMap<String, u64>,
    toc: Option<Toc>,
    root: Digest,
}

impl Reading {
    fn of(store: Store, findings: &mut Vec<Finding>) -> io::Result<Self> {
        let mut files = store.measure()?;
        let sizes: BTreeMap<_, _> = files
            .iter()
            .map(|(name, (size, _))| (name.clone(), *size))
            .collect();
        for name in files.keys() {
            form::check(name, store.open(name)?, findings)?;
        }
        let manifest_bytes = contents(&store, &sizes, MANIFEST)?;
        let manifest = match &manifest_bytes {
            Some(bytes) => manifest::parse(bytes, findings),
            None => Manifest::new(),
        };
        if files.remove(MANIFEST).is_some() {
            compare_with_manifest(&files, &manifest, findings);
        } else {
            findings.push(Finding::new(
                Code::Missing,
                MANIFEST,
                "the manifest",
                "there",
                "not there",
            ));
        }
        let toc = match contents(&store, &sizes, TOC)? {
            Some(bytes) => Toc::parse(&bytes, findings),
            // The manifest must list a table of contents; one that lists none describes no pack.
            None => {
                findings.push(Finding::new(
                    Code::Missing,
                    TOC,
                    "the table of contents",
                    "there",
                    "not there",
                ));
                None
            }
        };
        if let Some(toc) = &toc {
            let there = sizes.iter().map(|(name, size)| (name.as_str(), *size)).collect();
            toc.compare(&there, findings);
        }
        let root = Digest::of(manifest_bytes.unwrap_or_default());
        Ok(Self {
            store,
            manifest,
            sizes,
            toc,
            root,
        })
    }

    /// An archive that lies in the folder must hold what the folder holds.
    fn archive_beside(&self, folder: &Path, findings: &mut Vec<Finding>) -> io::Result<Option<Metadata>> {
        let path = folder.join(ARCHIVE);
        if !path.is_file() {
            return Ok(None);
        }
        let (sha256, size) = Digest::of_reader(File::open(&path)?)?;
        let names: Vec<&str> = self.sizes.keys().map(String::as_str).collect();
        let expected = archive_digest(folder, &names)?;
        if expected != sha256 {
            let what = "SHA-256 of the archive in the folder";
            findings.push(Finding::new(
                Code::ArchiveDiffers,
                ARCHIVE,
                what,
                expected,
                &sha256,
            ));
        }
        let metadata = Metadata {
            name: ARCHIVE.to_owned(),
            sha256,
            size,
            entries: names.len() as u64,
            root_digest: self.root.clone(),
        };
        Beside::look(&path)?.compare(&metadata, findings);
        Ok(Some(metadata))
    }

    fn judge(self, findings: Vec<Finding>, archive: Option<Metadata>) -> Result<Whole, Vec<Finding>> {
        match self.toc {
            Some(toc) if findings.is_empty() => Ok(Whole {
                store: self.store,
                manifest: self.manifest,
                sizes: self.sizes,
                toc,
                root: self.root,
                archive,
            }),
            _ => Err(findings),
        }
    }
}

fn contents(store: &Store, sizes: &BTreeMap<String, u64>, path: &str) -> io::Result<Option<Vec<u8>>> {
    if !sizes.contains_key(path) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    store.open(path)?.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Both ways: what is there is listed, and what is listed is there.
fn compare_with_manifest(
    files: &BTreeMap<String, (u64, Digest)>,
    manifest: &Manifest,
    findings: &mut Vec<Finding>,
) {
    for (name, (_, digest)) in files {
        match manifest.get(name) {
            Some(listed) if listed == digest => {}
            Some(listed) => findings.push(Finding::new(
                Code::Altered,
                name,
                "SHA-256 of the file",
                listed,
                digest,
            )),
            None => findings.push(Finding::new(
                Code::Unlisted,
                name,
                "the file",
                "listed in the manifest",
                digest,
            )),
        }
    }
    for (name, digest) in manifest.iter().filter(|(name, _)| !files.contains_key(*name)) {
        findings.push(Finding::new(Code::Missing, name, "the file", digest, "not there"));
    }
}
