//! Wounds in the bytes of the archive: headers, gaps, lengths.

use super::{
    Specimen, Wound,
    kit::{Place, alone, end_of, number, patch, places},
    wound,
};
use crate::pack::{finding::Code, header};

pub(super) const WOUNDS: &[Wound] = &[
    wound("bit_in_contents", Code::CrcMismatch, |s| flip(s, |p| p.contents)),
    wound("bit_in_local_header", Code::NotCanonical, |s| {
        flip(s, |p| p.local + 10)
    }),
    wound("bit_in_central_header", Code::NotCanonical, |s| {
        flip(s, |p| p.central + 12)
    }),
    wound("bit_in_end_record", Code::NotCanonical, bit_in_end_record),
    wound("truncated", Code::Truncated, truncated),
    wound("leading_bytes", Code::LeadingBytes, leading_bytes),
    wound("trailing_bytes", Code::TrailingBytes, trailing_bytes),
    wound("unclaimed_bytes", Code::UnclaimedBytes, unclaimed_bytes),
    wound(
        "overlapping_entries",
        Code::OverlappingEntries,
        overlapping_entries,
    ),
    wound("bomb", Code::OutOfBounds, bomb),
    wound("zip64", Code::Zip64, zip64),
    wound("broken_directory", Code::BrokenHeader, |s| flip(s, |p| p.central)),
    wound("deflated_entry", Code::NotStored, |s| both(s, 8, 10, &[8, 0])),
    wound("data_descriptor", Code::ForeignFlags, |s| {
        both(s, 6, 8, &[0x08, 0x08])
    }),
    wound("extra_field", Code::ExtraField, extra_field),
    wound("comment", Code::Comment, comment),
    wound("symbolic_link", Code::SymbolicLink, |s| mode(s, 0o120_777)),
    wound("device", Code::SpecialFile, |s| mode(s, 0o020_666)),
    wound("local_size_differs", Code::LocalDiffers, local_size_differs),
    wound("local_name_differs", Code::LocalDiffers, |s| {
        flip(s, |p| p.local + header::LOCAL)
    }),
];

/// Hurt the first entry that holds something.
fn first(specimen: &Specimen, hurt: impl FnOnce(&mut Vec<u8>, &Place)) -> Specimen {
    let mut archive = specimen.archive.clone();
    if let Some(place) = places(&archive).iter().find(|place| place.size > 0) {
        hurt(&mut archive, place);
    }
    alone(archive)
}

/// Hurt the archive where its end record stands.
fn at_end(specimen: &Specimen, hurt: impl FnOnce(&mut Vec<u8>, usize)) -> Specimen {
    let mut archive = specimen.archive.clone();
    if let Some(end) = end_of(&archive) {
        hurt(&mut archive, end);
    }
    alone(archive)
}

fn flip(specimen: &Specimen, at: fn(&Place) -> usize) -> Specimen {
    first(specimen, |archive, place| archive[at(place)] ^= 1)
}

/// Write the same field of both headers.
fn both(specimen: &Specimen, local: usize, central: usize, bytes: &[u8]) -> Specimen {
    first(specimen, |archive, place| {
        patch(archive, place.local + local, bytes);
        patch(archive, place.central + central, bytes);
    })
}

fn mode(specimen: &Specimen, mode: u32) -> Specimen {
    first(specimen, |archive, place| {
        patch(archive, place.central + 38, &(mode << 16).to_le_bytes());
    })
}

fn bit_in_end_record(specimen: &Specimen) -> Specimen {
    at_end(specimen, |archive, end| archive[end + 4] ^= 1)
}

fn truncated(specimen: &Specimen) -> Specimen {
    alone(specimen.archive[..specimen.archive.len() / 2].to_vec())
}

fn leading_bytes(specimen: &Specimen) -> Specimen {
    alone([b"#!/bin/sh\n", specimen.archive.as_slice()].concat())
}

fn trailing_bytes(specimen: &Specimen) -> Specimen {
    alone([specimen.archive.as_slice(), b"\0"].concat())
}

/// One byte between the entries and the directory, with the directory's offset set right.
fn unclaimed_bytes(specimen: &Specimen) -> Specimen {
    at_end(specimen, |archive, end| {
        let directory = number(archive, end + 16);
        patch_number(archive, end + 16, directory + 1);
        archive.insert(directory, 0);
    })
}

fn overlapping_entries(specimen: &Specimen) -> Specimen {
    let mut archive = specimen.archive.clone();
    if let [first, second, ..] = places(&archive).as_slice() {
        patch_number(&mut archive, second.central + 42, first.local);
    }
    alone(archive)
}

/// An entry that says it holds nearly 4 GiB.
fn bomb(specimen: &Specimen) -> Specimen {
    let size = [0xF0, 0xFF, 0xFF, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF];
    both(specimen, 18, 20, &size)
}

fn zip64(specimen: &Specimen) -> Specimen {
    at_end(specimen, |archive, end| {
        let mut locator = header::ZIP64_LOCATOR_SIGNATURE.to_vec();
        locator.resize(20, 0);
        archive.splice(end..end, locator);
    })
}

/// Four bytes of an extra field in the last header of the directory, with every length set right.
fn extra_field(specimen: &Specimen) -> Specimen {
    let last = places(&specimen.archive).pop();
    at_end(specimen, |archive, end| {
        if let Some(place) = last {
            let size = number(archive, end + 12);
            patch_number(archive, end + 12, size + 4);
            patch(archive, place.central + 30, &[4, 0]);
            archive.splice(end..end, [0xFE, 0xCA, 0, 0]);
        }
    })
}

fn comment(specimen: &Specimen) -> Specimen {
    at_end(specimen, |archive, end| {
        patch(archive, end + 20, &[2, 0]);
        archive.extend(b"ok");
    })
}

fn local_size_differs(specimen: &Specimen) -> Specimen {
    first(specimen, |archive, place| {
        patch_number(archive, place.local + 22, place.size + 1);
    })
}

fn patch_number(archive: &mut [u8], at: usize, number: usize) {
    // What lies in a pack is below 4 GiB.
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    patch(archive, at, &number.to_le_bytes());
}
