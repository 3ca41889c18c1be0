//! Reading a pack file by file: its forms, its manifest, its table of contents. Everything is collected, nothing judged.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{
    beside::{Beside, Metadata},
    finding::{Code, Finding},
    form,
    layout::{ARCHIVE, MANIFEST, TOC},
    manifest::{self, Manifest},
    seal::archive_digest,
    store::Store,
    toc::Toc,
};
use crate::digest::Digest;

/// A pack while it is being read: everything known, nothing judged.
pub(crate) struct Reading {
    pub(crate) store: Store,
    pub(crate) manifest: Manifest,
    pub(crate) sizes: BTreeMap<String, u64>,
    pub(crate) toc: Option<Toc>,
    pub(crate) root: Digest,
}

impl Reading {
    /// Read every file that a store holds.
    pub(crate) fn of(store: Store, findings: &mut Vec<Finding>) -> io::Result<Self> {
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
            None => absent(MANIFEST, "the manifest", findings).unwrap_or_default(),
        };
        if files.remove(MANIFEST).is_some() {
            compare_with_manifest(&files, &manifest, findings);
        }
        let toc = match contents(&store, &sizes, TOC)? {
            Some(bytes) => Toc::parse(&bytes, findings),
            None => absent(TOC, "the table of contents", findings),
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
    pub(crate) fn archive_beside(
        &self,
        folder: &Path,
        findings: &mut Vec<Finding>,
    ) -> io::Result<Option<Metadata>> {
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
}

/// What every pack holds, this one does not. Without a manifest nothing else can be said about single files.
fn absent<T>(path: &str, what: &str, findings: &mut Vec<Finding>) -> Option<T> {
    findings.push(Finding::new(Code::Missing, path, what, "there", "not there"));
    None
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
