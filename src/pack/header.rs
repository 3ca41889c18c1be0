//! The canonical zip, byte by byte: each header is a function of name, size, CRC and offset, so no bit of it is free.
//!
//! Entries are STORED, made by Unix 2.0, flag 0x0800 (names are UTF-8) and no other, 1980-01-01 00:00, mode 0644.

use std::ops::Range;

use super::finding::Code;

pub(crate) const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
pub(crate) const CENTRAL_SIGNATURE: [u8; 4] = *b"PK\x01\x02";
pub(crate) const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
pub(crate) const ZIP64_LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";

/// Length of a local header without its name.
pub(crate) const LOCAL: usize = 30;
/// Length of a central header without its name.
pub(crate) const CENTRAL: usize = 46;
/// Length of the end record.
pub(crate) const END: usize = 22;
/// Length of the locator of the 64-bit extension.
pub(crate) const ZIP64_LOCATOR: u64 = 20;

/// The most entries a pack may hold: one less than the number that means "see the 64-bit extension".
pub(crate) const MAX_ENTRIES: usize = 65_534;
/// The most bytes a pack may have.
pub(crate) const MAX_LENGTH: u64 = u32::MAX as u64;

const VERSION: u16 = 20;
const MADE_BY_UNIX: u16 = 3 << 8 | VERSION;
const FLAGS: u16 = 0x0800;
const STORED: u16 = 0;
const TIME: u16 = 0;
/// Years since 1980, month, day, packed.
const DATE: u16 = 1 << 5 | 1;
const MODE: u32 = 0o100_644 << 16;

/// All that may differ from entry to entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) size: u32,
    pub(crate) crc: u32,
    pub(crate) offset: u32,
}

/// The header in front of an entry's contents.
pub(crate) fn local(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LOCAL + entry.name.len());
    bytes.extend(LOCAL_SIGNATURE);
    put_common(&mut bytes, entry);
    bytes.extend(&entry.name);
    bytes
}

/// The header in the central directory.
pub(crate) fn central(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CENTRAL + entry.name.len());
    bytes.extend(CENTRAL_SIGNATURE);
    bytes.extend(MADE_BY_UNIX.to_le_bytes());
    put_common(&mut bytes, entry);
    // Length of the comment, number of the disk, internal attributes.
    bytes.extend([0; 6]);
    bytes.extend(MODE.to_le_bytes());
    bytes.extend(entry.offset.to_le_bytes());
    bytes.extend(&entry.name);
    bytes
}

/// What both headers say in the same order: from the version needed to the length of the extra field.
fn put_common(bytes: &mut Vec<u8>, entry: &Entry) {
    for word in [VERSION, FLAGS, STORED, TIME, DATE] {
        bytes.extend(word.to_le_bytes());
    }
    for long in [entry.crc, entry.size, entry.size] {
        bytes.extend(long.to_le_bytes());
    }
    // Names are shorter than 64 KiB: a safe path has at most 240 bytes, and a claimed one came from a 16-bit length.
    let name_length = u16::try_from(entry.name.len()).unwrap_or(u16::MAX);
    bytes.extend(name_length.to_le_bytes());
    bytes.extend([0; 2]);
}

/// The record at the end.
pub(crate) fn end(count: u16, size: u32, offset: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(END);
    bytes.extend(END_SIGNATURE);
    bytes.extend([0; 4]);
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// A field of a header, and what it means when it differs from the canonical one.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) at: Range<usize>,
    pub(crate) code: Code,
}

const fn field(name: &'static str, at: usize, length: usize, code: Code) -> Field {
    Field {
        name,
        at: at..at + length,
        code,
    }
}

/// The fields of a local header.
pub(crate) const LOCAL_FIELDS: [Field; 11] = [
    field("signature", 0, 4, Code::BrokenHeader),
    field("version needed", 4, 2, Code::NotCanonical),
    field("flags", 6, 2, Code::ForeignFlags),
    field("method", 8, 2, Code::NotStored),
    field("time", 10, 2, Code::NotCanonical),
    field("date", 12, 2, Code::NotCanonical),
    field("CRC", 14, 4, Code::LocalDiffers),
    field("stored size", 18, 4, Code::LocalDiffers),
    field("size", 22, 4, Code::LocalDiffers),
    field("length of the name", 26, 2, Code::LocalDiffers),
    field("length of the extra field", 28, 2, Code::ExtraField),
];

/// The fields of a central header that are not the measure for the others.
pub(crate) const CENTRAL_FIELDS: [Field; 11] = [
    field("made by", 4, 2, Code::NotCanonical),
    field("version needed", 6, 2, Code::NotCanonical),
    field("flags", 8, 2, Code::ForeignFlags),
    field("method", 10, 2, Code::NotStored),
    field("time", 12, 2, Code::NotCanonical),
    field("date", 14, 2, Code::NotCanonical),
    field("stored size", 20, 4, Code::NotCanonical),
    field("length of the extra field", 30, 2, Code::ExtraField),
    field("length of the comment", 32, 2, Code::Comment),
    field("disk and internal attributes", 34, 4, Code::NotCanonical),
    field(MODE_FIELD, 38, 4, Code::NotCanonical),
];

/// The field that can make a link, a device or a directory of an entry.
pub(crate) const MODE_FIELD: &str = "mode";

/// The fields of the end record that are not the measure for the others.
pub(crate) const END_FIELDS: [Field; 3] = [
    field("number of the disk", 4, 4, Code::NotCanonical),
    field("entries on this disk", 8, 2, Code::NotCanonical),
    field("length of the comment", 20, 2, Code::Comment),
];

/// What kind of file a mode in the central directory makes of an entry, when it is not the canonical mode.
pub(crate) fn code_of_mode(mode: u64) -> Code {
    match mode >> 16 & 0o170_000 {
        0o120_000 => Code::SymbolicLink,
        0o040_000 => Code::Directory,
        0o100_000 | 0 => Code::NotCanonical,
        _ => Code::SpecialFile,
    }
}

/// An unsigned number of up to four bytes, the least first.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{CENTRAL, END, Entry, LOCAL, central, end, local};

    #[test]
    fn headers_have_the_lengths_the_format_gives_them() {
        let entry = Entry {
            name: b"a.json".to_vec(),
            size: 2,
            crc: 3,
            offset: 4,
        };
        assert_eq!(local(&entry).len(), LOCAL + 6);
        assert_eq!(central(&entry).len(), CENTRAL + 6);
        assert_eq!(end(1, 2, 3).len(), END);
    }
}
