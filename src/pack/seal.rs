//! Sealing a record: table of contents, manifest, archive, and what lies beside it. The same record gives the same
//! bytes every time.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    archive::{Archive, Measure, Measuring},
    beside::Metadata,
    bytes::Hashing,
    files::Folder,
    finding::Finding,
    layout::{ARCHIVE, BROKEN, CHECKSUM, MANIFEST, METADATA, PART, TOC, role_of},
    manifest::{self, Manifest},
    toc::{FORMAT, Listed, Toc, seed_evidence},
};
use crate::{digest::Digest, outcome::Outcome};

/// What the table of contents says about the run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The run.
    pub run_id: String,
    /// `ci_subset` or `full_physics`.
    pub run_authority: String,
    /// What the run came to.
    pub outcome: Outcome,
}

/// A sealed pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Where the archive lies; checksum and metadata lie beside it.
    pub archive: PathBuf,
    /// What it is.
    pub metadata: Metadata,
}

/// Why a record could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The folder holds what a pack may not hold.
    #[error("the record cannot be sealed{}", listed(.0))]
    Unfit(Vec<Finding>),
    /// A file could not be read or written.
    #[error("cannot seal `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn listed(findings: &[Finding]) -> String {
    findings
        .iter()
        .fold(String::new(), |list, finding| list + "\n" + &finding.to_string())
}

/// Seal a record folder whose derived files are already written.
pub fn seal(folder: &Path, label: &Label) -> Result<Sealed, SealError> {
    let members = members_of(folder)?;
    let toc = table(label, &members).render();
    let mut manifest: Manifest = members
        .iter()
        .map(|(path, m)| (path.clone(), m.digest.clone()))
        .collect();
    manifest.insert(TOC.to_owned(), Digest::of(&toc));
    let manifest = manifest::write(&manifest);
    put(folder, TOC, &toc)?;
    put(folder, MANIFEST, manifest.as_bytes())?;

    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.extend([TOC, MANIFEST]);
    names.sort_unstable();
    let (sha256, size) = within(folder, ARCHIVE, |path| write_archive(folder, &names, path))?;
    let metadata = Metadata {
        name: ARCHIVE.to_owned(),
        sha256,
        size,
        entries: names.len() as u64,
        root_digest: Digest::of(&manifest),
    };
    put(folder, CHECKSUM, metadata.checksum().as_bytes())?;
    put(folder, METADATA, &metadata.render())?;
    Ok(Sealed {
        archive: folder.join(ARCHIVE),
        metadata,
    })
}

/// Take back a seal whose pack did not survive its own verification: the archive is renamed to [`BROKEN`], and its
/// checksum and metadata go. Returns where the archive lies now.
pub fn break_seal(folder: &Path) -> Result<PathBuf, SealError> {
    let broken = folder.join(BROKEN);
    within(folder, ARCHIVE, |path| fs::rename(path, &broken))?;
    within(folder, CHECKSUM, |path| fs::remove_file(path))?;
    within(folder, METADATA, |path| fs::remove_file(path))?;
    Ok(broken)
}

/// The SHA-256 the archive of these files would have, without writing it.
pub(crate) fn archive_digest(folder: &Path, names: &[&str]) -> io::Result<Digest> {
    let (digest, _) = pack_into(folder, names, io::sink())?;
    Ok(digest)
}

/// A file of the record, read once.
struct Member {
    digest: Digest,
    size: u64,
}

fn members_of(folder: &Path) -> Result<BTreeMap<String, Member>, SealError> {
    let mut findings = Vec::new();
    let walked = within(folder, "", |path| Folder::walk(path, &mut findings))?;
    if !findings.is_empty() {
        return Err(SealError::Unfit(findings));
    }
    let mut members = BTreeMap::new();
    // A table and a manifest of an earlier sealing are made anew.
    for name in walked
        .files()
        .keys()
        .filter(|name| ![TOC, MANIFEST].contains(&name.as_str()))
    {
        let (digest, size) = within(folder, name, |path| Digest::of_reader(File::open(path)?))?;
        members.insert(name.clone(), Member { digest, size });
    }
    Ok(members)
}

