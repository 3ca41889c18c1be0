//! The battery of wounds, on disk, before the real binary.

use std::{fs, path::Path};

use closure::{
    digest::Digest,
    pack::{
        beside::Beside,
        wounds::{Specimen, UNHARMED, battery},
    },
};

use crate::{good::good, suite::verify};

const ARCHIVE: &str = "closure_pack_artifact.zip";

#[test]
fn every_wound_earns_its_own_finding_and_exit_4_and_nothing_panics() {
    let healthy = Specimen::read(&good().archive()).unwrap();
    let mut earned = 0;
    for wound in battery() {
        let said = on_disk(&wound.inflict(&healthy)).exits(4);
        let finding = format!("{}: ", wound.expected);
        assert!(
            said.out.lines().any(|line| line.starts_with(&finding)),
            "{}: {said:?}",
            wound.name
        );
        assert!(!said.err.contains("panicked"), "{}: {said:?}", wound.name);
        earned += 1;
    }
    assert!(earned >= 16, "{earned} wounds");
}

#[test]
fn a_pack_that_was_not_hurt_goes_through_the_same_hands_unharmed() {
    on_disk(&UNHARMED.inflict(&Specimen::read(&good().archive()).unwrap())).exits(0);
}

/// Write an archive down beside its checksum, and verify it there. A wound in what lies inside gets a checksum that
/// is right: its own finding must give it away.
fn on_disk(specimen: &Specimen) -> crate::suite::Said {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join(ARCHIVE);
    fs::write(&archive, &specimen.archive).unwrap();
    if specimen.beside == Beside::default() {
        let line = format!("{}  {ARCHIVE}\n", Digest::of(&specimen.archive));
        fs::write(archive.with_extension("sha256"), line).unwrap();
    }
    write(folder.path(), specimen.beside.checksum.as_ref());
    write(folder.path(), specimen.beside.metadata.as_ref());
    verify(&archive)
}

fn write(folder: &Path, file: Option<&(String, Vec<u8>)>) {
    if let Some((name, contents)) = file {
        fs::write(folder.join(name), contents).unwrap();
    }
}
