//! Wounds in what lies beside the archive.

use super::{Specimen, Wound, wound};
use crate::pack::finding::Code;

pub(super) const WOUNDS: &[Wound] = &[
    wound("checksum_altered", Code::ChecksumMismatch, checksum_altered),
    wound(
        "checksum_of_another_file",
        Code::ChecksumMalformed,
        checksum_of_another_file,
    ),
    wound("metadata_altered", Code::MetadataMismatch, metadata_altered),
];

/// Another digit in front.
fn checksum_altered(specimen: &Specimen) -> Specimen {
    let mut hurt = specimen.clone();
    if let Some((_, contents)) = &mut hurt.beside.checksum
        && let Some(digit) = contents.first_mut()
    {
        *digit = if *digit == b'0' { b'1' } else { b'0' };
    }
    hurt
}

fn checksum_of_another_file(specimen: &Specimen) -> Specimen {
    let mut hurt = specimen.clone();
    if let Some((_, contents)) = &mut hurt.beside.checksum {
        let text = String::from_utf8_lossy(contents).replace(".zip", "_of_yesterday.zip");
        *contents = text.into_bytes();
    }
    hurt
}

fn metadata_altered(specimen: &Specimen) -> Specimen {
    let mut hurt = specimen.clone();
    if let Some((_, contents)) = &mut hurt.beside.metadata {
        let text = String::from_utf8_lossy(contents).replace("\"entries\": ", "\"entries\": 1");
        *contents = text.into_bytes();
    }
    hurt
}