fn table(label: &Label, members: &BTreeMap<String, Member>) -> Toc {
    let listed = |(path, member): (&String, &Member)| {
        let role = role_of(path);
        (
            path.clone(),
            Listed {
                role,
                size: member.size,
            },
        )
    };
    Toc {
        format: FORMAT,
        closure: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: label.run_id.clone(),
        run_authority: label.run_authority.clone(),
        outcome: label.outcome,
        files: members.iter().map(listed).collect(),
        seed_evidence: seed_evidence(members.keys().map(String::as_str)),
    }
}

/// Write the archive under a passing name and rename it, so that an interrupted sealing leaves no half of one.
fn write_archive(folder: &Path, names: &[&str], path: &Path) -> io::Result<(Digest, u64)> {
    let part = folder.join(PART);
    let written = File::create(&part)
        .and_then(|file| pack_into(folder, names, file))
        .and_then(|done| fs::rename(&part, path).map(|()| done));
    if written.is_err() {
        // Why there is no archive is told by what failed first.
        let _gone = fs::remove_file(&part);
    }
    written
}

fn pack_into(folder: &Path, names: &[&str], out: impl Write) -> io::Result<(Digest, u64)> {
    let mut archive = Archive::new(Hashing::new(BufWriter::with_capacity(1 << 18, out)));
    for name in names {
        let path = folder.join(name);
        archive.add(name, measure(&path)?, File::open(&path)?)?;
    }
    archive.finish()?.finish()
}

fn measure(path: &Path) -> io::Result<Measure> {
    let mut measuring = Measuring::new(File::open(path)?);
    let mut buffer = vec![0; 1 << 18];
    while measuring.read(&mut buffer)? > 0 {}
    measuring.finish()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), SealError> {
    within(folder, name, |path| fs::write(path, bytes))
}

/// Do something to a file of the folder, and say which one when it fails.
fn within<T>(folder: &Path, name: &str, act: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, SealError> {
    let path = folder.join(name);
    act(&path).map_err(|source| SealError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use super::{SealError, seal};
    use crate::pack::{finding::Code, layout, specimen};

    #[test]
    fn two_seals_of_one_record_are_equal_byte_for_byte() {
        let folder = specimen::record();
        let first = seal(folder.path(), &specimen::label()).expect("it can be sealed");
        let bytes = fs::read(&first.archive).expect("it was written");
        let second = seal(folder.path(), &specimen::label()).expect("it can be sealed again");
        assert_eq!(first, second);
        assert_eq!(fs::read(&second.archive).expect("it was written"), bytes);
    }

    #[test]
    fn standard_tools_check_both_checksums_and_unpack_the_archive() {
        let folder = specimen::record();
        seal(folder.path(), &specimen::label()).expect("it can be sealed");
        let alone = tempfile::tempdir().expect("a folder can be made");
        for name in [layout::ARCHIVE, layout::CHECKSUM] {
            fs::copy(folder.path().join(name), alone.path().join(name)).expect("it is there");
        }
        for line in [
            ["sha256sum", "-c", layout::CHECKSUM],
            ["unzip", "-q", layout::ARCHIVE],
            ["sha256sum", "-c", layout::MANIFEST],
        ] {
            let done = Command::new(line[0])
                .args(&line[1..])
                .current_dir(alone.path())
                .output();
            let done = done.expect("the tool is on this machine");
            assert!(done.status.success(), "{line:?}: {done:?}");
        }
        let unpacked = fs::read(alone.path().join(layout::PLAN)).expect("it was unpacked");
        assert_eq!(
            unpacked,
            fs::read(folder.path().join(layout::PLAN)).expect("it was packed")
        );
    }

    #[test]
    fn what_a_pack_may_not_hold_is_refused_by_name() {
        let folder = specimen::record();
        symlink("/etc/hostname", folder.path().join("link.json")).expect("links can be made");
        fs::write(folder.path().join("a\\b"), "").expect("the name is legal here");
        let Err(SealError::Unfit(mut findings)) = seal(folder.path(), &specimen::label()) else {
            panic!("it was sealed");
        };
        findings.sort_by_key(|finding| finding.code);
        let found: Vec<_> = findings.iter().map(|f| (f.code, f.path.as_str())).collect();
        assert_eq!(
            found,
            [(Code::SymbolicLink, "link.json"), (Code::UnsafeName, "a\\\\b")]
        );
    }
}
