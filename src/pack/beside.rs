//! What lies beside the archive and is not covered by it: the checksum `sha256sum -c` reads, and the metadata.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    finding::{Code, Finding},
    form::document_of,
    manifest,
};
use crate::digest::Digest;

/// What an archive is: `closure_pack_artifact_metadata.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// File name of the archive.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// How many files it holds.
    pub entries: u64,
    /// The SHA-256 of the manifest inside: one digest for everything that is in the pack.
    pub root_digest: Digest,
}

impl Metadata {
    /// The metadata as they are written.
    pub fn render(&self) -> Vec<u8> {
        document_of(self)
    }

    /// The checksum file of the archive.
    pub fn checksum(&self) -> String {
        manifest::line(&self.sha256, &self.name)
    }
}

/// The files beside an archive, as far as they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// File name of the archive.
    pub archive: String,
    /// Name and contents of the checksum file.
    pub checksum: Option<(String, Vec<u8>)>,
    /// Name and contents of the metadata.
    pub metadata: Option<(String, Vec<u8>)>,
}

impl Beside {
    /// Look beside an archive: `x.zip` has its checksum in `x.sha256` and its metadata in `x_metadata.json`.
    pub fn look(archive: &Path) -> io::Result<Self> {
        let stem = archive.file_stem().unwrap_or_default().to_string_lossy();
        let read = |name: String| match fs::read(sibling(archive, &name)) {
            Ok(bytes) => Ok(Some((name, bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        Ok(Self {
            archive: archive
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            checksum: read(format!("{stem}.sha256"))?,
            metadata: read(format!("{stem}_metadata.json"))?,
        })
    }

    /// Compare what they say with the archive as it is.
    pub fn compare(&self, actual: &Metadata, findings: &mut Vec<Finding>) {
        if let Some((name, bytes)) = &self.checksum {
            compare_checksum(name, bytes, actual, findings);
        }
        if let Some((name, bytes)) = &self.metadata {
            compare_metadata(name, bytes, actual, findings);
        }
    }
}

fn sibling(archive: &Path, name: &str) -> PathBuf {
    archive.with_file_name(name)
}

fn compare_checksum(name: &str, bytes: &[u8], actual: &Metadata, findings: &mut Vec<Finding>) {
    let text = String::from_utf8_lossy(bytes);
    let one_line = text.strip_suffix('\n').filter(|line| !line.contains('\n'));
    match one_line.and_then(manifest::parse_line) {
        Some((digest, path)) if path == actual.name => {
            if digest != actual.sha256 {
                let what = "SHA-256 of the archive";
                findings.push(Finding::new(
                    Code::ChecksumMismatch,
                    name,
                    what,
                    digest,
                    &actual.sha256,
                ));
            }
        }
        _ => {
            let expected = format!("one line: `<64 digits>  {}`", actual.name);
            findings.push(Finding::new(
                Code::ChecksumMalformed,
                name,
                "contents",
                expected,
                text.trim_end(),
            ));
        }
    }
}

fn compare_metadata(name: &str, bytes: &[u8], actual: &Metadata, findings: &mut Vec<Finding>) {
    let said = serde_json::from_slice::<Metadata>(bytes);
    if said.as_ref().ok() != Some(actual) {
        let said = said.map_or_else(|error| error.to_string(), |said| format!("{said:?}"));
        let is = format!("{actual:?}");
        findings.push(Finding::new(
            Code::MetadataMismatch,
            name,
            "metadata of the archive",
            said,
            is,
        ));
    }
}
